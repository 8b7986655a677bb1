// multilog: MB of input a second through a pipe into a log directory, in memory where there is /dev/shm. The files are as long
// as they may be, so that the lines are measured; one row has the default size, and so ten thousand rotations a gigabyte.
// Then what a logger costs that has little to do: its start, ten lines a second, its memory.
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { endTree, start, timed } from "./support/command.ts";
import { type Bench, type Contender, interleave, type Options, type Row, Tally } from "./support/frame.ts";

const LARGE = "s16777215";
const ERRORS = ["-*", "+* *error*"];

/** `size` bytes of lines, every hundredth with an error in it. */
function lines(length: number, size: number): Buffer {
  const plain = `${"x".repeat(length - 1)}\n`;
  const error = `${" error ".padEnd(length - 1, "x").slice(0, length - 1)}\n`;
  const hundred = plain.repeat(99) + error;
  return Buffer.from(hundred.repeat(Math.ceil(size / hundred.length)));
}

type Case = {
  readonly what: string;
  readonly length: number;
  readonly script: readonly string[];
  /** The scripts of those whose language differs; svlogd takes its options on the command line. */
  readonly s6?: readonly string[];
  readonly svlogd?: readonly string[];
  readonly must?: number;
  readonly should?: number;
  /** How many times as fast as s6-log it must be. */
  readonly mustS6?: number;
};

const cases: readonly Case[] = [
  {
    what: "100-byte lines",
    length: 100,
    script: [LARGE],
    s6: [LARGE],
    svlogd: [],
    must: 8,
    should: 12,
    mustS6: 4,
  },
  {
    what: "100-byte lines, t",
    length: 100,
    script: ["t", LARGE],
    s6: ["t", LARGE],
    svlogd: ["-tt"],
    must: 5,
    should: 8,
    mustS6: 2.5,
  },
  {
    what: "100-byte lines, t, 1% selected",
    length: 100,
    script: ["t", LARGE, ...ERRORS],
    s6: ["-", "+error", LARGE, "t"],
    must: 3,
    should: 5,
  },
  { what: "100-byte lines, files of 99999 bytes", length: 100, script: [], s6: ["n10", "s99999"] },
  { what: "20-byte lines", length: 20, script: [LARGE], s6: [LARGE], svlogd: [] },
  { what: "20-byte lines, t", length: 20, script: ["t", LARGE], s6: ["t", LARGE] },
  { what: "1000-byte lines", length: 1000, script: [LARGE], s6: [LARGE], svlogd: [] },
  { what: "1000-byte lines, t", length: 1000, script: ["t", LARGE], s6: ["t", LARGE] },
];

export const rows: Bench = async function* ({ dir, quick, rounds, tend }) {
  const memory = existsSync("/dev/shm") ? mkdtempSync("/dev/shm/tend-bench-") : dir;
  try {
    for (const { what, length, script, s6, svlogd, must, should, mustS6 } of cases) {
      // What must be reached is not to be a measure of the start, which takes 14 ms.
      const bytes = lines(length, quick && must === undefined ? 50e6 : 200e6);
      const input = join(memory, "input");
      writeFileSync(input, bytes);
      const speed = (command: readonly string[]) => () => {
        const log = join(memory, "log");
        mkdirSync(log);
        const words = command.map((word) => `'${word}'`).join(" ");
        const took = timed(["/bin/sh", "-c", `cd '${log}' && cat '${input}' | ${words}`]);
        rmSync(log, { recursive: true });
        return bytes.length / 1e3 / took;
      };
      const installed = (path: string, args: readonly string[] | undefined) =>
        args !== undefined && existsSync(path) ? speed([path, ...args]) : undefined;
      const limit = speed(["/bin/sh", "-c", "cat >l"]);
      // Memory that this machine has not used for long is slow the first time.
      limit();
      const samples = await interleave(rounds(must === undefined ? 8 : 20), {
        tend: speed([tend("multilog"), ...script, "./l"]),
        C: installed("/usr/bin/multilog", [...script, "./l"]),
        runit: installed("/usr/bin/svlogd", svlogd === undefined || quick ? undefined : [...svlogd, "."]),
        s6: installed("/usr/bin/s6-log", s6 === undefined ? undefined : [...s6, "./l"]),
        limit,
      });
      yield {
        ...{ name: `multilog, ${what}`, unit: "MB/s", better: "more", samples },
        ...(must === undefined ? {} : { must: { ratio: must } }),
        ...(should === undefined ? {} : { should: { ratio: should } }),
      };
      if (mustS6 !== undefined) {
        const name = `multilog, ${what}, beside s6`;
        yield { name, unit: "MB/s", better: "more", samples, against: "s6", must: { ratio: mustS6 } };
      }
    }
    yield await oneLine(memory, rounds, tend);
    yield* trickle(memory, quick, tend);
  } finally {
    if (memory !== dir) rmSync(memory, { recursive: true, force: true });
  }
};

