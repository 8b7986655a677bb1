// finish: run after each death, told how it came, never in the way of a command, and never beside another start.
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { command, supervised } from "../support/control.ts";
import { mkfifoSync } from "../support/fifo.ts";
import { ours } from "../support/programs.ts";
import { alive, Sandbox, signal } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/** Notes its arguments, one line a call. */
const NOTE = '#!/bin/sh\necho "$#" "$@" >>said\n';
/** Says that it is there, and goes on when it may. */
const GATED = "#!/bin/sh\necho $$ >>finishing\nuntil [ -e gate ]; do sleep 0.01; done\n";
const SLEEPER_ONCE = "#!/bin/sh\necho $$ >>started\nexec sleep 100000\n";

const linesOf = (path: string): string[] =>
  existsSync(path) ? readFileSync(path, "latin1").split("\n").slice(0, -1) : [];

test.concurrent("finish gets the exit code or 256, the signal, the name and the pid of the dead run", async () => {
  await using box = new Sandbox();
  box.service("web", {
    run: "#!/bin/sh\n[ -e again ] && exec sleep 100000\n>again\nexit 7\n",
    files: { finish: NOTE },
  });
  box.supervise("web");
  const pid = await box.up("web");
  await until(() => linesOf(box.at("web/said")).length === 1, "the first finish");
  signal(pid, "SIGHUP");
  await until(() => linesOf(box.at("web/said")).length === 2, "the second finish");
  const [first, second] = linesOf(box.at("web/said"));
  expect(first).toMatch(/^4 7 0 web \d+$/);
  expect(second).toBe(`4 256 1 web ${pid}`);
});

test.concurrent("the service is not started before finish is over; svstat says down, and commands are taken", async () => {
  await using box = new Sandbox();
  box.service("web", { run: SLEEPER_ONCE, files: { finish: GATED, "timeout-finish": "0" } });
  box.supervise("web");
  const pid = await box.up("web");
  await until(() => linesOf(box.at("web/started")).length === 1, "it has started");
  signal(pid, "SIGKILL");
  await until(() => linesOf(box.at("web/finishing")).length === 1, "finish runs");
  await box.down("web");
  const { stdout } = await box.run([ours("svstat"), "web"]);
  expect(stdout).toMatch(/^web: down \d+ seconds, normally up, want up\n$/);
  command(box.at("web"), "d");
  await until(() => box.status("web")?.want === "down", "d is taken");
  command(box.at("web"), "u");
  await until(() => box.status("web")?.want === "up", "u is taken");
  command(box.at("web"), "k");
  expect(linesOf(box.at("web/started"))).toHaveLength(1);
  box.file("web/gate", "");
  await box.up("web", pid);
  await until(() => linesOf(box.at("web/started")).length === 2, "it is started once");
});

test.concurrent("x while finish runs: the supervisor leaves once it is over", async () => {
  await using box = new Sandbox();
  box.service("web", { run: SLEEPER_ONCE, files: { finish: GATED, "timeout-finish": "0" } });
  const supervisor = box.supervise("web");
  await box.up("web");
  command(box.at("web"), "dx");
  await until(() => linesOf(box.at("web/finishing")).length === 1, "finish runs");
  expect(supervisor.running).toBe(true);
  box.file("web/gate", "");
  expect((await supervisor.ended()).code).toBe(0);
});

test.concurrent("a finish that hangs is killed after timeout-finish with what it started, and said so", async () => {
  await using box = new Sandbox();
  const finish = "#!/bin/sh\nsleep 100000 & echo $! >>children\nwait\n";
  box.service("web", { run: SLEEPER_ONCE, files: { finish, "timeout-finish": "1000\n" } });
  const supervisor = box.supervise("web");
  const pid = await box.up("web");
  signal(pid, "SIGKILL");
  await box.up("web", pid);
  expect(supervisor.stderr).toBe("supervise: warning: web/finish takes longer than 1000 ms, killing it\n");
  const [child = 0] = linesOf(box.at("web/children")).map(Number);
  expect(child).not.toBe(0);
  await until(() => !alive(child), "what it started is gone");
});

describe.each([
  [
    "run exits 100 and the directory asks for something",
    { run: "#!/bin/sh\necho x >>started\nexit 100\n", files: { "timeout-finish": "1" } },
    "exited 100",
  ],
  [
    "finish exits 125",
    { run: "#!/bin/sh\necho x >>started\nexit 1\n", files: { finish: "#!/bin/sh\nexit 125\n" } },
    "has a finish that exited 125",
  ],
] as const)("where %s", (_, files, why) => {
  test.concurrent("it stays down, for the next supervisor too, and u starts it", async () => {
    await using box = new Sandbox();
    box.service("web", files);
    const supervisor = box.supervise("web");
    await until(() => supervisor.stderr !== "", "it is said");
    expect(supervisor.stderr).toBe(`supervise: warning: web ${why}, not starting it again\n`);
    await until(() => box.status("web")?.want === "down", "the status is true");
    supervisor.signal("SIGKILL");
    await supervisor.ended();
    const next = box.supervise("web");
    await until(() => supervised(box.at("web")), "the next one is there");
    await until(() => box.status("web")?.want === "down", "it is down");
    expect(linesOf(box.at("web/started"))).toHaveLength(1);
    command(box.at("web"), "u");
    await until(() => linesOf(box.at("web/started")).length >= 2, "it is started");
    await until(() => next.stderr !== "", "it is said again");
  });
});

test.concurrent("in a classic directory exit code 100 is like any other", async () => {
  await using box = new Sandbox();
  box.service("web", { run: "#!/bin/sh\necho x >>started\nexit 100\n" });
  const supervisor = box.supervise("web");
  await until(() => linesOf(box.at("web/started")).length >= 3, "it is started again");
  expect(supervisor.stderr).toBe("");
});

