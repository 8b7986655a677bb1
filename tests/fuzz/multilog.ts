// Random scripts, random input, and kill -9 at random moments, until nothing is left to read: every directory must hold what the
// script selects, in order, once. A run that crashes, hangs or says something is a failure as well.
//
//   bun tests/fuzz/multilog.ts [ seconds [ seed ] ]
import { join } from "node:path";
import { FullPipe } from "../support/killed-logger.ts";
import { logged } from "../support/log-dir.ts";
import { Logger } from "../support/logger.ts";
import { Sandbox } from "../support/sandbox.ts";

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Each pattern says of a line what the test can say as well. */
const FILTERS: readonly (readonly [words: readonly string[], selects: (line: string) => boolean])[] = [
  [[], () => true],
  [["-*"], () => false],
  [["-*", "+*o*"], (line) => line.slice(0, 974).includes("o")],
  [["+*", "-*q*"], (line) => !line.slice(0, 974).includes("q")],
];

/** @throws {Error} what is wrong */
export async function fuzzOnce(random: () => number, parent: string | undefined): Promise<void> {
  const below = (n: number) => Math.floor(random() * n);
  const stamp = random() < 0.5;
  const chosen = Array.from({ length: 1 + below(3) }, () => FILTERS[below(FILTERS.length)] ?? FILTERS[0]);
  const script = [
    ...(stamp ? ["t"] : []),
    "n100000",
    ...chosen.flatMap((filter, i) => ["+*", ...(filter?.[0] ?? []), `s${4096 + below(30_000)}`, `./d${i}`]),
  ];
  const letters = "abcghioqz .\0\xff";
  const lines = Array.from({ length: below(300) }, () => {
    const length = random() < 0.03 ? below(9000) : below(80);
    return Array.from({ length }, () => letters[below(letters.length)]).join("");
  });
  const input = lines
    .map((line) => `${line}\n`)
    .join("")
    .slice(0, 30_000);

  await using box = new Sandbox(parent);
  using pipe = new FullPipe(box, "in");
  let written = 0;
  while (written < input.length) {
    using logger = new Logger(box.path, script, pipe.read);
    for (let pieces = 1 + below(5); pieces > 0 && written < input.length; pieces--) {
      const end = Math.min(input.length, written + 1 + below(20_000));
      pipe.write(input.slice(written, end));
      written = end;
      await Bun.sleep(below(30));
    }
    await Bun.sleep(below(60));
    logger.signal("SIGKILL");
    const { stderr } = await logger.ended();
    if (stderr !== "") throw new Error(stderr);
  }
  pipe.end();
  using last = new Logger(box.path, script, pipe.read);
  const end = await Promise.race([last.ended(), Bun.sleep(20_000)]);
  if (end === undefined) throw new Error("it hangs");
  if (end.code !== 0 || end.stderr !== "") throw new Error(`exit ${end.code}: ${end.stderr}`);
  const all = input.split("\n");
  if (all.at(-1) === "") all.pop();
  for (const [i, filter] of chosen.entries()) {
    const seen = logged(join(box.path, `d${i}`));
    const bare = stamp ? seen.replace(/^@[0-9a-f]{24} /gm, "") : seen;
    const expected = all
      .filter((line) => filter?.[1](line))
      .map((line) => `${line}\n`)
      .join("");
    if (bare !== expected)
      throw new Error(`${JSON.stringify(script)}: d${i} holds ${bare.length} of ${expected.length}`);
  }
}

if (import.meta.main) {
  const [seconds = "600", given] = process.argv.slice(2);
  const end = Date.now() + 1000 * Number(seconds);
  let seed = given === undefined ? Date.now() % 2 ** 31 : Number(given);
  let runs = 0;
  for (; Date.now() < end; seed++, runs++) {
    try {
      await fuzzOnce(numbers(seed), "/dev/shm");
    } catch (error) {
      process.stdout.write(`seed ${seed}: ${String(error)}\n`);
      process.exit(1);
    }
  }
  process.stdout.write(`${runs} runs, nothing wrong\n`);
}
