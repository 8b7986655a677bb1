// Scripts in control/: run in the place of a command's signal, one at a time, never in the way of anybody, killed in the end;
// and in the same order as under runsv(8).
import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { ServiceRecord } from "../../src/formats/service-record.ts";
import { command, supervised } from "../support/control.ts";
import { mkfifoSync } from "../support/fifo.ts";
import { which } from "../support/programs.ts";
import { alive, Sandbox, signal } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/** Notes each signal; TERM ends it. Not bash, which now and then forgets a TERM that comes just after an INT. */
const NOTES = `#!/bin/sh
for s in HUP ALRM INT CONT; do trap "echo got $s >>said" $s; done
trap 'echo got TERM >>said; exit 0' TERM
echo run >>said
while :; do sleep 0.02; done
`;
const script = (name: string, code: number): string =>
  `#!/bin/sh\necho script ${name} >>said\nexit ${code}\n`;
/** Says that it is there, and goes on when it may, with that exit code. */
const gated = (name: string, code = 1): string =>
  `#!/bin/sh\necho script ${name} >>said\necho $$ >>scripts\nuntil [ -e gate ]; do sleep 0.02; done\nexit ${code}\n`;

const linesOf = (path: string): string[] =>
  existsSync(path) ? readFileSync(path, "latin1").split("\n").slice(0, -1) : [];
const said = (box: Sandbox): string[] => linesOf(box.at("web/said"));
const saying = (box: Sandbox, what: string, times = 1): Promise<unknown> =>
  until(() => said(box).filter((line) => line === what).length >= times, `${what} is said ${times} times`);

test.concurrent("a script runs instead of the signal, and that is sent unless it exits 0", async () => {
  await using box = new Sandbox();
  box.service("web", {
    run: NOTES,
    files: { "control/h": script("h", 0), "control/i": script("i", 1), "control/a": script("a", 0) },
  });
  const supervisor = box.supervise("web");
  await saying(box, "run");
  command(box.at("web"), "hia");
  await saying(box, "script a");
  command(box.at("web"), "t");
  await saying(box, "run", 2);
  const all = said(box);
  expect(all.filter((line) => line.startsWith("script"))).toEqual(["script h", "script i", "script a"]);
  expect(all.filter((line) => line.startsWith("got"))).toEqual(["got INT", "got TERM"]);
  expect(supervisor.stderr).toBe("");
});

test.concurrent("d: control/t, then CONT, then control/d; without them it is as ever", async () => {
  await using box = new Sandbox();
  box.service("web", {
    run: NOTES,
    files: {
      ...{ "control/t": script("t", 1), "control/d": script("d", 1), "control/x": script("x", 0) },
      finish: "#!/bin/sh\necho finish $1 >>said\n",
    },
  });
  const supervisor = box.supervise("web");
  await saying(box, "run");
  command(box.at("web"), "dx");
  expect((await supervisor.ended()).code).toBe(0);
  const all = said(box);
  expect(all.slice(0, 2)).toEqual(["run", "script t"]);
  expect(all.at(-1)).toBe("finish 0");
  // The service takes its signals when it likes.
  const scripts = all.filter((line) => line.startsWith("script"));
  expect(scripts.slice(0, 2)).toEqual(["script t", "script d"]);
  expect(all).toContain("got TERM");
});

test.concurrent("control/t that exits 0 has ended it in its own way: no TERM", async () => {
  await using box = new Sandbox();
  box.service("web", { run: NOTES, files: { "control/t": "#!/bin/sh\nkill -9 $(cat pid)\n" } });
  box.file(
    "web/run",
    NOTES.replace("echo run", () => "echo $$ >pid; echo run"),
  );
  box.supervise("web");
  await saying(box, "run");
  command(box.at("web"), "d");
  await box.down("web");
  expect(said(box)).not.toContain("got TERM");
});

test.concurrent("a script that hangs is killed with what it started, then comes the signal; wishes count at once", async () => {
  await using box = new Sandbox();
  box.service("web", {
    run: NOTES,
    files: {
      "control/t": "#!/bin/sh\ntrap '' TERM\nsleep 100000 & echo $$ $! >>scripts\nwait\n",
      "timeout-control": "1500",
    },
  });
  const supervisor = box.supervise("web");
  await saying(box, "run");
  command(box.at("web"), "d");
  await until(() => linesOf(box.at("web/scripts")).length === 1, "the script runs");
  expect(box.status("web")).toMatchObject({ want: "down" });
  command(box.at("web"), "u");
  await until(() => box.status("web")?.want === "up", "u is taken");
  command(box.at("web"), "d");
  await box.down("web");
  expect(said(box)).toContain("got TERM");
  expect(supervisor.stderr).toContain(
    "supervise: warning: web: control/t takes longer than 1500 ms, killing it\n",
  );
  const pids = linesOf(box.at("web/scripts")).flatMap((line) => line.split(" ").map(Number));
  await until(() => !pids.some(alive), "nothing of it is left");
});

