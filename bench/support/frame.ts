// What a benchmark is: rows of samples, each taken of several contenders in turn. run.ts runs them and prints the table.
//
// A file of bench/ exports `rows: Bench`. Each row names one quantity and holds what every contender scored:
//
//   export const rows: Bench = async function* ({ rounds }) {
//     const samples = await interleave(rounds(30), { tend: () => ..., C: () => ... });
//     yield { name: "svstat of 1 directory", unit: "ms", better: "less", samples, must: { value: 10 } };
//   };

/** Whose figure it is: ours, ours without what the row is about, the C daemontools, a peer, or what the machine itself allows. */
export const CONTENDERS = [
  "tend",
  "without",
  "C",
  "encore",
  "runit",
  "s6",
  "supervisord",
  "pm2",
  "limit",
] as const;
export type Contender = (typeof CONTENDERS)[number];

/** What each contender scored, in order of the rounds. One that is missing or empty was not measured. */
export type Samples = { readonly [contender in Contender]?: readonly number[] };

/** What our median is held to: a multiple of the C program's (or of another's, as the row says), or a value in the row's unit. */
export type Budget = { readonly ratio: number } | { readonly value: number };

/** Samples in the making. */
export class Tally {
  readonly samples: { [contender in Contender]?: number[] } = {};

  add(who: Contender, score: number): void {
    this.samples[who] ??= [];
    this.samples[who].push(score);
  }
}

export type Row = {
  readonly name: string;
  readonly unit: string;
  readonly better: "less" | "more";
  readonly samples: Samples;
  /** Whose figure ratios are of, if not the C program's. */
  readonly against?: Contender;
  readonly must?: Budget;
  readonly should?: Budget;
};

export type Options = {
  /** All benchmarks together take less than two minutes: fewer rounds, smaller data. */
  readonly quick: boolean;
  /** An empty directory of this benchmark's own, on the file system that is measured; removed afterwards. */
  readonly dir: string;
  /** `full`, or a quarter of it where it is to be quick. */
  rounds(full: number): number;
  /** The path of a program of ours, in dist/bin. */
  tend(name: string): string;
};

export type Bench = (options: Options) => Iterable<Row> | AsyncIterable<Row>;

type Measure = () => number | readonly number[] | Promise<number | readonly number[]>;

/**
 * Measures every contender once a round, each round beginning with the next one, so that what else the machine does is
 * everybody's.
 */
export async function interleave(
  rounds: number,
  contenders: { readonly [name in Contender]?: Measure | undefined },
): Promise<Samples> {
  const there = CONTENDERS.flatMap((name) => {
    const measure = contenders[name];
    return measure === undefined ? [] : [{ name, measure, scores: [] as number[] }];
  });
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < there.length; i++) {
      const { measure, scores } = there[(round + i) % there.length] as (typeof there)[number];
      scores.push(...[await measure()].flat());
    }
  }
  return Object.fromEntries(there.map(({ name, scores }) => [name, scores]));
}

/** The value below which `part` (0 to 1) of the samples lie. NaN if there are none. */
export function percentile(samples: readonly number[], part: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

export const median = (samples: readonly number[]): number => percentile(samples, 0.5);
