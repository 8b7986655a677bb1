// What a program of ours was given is what those it starts are given, whatever the runtime did in between. With the built
// executable: there the runtime is the one that is shipped.
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { bareCommand, said } from "../../tests/support/bare.ts";
import { ours, suites } from "../../tests/support/programs.ts";
import { Sandbox, stat } from "../../tests/support/sandbox.ts";
import { until } from "../../tests/support/until.ts";

const THEN = '"$@"; true'; // Not exec: sh stays the parent.

test("the command line is given byte for byte, empty words and all", async () => {
  await using box = new Sandbox();
  const words = bareCommand(box, "say(inherited.commandLine().slice(-4));");
  const { stdout } = await box.run([
    "/bin/sh",
    "-c",
    '"$@" "$(printf "\\377\\303")" "" "a b" ""',
    "sh",
    ...words,
  ]);
  expect(said(stdout)).toEqual([["\xff\xc3", "", "a b", ""]]);
});

test("descriptors that were inherited are passed on, those of the runtime and later ones are not", async () => {
  await using box = new Sandbox();
  const words = bareCommand(
    box,
    `inherited.passOn(inherited.givenDescriptors());
     const mine = files.openat(files.AT_FDCWD, "/dev/null", files.O_RDONLY);
     say(mine);
     const spawner = new processes.Spawner({ mask: 0n, defaults: 0n }, environments.environment());
     const child = spawner.spawn("/bin/sleep", ["sleep", "20"], []);
     // The kernel lets the parent go on before it closes what is closed on exec; what it then loads is closed when it sleeps.
     while (!/\\(sleep\\) S /.test(files.readFile("/proc/" + child + "/stat")));
     const directory = files.openat(files.AT_FDCWD, "/proc/" + child + "/fd", files.O_RDONLY);
     say(files.readdir(directory).filter((name) => !name.startsWith(".")).map(Number));
     processes.kill(child, "SIGKILL");
     processes.waitFor(child);`,
  );
  const script = 'exec 5</dev/zero 9>/dev/full 200</dev/null; exec "$@"';
  const [mine, open] = said((await box.run(["/bin/bash", "-c", script, "bash", ...words])).stdout);
  expect(open as number[]).toEqual([0, 1, 2, 5, 9, 200]);
  expect(open as number[]).not.toContain(mine as number);
});

describe("what DescriptorLimit promises", () => {
  const script = `const limit = new inherited.DescriptorLimit();
    const soft = () => Number(limits.getrlimit("NOFILE").soft);
    say(soft());
    say(limit.open(() => soft()));
    const open = () => files.openat(files.AT_FDCWD, "/dev/null", files.O_RDONLY);
    let count = 0;
    try { for (; count < 1000; count++) limit.open(open); } catch (error) { say(errors.errnoOf(error)); }
    say(count);
    say(soft());
    const spawner = new processes.Spawner({ mask: 0n, defaults: 0n }, environments.environment());
    processes.waitFor(spawner.spawn("/bin/sh", ["sh", "-c", "ulimit -Sn; ulimit -Hn"], []));`;

  test("the soft limit is the inherited one between calls, and no limit to what we open", async () => {
    await using box = new Sandbox();
    const words = bareCommand(box, script);
    const { stdout } = await box.run([
      "/bin/sh",
      "-c",
      `ulimit -Sn 300; ulimit -Hn 2000; ${THEN}`,
      "sh",
      ...words,
    ]);
    expect(said(stdout)).toEqual([300, 300, 1000, 300, 300, 2000]);
  });

  test("the hard limit is one", async () => {
    await using box = new Sandbox();
    const words = bareCommand(box, script);
    const { stdout } = await box.run([
      "/bin/sh",
      "-c",
      `ulimit -Sn 300; ulimit -Hn 400; ${THEN}`,
      "sh",
      ...words,
    ]);
    const [soft, inside, errno, count, after, ...child] = said(stdout) as number[];
    expect([soft, inside, errno, after, ...child]).toEqual([300, 300, 24, 300, 300, 400]);
    expect(count).toBeGreaterThan(300);
  });

  test("room is made before what must not lose a descriptor, and is free afterwards", async () => {
    await using box = new Sandbox();
    const words = bareCommand(
      box,
      `const limit = new inherited.DescriptorLimit();
      const open = () => files.openat(files.AT_FDCWD, "/dev/null", files.O_RDONLY);
      const failure = (act) => { try { act(); return 0; } catch (error) { return errors.errnoOf(error); } };
      let held = [];
      while (failure(() => held.push(limit.open(open))) === 0);
      const all = held.length;
      limit.relieve = () => { const file = held.pop(); if (file !== undefined) files.close(file); return file !== undefined; };
      say(limit.withRoom(8, () => failure(() => limit.open(open))));
      say(all - held.length);
      for (let i = 0; i < 8; i++) open();
      say(failure(open));
      say(failure(() => limit.withRoom(all + 1, () => say("never"))));
      say(held.length);`,
    );
    const { stdout } = await box.run(["/bin/sh", "-c", `ulimit -n 300; ${THEN}`, "sh", ...words]);
    expect(said(stdout)).toEqual([24, 8, 24, 24, 0]);
  });
});

