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

/** Words that lines and patterns are made of. The first letter of each is in no label, so that no label decides. */
const WORDS = ["o", "q", "zig", "zigzag", "hog", "hoax", "quiz", "gag", "oil oil"];
const LETTERS = "abcghioqz .\0\xff";

/** A pattern: words with stars before, behind and, for the most part, between them. */
function pattern(below: (n: number) => number): string {
  const words = Array.from({ length: 1 + below(3) }, () => WORDS[below(WORDS.length)]);
  return `*${words.join(below(4) === 0 ? "" : "*")}${below(5) === 0 ? "" : "*"}`;
}

/** What C's matching comes to: a star takes everything up to the next byte that is the one behind it. */
function matcher(text: string): RegExp {
  const quoted = (letters: string) =>
    letters.replace(/[^a-z]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
  const parts = text.split("*").map(quoted);
  const source = parts.map((part, i) => {
    if (i === 0) return part;
    if (part === "") return ".*";
    const first = part.startsWith("\\") ? part.slice(0, 4) : part.slice(0, 1);
    return `[^${first}]*${part}`;
  });
  return new RegExp(`^${source.join("")}$`, "s");
}

/** Actions that select, and whether they select a line of which so much is looked at. */
type Filter = { readonly words: readonly string[]; readonly selects: (line: string) => boolean };

/** Of the first directory's there need be none that selects all at first. */
function filter(below: (n: number) => number, first: boolean): Filter {
  const words = first && below(3) > 0 ? [] : ["+*"];
  if (below(4) > 0) {
    if (below(3) > 0) words.push("-*");
    for (let left = below(4); left > 0; left--) words.push(`${"++-"[below(3)]}${pattern(below)}`);
  }
  const steps = words.map((word) => [word.startsWith("+"), matcher(word.slice(1))] as const);
  const selects = (line: string) => {
    let selected = true;
    for (const [select, wanted] of steps) if (wanted.test(line)) selected = select;
    return selected;
  };
  return { words, selects };
}

/** @throws {Error} what is wrong */
export async function fuzzOnce(random: () => number, parent: string | undefined): Promise<void> {
  const below = (n: number) => Math.floor(random() * n);
  const stamp = random() < 0.5;
  const chosen = Array.from({ length: 1 + below(3) }, (_, i) => filter(below, i === 0));
  const script = [
    ...(stamp ? ["t"] : []),
    "n100000",
    ...chosen.flatMap(({ words }, i) => [...words, `s${4096 + below(30_000)}`, `./d${i}`]),
  ];
  const rare = below(30) + 1;
  const lines = Array.from({ length: below(300) }, () => {
    const length = random() < 0.03 ? below(9000) : below(80);
    let line = "";
    while (line.length < length)
      line += below(rare) === 0 ? WORDS[below(WORDS.length)] : LETTERS[below(LETTERS.length)];
    return line;
  });
  const input = lines
    .map((line) => `${line}\n`)
    .join("")
    .slice(0, 30_000);

  await using box = new Sandbox(parent);
  using pipe = new FullPipe(box, "in");
  // Whole lines, a few at a time, or what comes.
  const trickle = random() < 0.5;
  let written = 0;
  while (written < input.length) {
    using logger = new Logger(box.path, script, pipe.read);
    for (let pieces = 1 + below(trickle ? 50 : 5); pieces > 0 && written < input.length; pieces--) {
      const from = written + 1 + below(trickle ? 200 : 20_000);
      const end = trickle ? input.indexOf("\n", from) + 1 : from;
      const upTo = end === 0 ? input.length : Math.min(input.length, end);
      pipe.write(input.slice(written, upTo));
      written = upTo;
      await Bun.sleep(below(trickle ? 4 : 30));
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
  const seenOfALine = stamp ? 1000 - 26 : 1000;
  for (const [i, { selects }] of chosen.entries()) {
    const seen = logged(join(box.path, `d${i}`));
    const bare = stamp ? seen.replace(/^@[0-9a-f]{24} /gm, "") : seen;
    const expected = all
      .filter((line) => selects(line.slice(0, seenOfALine)))
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