const EARLIER_LINES = 2000;

type Loggers = { readonly [name in Contender]?: (log: string) => readonly string[] };

/** Each contender with a stamp on every line, where it is installed, into the directory `log`. */
const loggers = (tend: Options["tend"]): Loggers =>
  Object.fromEntries(
    Object.entries({
      tend: (log: string) => [tend("multilog"), "t", log],
      C: (log: string) => ["/usr/bin/multilog", "t", log],
      runit: (log: string) => ["/usr/bin/svlogd", "-tt", log],
      s6: (log: string) => ["/usr/bin/s6-log", "t", log],
    }).filter(([, command]) => existsSync(command("")[0] ?? "")),
  );

async function oneLine(dir: string, rounds: Options["rounds"], tend: Options["tend"]): Promise<Row> {
  const stdin = join(dir, "line");
  writeFileSync(stdin, "one line\n");
  const log = join(dir, "one");
  mkdirSync(log, { recursive: true });
  const measures = Object.entries(loggers(tend)).map(([who, command]) => [
    who,
    () => timed(["/bin/sh", "-c", `cat '${stdin}' | ${command(log).join(" ")}`]),
  ]);
  const samples = await interleave(rounds(60), Object.fromEntries(measures));
  return { name: "multilog, one line, from start to end", unit: "ms", better: "less", samples };
}

/** Nanoseconds that each thread of a process has run. */
function ran(pid: number): Map<string, number> {
  const threads = readdirSync(`/proc/${pid}/task`);
  const of = (thread: string) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ")[0]);
  return new Map(threads.map((thread) => [thread, of(thread)]));
}

/** What the threads that are there `after` have run since `before`: the runtime ends some that had nothing to do. */
function ranBetween(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): number {
  let all = 0;
  for (const [thread, ns] of after) all += ns - (before.get(thread) ?? 0);
  return all;
}

const kilobytes = (pid: number, name: string): number =>
  Number(new RegExp(`^${name}: *(\\d+)`, "m").exec(readFileSync(`/proc/${pid}/smaps_rollup`, "latin1"))?.[1]);

/** Ten lines a second to each of the contenders, which all run at the same time and do not disturb each other. */
function* trickle(dir: string, quick: boolean, tend: Options["tend"]): Iterable<Row> {
  const running = Object.entries(loggers(tend)).map(([who, command]) => {
    const [fifo, log] = [join(dir, `${who}.in`), join(dir, `${who}.log`)];
    timed(["/usr/bin/mkfifo", fifo]);
    mkdirSync(log);
    const pipe = openSync(fifo, "r+");
    return { who: who as Contender, pid: start(command(log), { stdin: fifo }), pipe };
  });
  const [first, later, rss, own] = [new Tally(), new Tally(), new Tally(), new Tally()];
  Bun.sleepSync(1000);
  const count = quick ? 100 : 200;
  const write = (lines: number, pauseMs: number) => {
    for (let i = 0; i < lines; i++) {
      // Who is first finds nothing of the kernel in the processor's caches: each is so in turn.
      const turn = i % running.length;
      for (const { pipe } of [...running.slice(turn), ...running.slice(0, turn)])
        writeSync(pipe, `${i} this is a line of some length, like those of a server\n`);
      Bun.sleepSync(pauseMs);
    }
  };
  for (const tally of [first, later]) {
    const before = running.map(({ pid }) => ran(pid));
    write(count, 100);
    for (const [i, { who, pid }] of running.entries())
      tally.add(who, ranBetween(before[i] as Map<string, number>, ran(pid)) / count / 1000);
    // What the next ones find is a logger that has run for some time.
    if (tally === first) write(EARLIER_LINES, 2);
  }
  for (const { who, pid, pipe } of running) {
    rss.add(who, kilobytes(pid, "Rss") / 1000);
    own.add(who, (kilobytes(pid, "Private_Clean") + kilobytes(pid, "Private_Dirty")) / 1000);
    endTree(pid);
    closeSync(pipe);
  }
  const row = (what: string, unit: string, { samples }: Tally, must?: number): Row => ({
    ...{ name: `multilog, ${what}`, unit, better: "less", samples },
    ...(must === undefined ? {} : { must: { ratio: must } }),
  });
  yield row(`10 lines a second, CPU of a line, the first ${count}`, "us", first);
  yield row(`10 lines a second, CPU of a line, after ${EARLIER_LINES}`, "us", later, 1);
  yield row("10 lines a second, resident memory", "MB", rss);
  yield row("10 lines a second, memory of its own", "MB", own);
}