test.concurrent("k does not wait for a script that hangs, nor for what was to come after it", async () => {
  await using box = new Sandbox();
  box.service("web", {
    run: NOTES,
    files: {
      "control/t": "#!/bin/sh\ntrap '' TERM\necho $$ >>scripts\nsleep 100000\n",
      "control/d": script("d", 0),
      "timeout-control": "0",
    },
  });
  const supervisor = box.supervise("web");
  await saying(box, "run");
  const pid = await box.up("web");
  command(box.at("web"), "d");
  await until(() => linesOf(box.at("web/scripts")).length === 1, "control/t runs");
  command(box.at("web"), "k");
  await box.down("web");
  expect([pid, ...linesOf(box.at("web/scripts")).map(Number)].filter(alive)).toEqual([]);
  // KILL came instead of what was to follow control/t, but for its signal.
  expect(said(box).filter((line) => line.startsWith("script"))).toEqual([]);
  expect(supervisor.stderr).toBe("");
});

test.concurrent("k ends control/u and finish that hang", async () => {
  await using box = new Sandbox();
  const hangs = "#!/bin/sh\necho $$ >>scripts\nsleep 100000\n";
  box.service("web", {
    run: NOTES,
    files: { "control/u": hangs, finish: hangs, "timeout-control": "0", "timeout-finish": "0" },
  });
  box.supervise("web");
  const scripts = () => linesOf(box.at("web/scripts")).map(Number);
  await until(() => scripts().length === 1, "control/u runs");
  command(box.at("web"), "k");
  await saying(box, "run");
  command(box.at("web"), "d");
  await until(() => scripts().length === 2, "finish runs");
  command(box.at("web"), "k");
  await until(() => !scripts().some(alive), "both are gone");
  command(box.at("web"), "x");
});

test.concurrent("control/u runs before each start, whatever it exits with; d in the middle of it cancels the start", async () => {
  await using box = new Sandbox();
  box.service("web", {
    ...{ run: NOTES, down: true },
    files: { "control/u": gated("u"), "timeout-control": "0" },
  });
  box.supervise("web");
  await until(() => supervised(box.at("web")), "it is supervised");
  command(box.at("web"), "u");
  await saying(box, "script u");
  command(box.at("web"), "d");
  await until(() => box.status("web")?.want === "down", "d is taken");
  box.file("web/gate", "");
  const record = () => new ServiceRecord(new Uint8Array(readFileSync(box.at("web/supervise/record"))));
  await until(() => record().phase === "idle", "the start is off");
  command(box.at("web"), "u");
  await saying(box, "run");
  expect(said(box)).toEqual(["script u", "script u", "run"]);
});

test.concurrent("a service that ends by itself while a script runs is started again when that is over", async () => {
  await using box = new Sandbox();
  box.service("web", { run: NOTES, files: { "control/h": gated("h"), "timeout-control": "0" } });
  box.supervise("web");
  const pid = await box.up("web");
  await saying(box, "run");
  command(box.at("web"), "h");
  await saying(box, "script h");
  signal(pid, "SIGKILL");
  await until(() => !alive(pid), "it is gone");
  command(box.at("web"), "i");
  box.file("web/gate", "");
  await saying(box, "run", 2);
  expect(said(box).filter((line) => line !== "got INT")).toEqual(["run", "script h", "run"]);
});

test.concurrent("kill -9 of the supervisor while control/t runs: it is taken over, not run again, and TERM follows", async () => {
  await using box = new Sandbox();
  box.service("web", { run: NOTES, files: { "control/t": gated("t", 0), "timeout-control": "0" } });
  const first = box.supervise("web");
  await saying(box, "run");
  command(box.at("web"), "d");
  await saying(box, "script t");
  first.signal("SIGKILL");
  await first.ended();
  box.supervise("web");
  await until(() => supervised(box.at("web")), "the next one is there");
  box.file("web/gate", "");
  await box.down("web");
  expect(said(box).filter((line) => line !== "got CONT")).toEqual(["run", "script t", "got TERM"]);
  expect(box.status("web")?.want).toBe("down");
});

