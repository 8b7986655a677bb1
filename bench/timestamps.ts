// tai64n and tai64nlocal: MB of input a second, lines of 100 bytes, from a file into /dev/null.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { timed } from "./support/command.ts";
import { type Bench, interleave } from "./support/frame.ts";

const LINE = 100;
const EPOCH = 0x400000000000000an;

/** A day of labels, `step` microseconds apart. */
function labelled(lines: number, step: number): Buffer {
  const rest = `${"x".repeat(LINE - 27)}\n`;
  const all = Array.from({ length: lines }, (_, i) => {
    const microseconds = 1795174165e6 + i * step;
    const seconds = EPOCH + BigInt(Math.floor(microseconds / 1e6));
    const nanoseconds = (microseconds % 1e6) * 1000 + 500;
    return `@${seconds.toString(16)}${nanoseconds.toString(16).padStart(8, "0")} ${rest}`;
  });
  return Buffer.from(all.join(""));
}

export const rows: Bench = async function* ({ dir, quick, rounds, tend }) {
  // 100 MB: C needs a third of a second.
  const lines = quick ? 250_000 : 1_000_000;
  const cases = [
    ["tai64n", "100-byte lines", Buffer.from(`${"x".repeat(LINE - 1)}\n`.repeat(lines)), 3],
    ["tai64nlocal", "10000 lines a second", labelled(lines, 100), 6],
    ["tai64nlocal", "each line another second", labelled(lines, 1_000_000), 6],
  ] as const;
  for (const [program, what, bytes, ratio] of cases) {
    const stdin = join(dir, "input");
    writeFileSync(stdin, bytes);
    const speed = (path: string) => () => bytes.length / 1e3 / timed([path], { stdin });
    const installed = (path: string) => (existsSync(path) ? speed(path) : undefined);
    const samples = await interleave(rounds(8), {
      tend: speed(tend(program)),
      C: installed(`/usr/bin/${program}`),
      s6: installed(`/usr/bin/s6-${program}`),
      limit: speed("/bin/cat"),
    });
    yield { name: `${program}, ${what}`, unit: "MB/s", better: "more", samples, must: { ratio } };
  }
};
