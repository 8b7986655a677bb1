// Directories made for s6 and for runit, run by those suites and by ours: what happens, and in which order, is the same but for
// what is said here. Debian's packages s6 and runit; without them the tests are skipped.
import { describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { ServiceRecord } from "../../src/formats/service-record.ts";
import { command } from "../support/control.ts";
import { which } from "../support/programs.ts";
import { type Running, Sandbox, type ServiceFiles, signal } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/** One service under one suite. */
type Suite = {
  readonly start: (box: Sandbox) => Running;
  /** Its process; 0 when it is down. */
  readonly pid: (box: Sandbox) => Promise<number>;
  readonly ready: (box: Sandbox) => Promise<boolean>;
  readonly command: (box: Sandbox, letter: "u" | "d") => Promise<unknown>;
};

const out = async (box: Sandbox, ...words: string[]): Promise<string> => (await box.run(words)).stdout.trim();

const tend: Suite = {
  start: (box) => box.supervise("web"),
  pid: async (box) => box.status("web")?.pid ?? 0,
  ready: async (box) => {
    const record = new ServiceRecord(new Uint8Array(readFileSync(box.at("web/supervise/record"))));
    return (box.status("web")?.pid ?? 0) !== 0 && record.readiness.told?.ready === true;
  },
  command: async (box, letter) => command(box.at("web"), letter),
};

const s6: Suite = {
  start: (box) => box.start(["s6-supervise", "web"]),
  pid: async (box) => Math.max(0, Number((await out(box, "s6-svstat", "-o", "pid", "web")) || 0)),
  ready: async (box) => (await out(box, "s6-svstat", "-o", "ready", "web")) === "true",
  command: (box, letter) => box.run(["s6-svc", `-${letter}`, "web"]),
};

const runit: Suite = {
  start: (box) => box.start(["runsv", "web"]),
  pid: async (box) => Number(/\(pid (\d+)\)/.exec(await out(box, "sv", "status", box.at("web")))?.[1] ?? 0),
  // It waits for as long as -w says; what is down as it is wanted is all right too.
  ready: async (box) =>
    (await runit.pid(box)) !== 0 && (await box.run(["sv", "-w", "1", "check", box.at("web")])).code === 0,
  command: (box, letter) => box.run(["sv", letter === "u" ? "up" : "down", box.at("web")]),
};

/** What the service noted, a line each, with the pids as what they are of. */
const events = (box: Sandbox): string[] => {
  if (!existsSync(box.at("web/events"))) return [];
  let runs: string[] = [];
  return readFileSync(box.at("web/events"), "latin1")
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const pid = /^run (\d+)$/.exec(line)?.[1];
      if (pid !== undefined) runs = [...runs, pid];
      return runs.reduce((text, run, i) => text.replace(new RegExp(`\\b${run}\\b`), `PID${i + 1}`), line);
    });
};

/** A start, readiness, a death, a start, the way down: what is noted, and whether it is ready in between. */
async function story(suite: Suite, files: ServiceFiles): Promise<string[]> {
  await using box = new Sandbox();
  box.service("web", files);
  const observed: string[] = [];
  const seen = async (moment: string): Promise<void> => {
    observed.push(`${moment}: ${(await suite.ready(box)) ? "ready" : "not ready"}`);
  };
  const noted = (what: string, count: number): Promise<unknown> =>
    until(() => events(box).filter((line) => line.startsWith(what)).length === count, `${what} ${count}`);
  const supervisor = suite.start(box);
  await noted("run", 1);
  const first = await until(async () => (await suite.pid(box)) || undefined, "it is up");
  await seen("started");
  appendFileSync(box.at("web/go"), "");
  await until(() => suite.ready(box), "it is ready");
  await seen("told");
  signal(first, "SIGKILL");
  await noted("run", 2);
  await until(async () => ![0, first].includes(await suite.pid(box)), "it is up again");
  await until(() => suite.ready(box), "it is ready again");
  await seen("started again");
  await suite.command(box, "d");
  await noted("finish", 2);
  await until(async () => (await suite.pid(box)) === 0, "it is down");
  await seen("down");
  expect(supervisor.running).toBe(true);
  return [...observed, ...events(box)];
}

/** Notes its start, waits for `go`, and is ready by `tell`; HUP and TERM end it. */
const run = (tell: string): string => `#!/bin/sh
echo "run $$" >>events
trap 'echo hup >>events; exit 7' HUP
trap 'echo term >>events; exit 8' TERM
while [ ! -e go ]; do sleep 0.05; done
${tell}
while :; do sleep 0.05; done
`;
const finish = '#!/bin/sh\necho "finish $*" >>events\n';

test.concurrent.skipIf(which("s6-supervise") === null)(
  "a directory of s6: notification-fd, finish, down-signal, timeout-finish and timeout-kill do the same",
  async () => {
    const files: ServiceFiles = {
      run: run("echo up >&5; exec 5>&-"),
      files: {
        ...{ finish, "notification-fd": "5\n", "down-signal": "HUP\n" },
        ...{ "timeout-finish": "3000\n", "timeout-kill": "30000\n", "max-death-tally": "10\n" },
      },
    };
    const ours = await story(tend, files);
    expect(ours).toEqual([
      ...["started: not ready", "told: ready", "started again: ready", "down: not ready"],
      ...["run PID1", "finish 256 9 web PID1", "run PID2", "hup", "finish 7 0 web PID2"],
    ]);
    // The s6 of Debian 12 gives no fourth argument.
    const theirs = await story(s6, files);
    expect(theirs.map((line) => line.replace(/^(finish .* web)$/, "$1 PIDn"))).toEqual(
      ours.map((line) => line.replace(/^(finish .* web) PID\d$/, "$1 PIDn")),
    );
  },
);

test.concurrent.skipIf(which("runsv") === null)(
  "a directory of runit: check and finish do the same, but that runit says -1 of an end by a signal, and no name",
  async () => {
    const files: ServiceFiles = {
      run: run("touch is-up"),
      files: { finish: `${finish}rm -f is-up\n`, check: "#!/bin/sh\nexec test -e is-up\n" },
    };
    const ours = await story(tend, files);
    expect(ours).toEqual([
      ...["started: not ready", "told: ready", "started again: ready", "down: not ready"],
      ...["run PID1", "finish 256 9 web PID1", "run PID2", "term", "finish 8 0 web PID2"],
    ]);
    const theirs = ours.map((line) => line.replace("256", "-1").replace(/ web PID\d$/, ""));
    expect(await story(runit, files)).toEqual(theirs);
  },
);

describe.skipIf(which("s6-supervise") === null)("a service of s6 that exits 125 in finish", () => {
  test.concurrent.each([
    ["tend", tend],
    ["s6", s6],
  ] as const)("is not started again (%s)", async (_, suite) => {
    await using box = new Sandbox();
    box.service("web", {
      run: '#!/bin/sh\necho "run $$" >>events\nexit 3\n',
      files: { finish: `${finish}exit 125\n` },
    });
    suite.start(box);
    await until(() => events(box).length === 2, "it has ended");
    await until(async () => (await suite.pid(box)) === 0, "it is down");
    const from = performance.now();
    await until(() => performance.now() - from > 1500, "it would be started again");
    expect(events(box)).toEqual(["run PID1", expect.stringMatching(/^finish 3 0 web( PID1)?$/)]);
    await suite.command(box, "u");
    await until(() => events(box).length === 4, "it is started when it is asked for");
  });
});
