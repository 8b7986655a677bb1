// multilog: MB of input a second through a pipe into a log directory, in memory where there is /dev/shm. The files are as long
// as they may be, so that the lines are measured; one row has the default size, and so ten thousand rotations a gigabyte.
// Who is slow gets less input: each takes a quarter of a second or a half, so that a round is short and there can be many.
// The multilog of daemontools-encore, which Debian does not have, is measured where TEND_BENCH_ENCORE is its path.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { timed } from "./support/command.ts";
import { type Bench, type Contender, interleave } from "./support/frame.ts";

/** Bytes of input. What must be reached is not to be a measure of our start, which takes 14 ms. */
const AMOUNT = {
  tend: 200e6,
  C: 50e6,
  encore: 50e6,
  runit: 20e6,
  s6: 50e6,
  limit: 200e6,
} as const satisfies {
  readonly [name in Contender]?: number;
};

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
      if (quick && must === undefined) continue;
      const inputs = new Map<number, string>();
      for (const amount of Object.values(AMOUNT)) {
        const input = join(memory, `input${amount}`);
        writeFileSync(input, lines(length, amount));
        inputs.set(amount, input);
      }
      const speed = (who: keyof typeof AMOUNT, command: readonly string[]) => () => {
        const log = join(memory, "log");
        mkdirSync(log);
        const words = command.map((word) => `'${word}'`).join(" ");
        const took = timed(["/bin/sh", "-c", `cd '${log}' && cat '${inputs.get(AMOUNT[who])}' | ${words}`]);
        rmSync(log, { recursive: true });
        return AMOUNT[who] / 1e3 / took;
      };
      const installed = (who: keyof typeof AMOUNT, path: string, args: readonly string[] | undefined) =>
        args !== undefined && existsSync(path) ? speed(who, [path, ...args]) : undefined;
      const limit = speed("limit", ["/bin/sh", "-c", "cat >l"]);
      // Memory that this machine has not used for long is slow the first time.
      limit();
      const samples = await interleave(rounds(must === undefined ? 8 : 20), {
        tend: speed("tend", [tend("multilog"), ...script, "./l"]),
        C: installed("C", "/usr/bin/multilog", [...script, "./l"]),
        encore: installed("encore", process.env["TEND_BENCH_ENCORE"] ?? "", [...script, "./l"]),
        runit: installed("runit", "/usr/bin/svlogd", svlogd && [...svlogd, "."]),
        s6: installed("s6", "/usr/bin/s6-log", s6 && [...s6, "./l"]),
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
      if (script.includes("-*") && samples.encore !== undefined) {
        const name = `multilog, ${what}, beside encore`;
        yield { name, unit: "MB/s", better: "more", samples, against: "encore", must: { ratio: 1 } };
      }
    }
  } finally {
    if (memory !== dir) rmSync(memory, { recursive: true, force: true });
  }
};