/** A service that stays, and changes nothing of what it was given: it is looked at from outside. */
const WITNESS = "#!/usr/bin/tail -f\n";
/** Descriptors that tail itself opens. */
const OF_TAIL = ["3", "4"];

describe.each(suites)("what supervise of $suite passes on to its service", ({ program }) => {
  async function witness(box: Sandbox, script: string, run = WITNESS): Promise<string> {
    box.service("s", { run });
    box.start(["/bin/bash", "-c", script, "bash", program("supervise"), "s"]);
    const pid = await box.up("s");
    // C says that it is up before it has become what it is.
    const isTail = () => readlinkSync(`/proc/${pid}/exe`).endsWith("/tail");
    // It sleeps when it has loaded its libraries, and closed them.
    await until(() => isTail() && stat(pid).state === "S", "the service is what it is");
    return `/proc/${pid}`;
  }

  test("the soft and the hard limit of descriptors", async () => {
    await using box = new Sandbox();
    const of = await witness(box, `ulimit -Sn 300; ulimit -Hn 4000; ${THEN}`);
    const line = readFileSync(`${of}/limits`, "latin1")
      .split("\n")
      .find((one) => one.startsWith("Max open files"));
    expect(line?.split(/ {2,}/).slice(1, 3)).toEqual(["300", "4000"]);
  });

  test("a limit of both that was set in the process that became supervise", async () => {
    await using box = new Sandbox();
    const of = await witness(box, 'ulimit -n 300; exec "$@"');
    expect(readFileSync(`${of}/limits`, "latin1")).toMatch(/^Max open files +300 +300 /m);
  });

  test("its descriptors, and none of the supervisor's", async () => {
    await using box = new Sandbox();
    const of = await witness(box, 'exec 5</dev/zero 200>/dev/full; exec "$@"');
    const open = readdirSync(`${of}/fd`).filter((name) => !OF_TAIL.includes(name));
    const links = Object.fromEntries(open.map((name) => [name, readlinkSync(`${of}/fd/${name}`)]));
    expect(Object.keys(links).sort()).toEqual(["0", "1", "2", "200", "5"]);
    expect(links).toMatchObject({ 0: "/dev/null", 5: "/dev/zero", 200: "/dev/full" });
  });

  test("the signals that are blocked and ignored, SIGCHLD apart", async () => {
    await using box = new Sandbox();
    const of = await witness(
      box,
      'exec env --default-signal --ignore-signal=HUP,USR2 --block-signal=USR1,CHLD "$@"',
    );
    const status = readFileSync(`${of}/status`, "latin1");
    const set = (name: string) => new RegExp(`${name}:\\t(.*)`).exec(status)?.[1];
    expect(set("SigBlk")).toBe("0000000000000200");
    expect(set("SigIgn")).toBe("0000000000000801");
  });

  test("the environment byte for byte, in its order", async () => {
    await using box = new Sandbox();
    const mark = "TEND_TEST_SANDBOX=$TEND_TEST_SANDBOX";
    const of = await witness(box, `exec env -i Z=1 "A=$(printf '\\377\\n x')" EMPTY= "${mark}" "$@"`);
    const variables = readFileSync(`${of}/environ`, "latin1").split("\0");
    expect(variables.slice(0, 3)).toEqual(["Z=1", "A=\xff\n x", "EMPTY="]);
    expect(variables.length).toBe(5);
  });

  test("argv ./run, the service directory, our session and process group", async () => {
    await using box = new Sandbox();
    const of = await witness(box, 'exec "$@"');
    expect(readFileSync(`${of}/cmdline`, "latin1")).toBe("/usr/bin/tail\0-f\0./run\0");
    expect(readlinkSync(`${of}/cwd`)).toBe(box.at("s"));
    const { parent, session, group } = stat(Number(of.slice(6)));
    expect([session, group]).toEqual([parent, parent]);
  });
});

test("a supervisor started by hostile files in its directory loads none of them", async () => {
  await using box = new Sandbox();
  const evil = "require('fs').writeFileSync('loaded', '')";
  box.service("s", {
    run: "#!/bin/sh\n>started\nexec sleep 100000\n",
    files: {
      ".env": "TEND_SUPERVISE=/bin/false\nEVIL=1\n",
      "bunfig.toml": 'preload = ["./evil.js"]\n',
      "tsconfig.json": '{ "compilerOptions": { "paths": { "*": ["./evil.js"] } } }',
      "package.json": '{ "main": "evil.js", "imports": { "#x": "./evil.js" } }',
      "evil.js": evil,
      "node_modules/bun:ffi/index.js": evil,
    },
  });
  box.start([ours("supervise"), "."], { cwd: box.at("s") });
  await until(() => box.has("s/started"), "the service runs");
  expect(box.has("s/loaded")).toBe(false);
  expect(readFileSync(`/proc/${await box.up("s")}/environ`, "latin1")).not.toContain("EVIL");
});