test.concurrent("p whose script does it pauses nothing, and is not shown", async () => {
  await using box = new Sandbox();
  box.service("web", { run: NOTES, files: { "control/p": script("p", 0) } });
  box.supervise("web");
  const pid = await box.up("web");
  await saying(box, "run");
  command(box.at("web"), "p");
  await saying(box, "script p");
  await until(() => box.status("web")?.paused === false, "it is not paused");
  command(box.at("web"), "h");
  await saying(box, "got HUP");
  expect(alive(pid)).toBe(true);
});

const HOSTILE: readonly (readonly [string, (path: string) => void, string])[] = [
  ["directory", (path) => mkdirSync(path), ""],
  ["fifo", mkfifoSync, ""],
  ["file that is not executable", (path) => writeFileSync(path, "#!/bin/sh\n>never\n"), ""],
  [
    "file without an interpreter",
    (path) => {
      writeFileSync(path, "echo hello\n");
      chmodSync(path, 0o755);
    },
    "supervise: warning: web: unable to run control/t: exec format error\n",
  ],
];
test.concurrent.each(HOSTILE)("a %s in the place of control/t is no script", async (_, make, message) => {
  await using box = new Sandbox();
  box.service("web", { run: NOTES });
  box.directory("web/control");
  make(box.at("web/control/t"));
  const supervisor = box.supervise("web");
  await saying(box, "run");
  command(box.at("web"), "t");
  await saying(box, "run", 2);
  expect(said(box)).toEqual(["run", "got TERM", "run"]);
  expect(supervisor.stderr).toBe(message);
});

test.concurrent.each([
  ["file", (path: string) => writeFileSync(path, "")],
  ["fifo", mkfifoSync],
])("a %s in the place of the directory control is none", async (_, make) => {
  await using box = new Sandbox();
  box.service("web", { run: NOTES });
  make(box.at("web/control"));
  const supervisor = box.supervise("web");
  await saying(box, "run");
  command(box.at("web"), "t");
  await saying(box, "run", 2);
  expect(said(box)).toEqual(["run", "got TERM", "run"]);
  expect(supervisor.stderr).toBe("");
});

test.concurrent("a flood of commands while a script runs is taken, bounded, and told once", async () => {
  await using box = new Sandbox();
  box.service("web", { run: NOTES, files: { "control/h": gated("h", 0), "timeout-control": "0" } });
  const supervisor = box.supervise("web");
  await saying(box, "run");
  command(box.at("web"), "h".repeat(500));
  await until(() => supervisor.stderr !== "", "it is told");
  expect(supervisor.stderr).toBe(
    "supervise: warning: web: commands wait for a script in control/, and no more are taken\n",
  );
  box.file("web/gate", "");
  command(box.at("web"), "dx");
  expect((await supervisor.ended()).code).toBe(0);
});

/** What is asked of the service, and how many lines it must have said before the next is. */
const ORDER: readonly (readonly [string, number])[] = [
  ["h", 4],
  ["i", 5],
  ["t", 10],
  ["d", 14],
];
test.concurrent.skipIf(which("runsv") === null)("the order of events is that under runsv", async () => {
  const events = async (begin: (box: Sandbox) => unknown): Promise<string[]> => {
    await using box = new Sandbox();
    const noting = (name: string, code: number) => [`control/${name}`, script(name, code)] as const;
    box.service("web", {
      run: "#!/bin/sh\nfor s in HUP INT; do trap \"echo got $s >>said\" $s; done\ntrap 'sleep 0.3; echo got TERM >>said; exit 0' TERM\necho run >>said\nwhile :; do sleep 0.02; done\n",
      files: {
        ...Object.fromEntries([
          noting("h", 1),
          noting("i", 0),
          noting("t", 1),
          noting("d", 1),
          noting("u", 0),
        ]),
        finish: "#!/bin/sh\necho finish $1 $2 >>said\n",
      },
    });
    begin(box);
    await saying(box, "run");
    for (const [letter, lines] of ORDER) {
      command(box.at("web"), letter);
      await until(() => said(box).length >= lines, `${letter} has led to ${lines} lines`);
    }
    return said(box);
  };
  const theirs = await events((box) => box.start(["runsv", box.at("web")]));
  const ours = await events((box) => box.supervise("web"));
  expect(ours).toEqual(theirs);
});