describe("kill -9 of the supervisor", () => {
  test.concurrent("while finish runs: the next one waits for it, and starts one service", async () => {
    await using box = new Sandbox();
    box.service("web", { run: SLEEPER_ONCE, files: { finish: GATED, "timeout-finish": "0" } });
    const first = box.supervise("web");
    const pid = await box.up("web");
    await until(() => linesOf(box.at("web/started")).length === 1, "it has started");
    signal(pid, "SIGKILL");
    await until(() => linesOf(box.at("web/finishing")).length === 1, "finish runs");
    first.signal("SIGKILL");
    await first.ended();
    box.supervise("web");
    await until(() => supervised(box.at("web")), "the next one is there");
    command(box.at("web"), "u");
    expect(box.status("web")?.pid).toBe(0);
    expect(linesOf(box.at("web/started"))).toHaveLength(1);
    expect(linesOf(box.at("web/finishing"))).toHaveLength(1);
    box.file("web/gate", "");
    await box.up("web", pid);
    await until(() => linesOf(box.at("web/started")).length === 2, "it is started once");
    expect(linesOf(box.at("web/finishing"))).toHaveLength(1);
  });

  test.concurrent("while finish runs, and finish ends unseen: the service is started", async () => {
    await using box = new Sandbox();
    box.service("web", { run: SLEEPER_ONCE, files: { finish: GATED, "timeout-finish": "0" } });
    const first = box.supervise("web");
    const pid = await box.up("web");
    signal(pid, "SIGKILL");
    const [finish] = await until(() => {
      const lines = linesOf(box.at("web/finishing"));
      return lines.length === 1 && lines;
    }, "finish runs");
    first.signal("SIGKILL");
    await first.ended();
    box.file("web/gate", "");
    await until(() => !alive(Number(finish)), "finish is over");
    box.supervise("web");
    await box.up("web", pid);
    expect(linesOf(box.at("web/finishing"))).toHaveLength(1);
  });

  test.concurrent("and of the service: the next one runs finish before it starts it", async () => {
    await using box = new Sandbox();
    box.service("web", { run: SLEEPER_ONCE, files: { finish: NOTE } });
    const first = box.supervise("web");
    const pid = await box.up("web");
    first.signal("SIGKILL");
    await first.ended();
    signal(pid, "SIGKILL");
    await until(() => !alive(pid), "the service is gone");
    box.supervise("web");
    await box.up("web", pid);
    expect(linesOf(box.at("web/said"))).toEqual([`4 256 0 web ${pid}`]);
  });
});

describe("a hostile", () => {
  const HOSTILE: readonly (readonly [string, (path: string) => void, string])[] = [
    ["text", (path) => writeFileSync(path, "soon\n"), "not a number of milliseconds"],
    ["negative number", (path) => writeFileSync(path, "-5"), "not a number of milliseconds"],
    ["huge number", (path) => writeFileSync(path, "9".repeat(400)), "not a number of milliseconds"],
    ["binary", (path) => writeFileSync(path, Buffer.from([0, 255, 10, 128])), "not a number of milliseconds"],
    ["long file", (path) => writeFileSync(path, "1".repeat(100_000)), "longer than 4096 bytes"],
    ["fifo", mkfifoSync, "not a regular file"],
    ["directory", (path) => mkdirSync(path), "not a regular file"],
  ];
  test.concurrent.each(HOSTILE)(
    "timeout-finish (%s) is warned of once, and not used",
    async (_, make, why) => {
      await using box = new Sandbox();
      box.service("web", { run: "#!/bin/sh\necho x >>started\nexit 0\n", files: { finish: NOTE } });
      make(box.at("web/timeout-finish"));
      const supervisor = box.supervise("web");
      await until(() => linesOf(box.at("web/started")).length >= 2, "it is started again");
      expect(supervisor.stderr).toBe(`supervise: warning: web: unable to use timeout-finish: ${why}\n`);
    },
  );

  const UNFIT: readonly (readonly [string, (path: string) => void])[] = [
    ["directory", (path) => mkdirSync(path)],
    ["fifo", mkfifoSync],
    ["file that is not executable", (path) => writeFileSync(path, "#!/bin/sh\n")],
    [
      "script without an interpreter",
      (path) => {
        writeFileSync(path, "#!/nowhere\n");
        chmodSync(path, 0o755);
      },
    ],
  ];
  test.concurrent.each(UNFIT)("finish (%s) is warned of once, and passed over", async (_, make) => {
    await using box = new Sandbox();
    box.service("web", { run: "#!/bin/sh\necho x >>started\nexit 0\n" });
    make(box.at("web/finish"));
    const supervisor = box.supervise("web");
    await until(() => linesOf(box.at("web/started")).length >= 3, "it is started again");
    expect(supervisor.stderr).toMatch(/^supervise: warning: unable to run web\/finish: [a-z ]+\n$/);
  });
});

test.concurrent("svscan that stops lets finish run to its end, with its output in the log", async () => {
  await using box = new Sandbox();
  box.service("scan/web", {
    run: SLEEPER_ONCE,
    log: "#!/bin/sh\nexec cat >>all\n",
    files: { finish: "#!/bin/sh\nsleep 0.2\necho finished $3\n" },
  });
  const svscan = box.svscan("scan");
  await box.up("scan/web");
  await box.up("scan/web/log");
  svscan.signal("SIGTERM");
  expect(await svscan.ended()).toMatchObject({ code: 0, stderr: "" });
  expect(linesOf(box.at("scan/web/log/all"))).toEqual(["finished web"]);
});
