// A process of its own for each: what is tested may end it.
import { expect, test } from "bun:test";
import { bare, startBare } from "../../tests/support/bare.ts";
import { Sandbox } from "../../tests/support/sandbox.ts";

/** Files of a page each, mapped. */
const PAGES = `
  const { AT_FDCWD, O_RDWR, O_CREAT, O_TRUNC } = files;
  const file = (name) => {
    const made = files.openat(AT_FDCWD, name, O_RDWR | O_CREAT | O_TRUNC, 0o600);
    files.pwrite(made, new Uint8Array(4096).fill(7), 0);
    return made;
  };
  const cut = (name) => files.close(files.openat(AT_FDCWD, name, O_RDWR | O_TRUNC));
`;

const guards = test.skipIf(process.arch !== "x64");

guards("a page whose file is cut short becomes zeros at a load or a store, and others stay", async () => {
  await using box = new Sandbox();
  const got = await bare(
    box,
    `${PAGES}
     const [a, b, c] = ["a", "b", "c"].map((name) => memory.mapPage(file(name)));
     say([a.bytes[0], a.bytes[4095], lost.lostPages()]);
     cut("a");
     cut("b");
     say([a.bytes[0], lost.lostPages()]);
     b.bytes[5] = 9;
     say([b.bytes[4], b.bytes[5], lost.lostPages()]);
     a.bytes[1] = 1;
     say([a.bytes[1], c.bytes[1], lost.lostPages()]);
     for (const each of [a, b, c]) each.unmap();
     const again = memory.mapPage(file("d"));
     say([again.bytes[0], [a, b, c].some(({ address }) => address === again.address)]);`,
  );
  expect(got).toEqual([
    [7, 7, 0],
    [0, 1],
    [0, 9, 2],
    [1, 7, 2],
    [7, true],
  ]);
});

guards("what the kernel is to store into a lost page fails, and harms nobody", async () => {
  await using box = new Sandbox();
  const got = await bare(
    box,
    `${PAGES}
     const page = memory.mapPage(file("a"));
     const spawner = new processes.Spawner({ mask: 0n, defaults: 0n, privateFrom: units.fd(50) }, environments.environment());
     cut("a");
     const child = spawner.spawn("/bin/true", ["true"], [], { tell: page.address + 96 });
     processes.waitFor(child);
     say([child > 0, new DataView(page.bytes.buffer).getUint32(96, true)]);`,
  );
  expect(got).toEqual([[true, 0]]);
});

test("any other SIGBUS ends the process as before", async () => {
  await using box = new Sandbox();
  for (const act of [
    `const other = memory.mapShared(file("b"), 4096); cut("b"); other.bytes[0] = 1;`,
    `processes.kill(processes.getpid(), units.signo(7));`,
  ]) {
    const running = startBare(
      box,
      `${PAGES} const page = memory.mapPage(file("a")); say(page.bytes[0]); ${act} say("not reached");`,
    );
    const { code, signal, stdout } = await running.ended();
    expect(stdout).toBe("7\n");
    expect(code === 0 ? "ended well" : signal).not.toBe("ended well");
  }
});
