// Directories made for s6 and for runit, run by those suites and by ours: what happens, and in which order, is the same but for
// what is said here. Debian's packages s6 and runit; without them the tests are skipped.
import { describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "../support/control.ts";
import { events, hasRunit, hasS6, others, runit, type Suite, s6, tend } from "../support/other-suites.ts";
import { Sandbox, type ServiceFiles, signal } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

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
  suite.command(box, "d");
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

test.concurrent.skipIf(!hasS6)(
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

test.concurrent.skipIf(!hasRunit)(
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

/** What is done to a service, and until when: until so many lines of the events begin so, or it is down. */
type Act =
  | { readonly letters: string }
  | { readonly signal: "SIGKILL" | "SIGTERM" }
  | { readonly noted: string; readonly times: number }
  | "listens"
  | "down"
  /** Longer than the second in which it would be started again. */
  | "a while"
  /** The supervisor has left. */
  | "left";

type Play = {
  readonly name: string;
  readonly files: ServiceFiles;
  readonly acts: readonly Act[];
  /** What the service notes under tend, and under those that do the same. */
  readonly events: readonly string[];
  /** It is started again and again: there may be more of the same. */
  readonly goesOn?: true;
  /** Those that do otherwise, or do not have it. */
  readonly otherwise?: {
    readonly s6?: readonly string[] | "none";
    readonly runit?: readonly string[] | "none";
  };
};

/** Notes its start, what it is sent, and where it is; TERM ends it. */
const NOTES = `#!/bin/sh
for s in HUP ALRM INT; do trap "echo got $s >>events" $s; done
trap 'echo got TERM >>events; exit 8' TERM
echo "run $$" >>events
while :; do sleep 0.02; done
`;
const ends = (code: number): string => `#!/bin/sh\necho "run $$" >>events\nexit ${code}\n`;
const DEAF = `#!/bin/sh\ntrap 'echo got TERM >>events' TERM\necho "run $$" >>events\nwhile :; do sleep 0.02; done\n`;
/** Goes on when there is a gate. */
const GATED = `${finish}until [ -e gate ]; do sleep 0.02; done\n`;
const ran = (times: number): Act => ({ noted: "run", times });
const finished = (times: number): Act => ({ noted: "finish", times });
const asked = (letters: string): Act => ({ letters });

const PLAYS: readonly Play[] = [
  {
    name: "with a down file it waits for u; d ends it, and it stays down",
    files: { run: NOTES, down: true, files: { finish } },
    acts: ["listens", "a while", asked("u"), ran(1), asked("d"), finished(1), "down", "a while"],
    events: ["run PID1", "got TERM", "finish 8 0 web PID1"],
  },
  {
    name: "o while it runs: it is not started again, until u",
    files: { run: NOTES, files: { finish } },
    acts: [ran(1), asked("o"), { signal: "SIGKILL" }, finished(1), "down", "a while", asked("u"), ran(2)],
    events: ["run PID1", "finish 256 9 web PID1", "run PID2"],
  },
  {
    name: "o while it is down: it runs once",
    files: { run: ends(3), down: true, files: { finish } },
    acts: ["listens", asked("o"), finished(1), "down", "a while"],
    events: ["run PID1", "finish 3 0 web PID1"],
  },
  {
    name: "HUP, ALRM and INT are passed on in their order, t is TERM and leads to a start",
    files: { run: NOTES, files: { finish } },
    acts: [
      ran(1),
      ...(["h", "a", "i"] as const).flatMap((letter, n) => [
        asked(letter),
        { noted: "got", times: n + 1 } as const,
      ]),
      ...[asked("t"), ran(2)],
    ],
    events: [
      ...["run PID1", "got HUP", "got ALRM", "got INT", "got TERM", "finish 8 0 web PID1", "run PID2"],
    ],
  },
  {
    name: "a service that ends at once is started again after its finish",
    files: { run: ends(3), files: { finish } },
    acts: [finished(3)],
    events: [1, 2, 3].flatMap((n) => [`run PID${n}`, `finish 3 0 web PID${n}`]),
    goesOn: true,
  },
  {
    name: "d while finish runs: it is not started again, and finish is left to its end",
    files: { run: NOTES, files: { finish: `${GATED}echo "finished" >>events\n` } },
    acts: [
      ...[ran(1), { signal: "SIGKILL" } as const, finished(1), asked("d")],
      ...[{ letters: "gate" }, { noted: "finished", times: 1 } as const, "down" as const, "a while" as const],
    ],
    events: ["run PID1", "finish 256 9 web PID1", "finished"],
  },
  {
    name: "u while it is on its way down: it is started again when it has ended",
    files: {
      run: NOTES.replace("exit 8", "until [ -e gate ]; do sleep 0.02; done; exit 8"),
      files: { finish },
    },
    acts: [ran(1), asked("d"), { noted: "got TERM", times: 1 }, asked("u"), { letters: "gate" }, ran(2)],
    events: ["run PID1", "got TERM", "finish 8 0 web PID1", "run PID2"],
  },
  {
    name: "p, then d: it is continued to take its TERM",
    files: { run: NOTES, files: { finish } },
    acts: [ran(1), asked("p"), asked("d"), finished(1), "down"],
    events: ["run PID1", "got TERM", "finish 8 0 web PID1"],
  },
  {
    name: "d, then x: the supervisor leaves when finish is over",
    files: { run: NOTES, files: { finish } },
    acts: [ran(1), asked("dx"), "left"],
    events: ["run PID1", "got TERM", "finish 8 0 web PID1"],
  },
  {
    name: "timeout-kill: what takes no notice of TERM is killed",
    files: { run: DEAF, files: { finish, "timeout-kill": "300\n" } },
    acts: [ran(1), asked("d"), finished(1), "down"],
    events: ["run PID1", "got TERM", "finish 256 9 web PID1"],
    otherwise: { runit: "none" },
  },
  {
    name: "timeout-finish: a finish that hangs is killed, and the service started",
    files: { run: NOTES, files: { finish: GATED, "timeout-finish": "300\n" } },
    acts: [ran(1), { signal: "SIGKILL" }, ran(2)],
    events: ["run PID1", "finish 256 9 web PID1", "run PID2"],
    otherwise: { runit: "none" },
  },
  {
    name: "finish that exits 125: it is not started again until u",
    files: { run: ends(3), files: { finish: `${finish}exit 125\n` } },
    acts: [finished(1), "a while", asked("u"), finished(2)],
    events: ["run PID1", "finish 3 0 web PID1", "run PID2", "finish 3 0 web PID2"],
    // Where nobody had to ask.
    otherwise: { runit: [1, 2].flatMap((n) => [`run PID${n}`, `finish 3 0 web PID${n}`]) },
  },
  {
    name: "run that exits 100: it is not started again, as in daemontools-encore",
    files: { run: ends(100), files: { finish } },
    acts: [finished(1), "a while"],
    events: ["run PID1", "finish 100 0 web PID1"],
    otherwise: {
      s6: [1, 2].flatMap((n) => [`run PID${n}`, `finish 100 0 web PID${n}`]),
      runit: [1, 2].flatMap((n) => [`run PID${n}`, `finish 100 0 web PID${n}`]),
    },
  },
  {
    name: "run that is no program: nothing has run, so there is nothing to finish",
    files: { run: "no program\n", files: { finish } },
    acts: ["listens", "a while"],
    events: [],
    otherwise: { runit: ["finish 111 0 web"] },
  },
];

async function played(suite: Suite, { files, acts }: Play): Promise<string[]> {
  await using box = new Sandbox();
  box.service("web", files);
  const supervisor = suite.start(box);
  const count = (what: string) => events(box).filter((line) => line.startsWith(what)).length;
  for (const act of acts) {
    if (act === "listens") await until(() => suite.listens(box), "it is supervised");
    else if (act === "down") await until(async () => (await suite.pid(box)) === 0, "it is down");
    else if (act === "left") await until(() => !supervisor.running, "the supervisor has left");
    else if (act === "a while") {
      const from = performance.now();
      await until(() => performance.now() - from > 1300, "it would have been started again");
    } else if ("noted" in act) await until(() => count(act.noted) >= act.times, `${act.noted} ${act.times}`);
    else if ("signal" in act)
      signal(await until(async () => (await suite.pid(box)) || undefined, "it is up"), act.signal);
    else if (act.letters === "gate") box.file("web/gate", "");
    else suite.command(box, act.letters);
  }
  return events(box);
}

/** As the suite words the arguments of finish. */
const worded: { readonly [name in Suite["name"]]: (line: string) => string } = {
  tend: (line) => line,
  // The s6 of Debian 12 gives no fourth argument.
  s6: (line) => line.replace(/^(finish .* web) PID\d$/, "$1"),
  runit: (line) => line.replace(/^(finish \d+ \d+) web( PID\d)?$/, "$1").replace("finish 256", "finish -1"),
};

describe.each(PLAYS)("$name", (play) => {
  const under = [tend, ...others].filter(({ name }) => name === "tend" || play.otherwise?.[name] !== "none");
  test.concurrent.each(under)("under $name", async (suite) => {
    const other = suite.name === "tend" ? undefined : play.otherwise?.[suite.name];
    const expected = (other === "none" || other === undefined ? play.events : other).map(worded[suite.name]);
    const noted = await played(suite, play);
    const goesOn = play.goesOn === true || other !== undefined;
    expect(goesOn ? noted.slice(0, expected.length) : noted).toEqual(expected);
  });
});

/** As documented: what runs is ended by TERM, and its finish speaks into the same log. */
const SERVER = `#!/bin/sh
echo $$ >pid
echo "begins with $GREETING"
trap 'echo ends; exit 8' TERM
while :; do sleep 0.02; done
`;
const SPEAKS = '#!/bin/sh\necho "finish $1 $2"\n';
const LOGGED: readonly {
  readonly name: string;
  readonly suite: Suite;
  readonly has: boolean;
  readonly files: ServiceFiles;
}[] = [
  {
    ...{ name: "s6: s6-envdir, s6-log that is ready by notification-fd", suite: s6, has: hasS6 },
    files: {
      run: "#!/bin/sh\nexec 2>&1\nexec s6-envdir env ./server\n",
      log: "#!/bin/sh\necho $$ >pid\nexec s6-log -d3 n3 s1000000 ./main\n",
      files: {
        ...{ server: SERVER, "env/GREETING": "hello\n", finish: SPEAKS, "timeout-kill": "5000\n" },
        "log/notification-fd": "3\n",
      },
    },
  },
  {
    ...{ name: "runit: chpst -e, svlogd", suite: runit, has: hasRunit },
    files: {
      run: "#!/bin/sh\nexec 2>&1\nexec chpst -e ./env ./server\n",
      log: "#!/bin/sh\necho $$ >pid\nmkdir -p main\nexec svlogd ./main\n",
      files: { server: SERVER, "env/GREETING": "hello\n", finish: SPEAKS },
    },
  },
];

/** It is killed, and so is its logger; it goes down; all is stopped. @returns the log */
async function logOf(suite: Suite, files: ServiceFiles): Promise<string[]> {
  await using box = new Sandbox();
  box.service("scan/web", files);
  const main = box.at("scan/web/log/main");
  // What a logger that was killed leaves is another file then.
  const log = (): string[] => {
    if (!existsSync(main)) return [];
    const files = readdirSync(main).filter((file) => file.startsWith("@"));
    return [...files.sort(), "current"]
      .map((file) => join(main, file))
      .filter((path) => existsSync(path))
      .flatMap((path) => readFileSync(path, "latin1").split("\n").slice(0, -1));
  };
  const lines = (count: number) => until(() => log().length >= count, `${count} lines are logged`);
  const supervisor = suite.scan(box);
  await lines(1);
  for (const part of ["scan/web/log", "scan/web"])
    signal(Number(readFileSync(box.at(part, "pid"), "latin1")), "SIGKILL");
  await lines(3);
  command(box.at("scan/web"), "d");
  await lines(5);
  await suite.stop(box, supervisor);
  await supervisor.ended();
  await until(() => box.pids().length === 0, "all is stopped");
  return log();
}
describe.each(LOGGED.filter(({ has }) => has))(
  "a directory with a logger as documented for $name",
  ({ suite, files }) => {
    test.concurrent.each([tend, suite])("has the same log under $name", async (suite) => {
      expect(await logOf(suite, files)).toEqual([
        ...["begins with hello", "finish 256 9", "begins with hello", "ends", "finish 8 0"].map((line) =>
          suite.name === "runit" ? line.replace("256", "-1") : line,
        ),
      ]);
    });
  },
);

test.concurrent.skipIf(!hasS6)("s6-svdt reads the same of death_tally", async () => {
  const deaths = async (suite: Suite): Promise<string[]> => {
    await using box = new Sandbox();
    box.service("web", { run: NOTES, files: { finish, "max-death-tally": "2\n" } });
    suite.start(box);
    for (const [n, name] of (["SIGKILL", "SIGTERM", "SIGKILL"] as const).entries()) {
      await until(
        () => events(box).filter((line) => line.startsWith("run")).length === n + 1,
        `run ${n + 1}`,
      );
      signal(await until(async () => (await suite.pid(box)) || undefined, "it is up"), name);
      await until(
        () => events(box).filter((line) => line.startsWith("finish")).length === n + 1,
        "it has ended",
      );
    }
    const { stdout } = await box.run(["s6-svdt", "web"]);
    return stdout.split("\n").map((line) => line.replace(/^@?[0-9a-f]+ /, ""));
  };
  const ours = await deaths(tend);
  expect(ours).toEqual(["exitcode 8", "signal SIGKILL", ""]);
  expect(await deaths(s6)).toEqual(ours);
});
