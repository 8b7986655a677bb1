// `supervise/status` is not what it was. C: writes a new one over any file at its start and at each change, and warns at
// each change where it is a directory. svstat: see tests/conformance/svstat.test.ts.
import { expect, test } from "bun:test";
import { lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { encodeStatus } from "../../src/formats/status.ts";
import { ours } from "../support/programs.ts";
import { alive, childrenOf, Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const mkfifo = (path: string) => void Bun.spawnSync(["mkfifo", path]);

/** What may be found in place of the status, or of its next one. */
const DAMAGES: readonly (readonly [what: string, put: (path: string) => void])[] = [
  ["is empty", (path) => writeFileSync(path, "")],
  ["is short", (path) => writeFileSync(path, Buffer.alloc(17, 0xff))],
  ["is long", (path) => writeFileSync(path, Buffer.alloc(100_000, 0xff))],
  ["is garbage", (path) => writeFileSync(path, Buffer.alloc(18, 0xff))],
  ["is missing", () => {}],
  ["is a link to another file", (path) => symlinkSync("../../precious", path)],
  ["is a dangling link", (path) => symlinkSync("../../nowhere", path)],
  ["is a fifo", mkfifo],
];

for (const [what, put] of DAMAGES) {
  for (const name of ["status", "status.new"]) {
    test.concurrent(`a ${name} that ${what} at the start does no harm`, async () => {
      await using box = new Sandbox();
      box.file("precious", "precious\n");
      const dir = box.service("s");
      mkdirSync(box.at("s/supervise"));
      put(box.at("s/supervise", name));
      const supervisor = box.supervise("s");
      await until(() => pidIn(box, "s") !== 0, "the status tells a pid");
      let pid = await box.up("s");
      for (let i = 0; i < 2; i++) {
        await box.run([ours("svc"), "-k", dir]);
        pid = await box.up("s", pid);
      }
      expect((await box.run([ours("svstat"), "s"])).stdout).toStartWith(`s: up (pid ${pid}) `);
      expect(lstatSync(box.at("s/supervise/status")).isFile()).toBe(true);
      expect(box.statusBytes("s")?.length).toBe(18);
      expect(readFileSync(box.at("precious"), "utf8")).toBe("precious\n");
      expect(supervisor.stderr).toBe("");
    });

    test.concurrent(`a ${name} that ${what} while the service runs is put right at the next change`, async () => {
      await using box = new Sandbox();
      box.file("precious", "precious\n");
      const dir = box.service("s");
      const supervisor = box.supervise("s");
      let pid = await box.up("s");
      rmSync(box.at("s/supervise", name), { force: true });
      put(box.at("s/supervise", name));
      for (let i = 0; i < 3; i++) {
        process.kill(pid, "SIGKILL");
        pid = await until(
          () => {
            const next = pidIn(box, "s");
            return next !== 0 && next !== pid && alive(next) && next;
          },
          `start ${i + 2} is in the status`,
        );
      }
      await box.run([ours("svc"), "-d", dir]);
      await box.down("s");
      expect(lstatSync(box.at("s/supervise/status")).isFile()).toBe(true);
      expect(box.statusBytes("s")?.length).toBe(18);
      expect(readFileSync(box.at("precious"), "utf8")).toBe("precious\n");
      expect(supervisor.stderr).toBe("");
    });
  }
}

/** The pid in the status, 0 where there is none. */
function pidIn(box: Sandbox, name: string): number {
  try {
    return box.status(name)?.pid ?? 0;
  } catch {
    return 0;
  }
}

test.concurrent.each(["status", "status.new"])(
  "a directory called %s is said once, and the status is right once it is gone",
  async (name) => {
    await using box = new Sandbox();
    box.service("s");
    const supervisor = box.supervise("s");
    const first = await box.up("s");
    rmSync(box.at("s/supervise", name), { force: true });
    mkdirSync(box.at("s/supervise", name, "full"), { recursive: true });
    let before = first;
    for (let i = 0; i < 2; i++) {
      process.kill(before, "SIGKILL");
      before = await until(
        () => childrenOf(supervisor.pid).find((pid) => pid !== before && alive(pid)),
        "it is restarted",
      );
    }
    rmSync(box.at("s/supervise", name), { recursive: true });
    const pid = await box.up("s", first);
    expect(childrenOf(supervisor.pid).filter(alive)).toEqual([pid]);
    expect(supervisor.stderr).toMatch(
      /^supervise: warning: unable to (rename|open) s\/supervise\/status.new.*: is a directory\n$/,
    );
  },
);

test.concurrent("a status that names a stranger's process: it is neither adopted nor signalled", async () => {
  await using box = new Sandbox();
  const stranger = box.start(["/bin/sleep", "100000"]);
  const dir = box.service("s");
  mkdirSync(box.at("s/supervise"));
  const since = { seconds: BigInt(Math.floor(Date.now() / 1000)), nanoseconds: 0 };
  writeFileSync(
    box.at("s/supervise/status"),
    encodeStatus({ since, pid: stranger.pid, paused: false, want: "up" }),
  );
  box.supervise("s");
  const pid = await box.up("s", stranger.pid);
  await box.run([ours("svc"), "-dk", dir]);
  await box.down("s");
  expect([alive(stranger.pid), alive(pid)]).toEqual([true, false]);
});
