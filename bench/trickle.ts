// What a logger costs that has little to do: its start, ten lines a second, its memory.
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

export const rows: Bench = async function* ({ dir, quick, rounds, tend }) {
  const memory = existsSync("/dev/shm") ? mkdtempSync("/dev/shm/tend-bench-") : dir;
  try {
    yield await oneLine(memory, rounds, tend);
    yield* trickle(memory, quick, tend);
  } finally {
    if (memory !== dir) rmSync(memory, { recursive: true, force: true });
  }
};

const EARLIER_LINES = 2000;
/** A sample is the CPU of so many lines: what else the machine does in between is in some samples only. */
const LINES_A_SAMPLE = 10;

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
  const samplesOf = quick ? 10 : 30;
  const write = (lines: number, pauseMs: number) => {
    for (let i = 0; i < lines; i++) {
      // Who is first finds nothing of the kernel in the processor's caches, and the next what that has left there.
      const order = running.map((one) => ({ one, place: Math.random() }));
      for (const { one } of order.sort((a, b) => a.place - b.place))
        writeSync(one.pipe, `${i} this is a line of some length, like those of a server\n`);
      Bun.sleepSync(pauseMs);
    }
  };
  for (const tally of [first, later]) {
    for (let i = 0; i < samplesOf; i++) {
      const before = running.map(({ pid }) => ran(pid));
      write(LINES_A_SAMPLE, 100);
      for (const [i, { who, pid }] of running.entries()) {
        const took = ranBetween(before[i] as Map<string, number>, ran(pid));
        tally.add(who, took / LINES_A_SAMPLE / 1000);
      }
    }
    // What the next ones find is a logger that has run for more than half a minute: the runtime ends its threads until then.
    if (tally === first) write(EARLIER_LINES, 15);
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
  yield row(`10 lines a second, CPU of a line, the first ${samplesOf * LINES_A_SAMPLE}`, "us", first);
  yield row(`10 lines a second, CPU of a line, after ${EARLIER_LINES}`, "us", later, 1);
  yield row("10 lines a second, resident memory", "MB", rss);
  yield row("10 lines a second, memory of its own", "MB", own);
}
