import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseScript } from "../formats/log-script.ts";
import { bytesOf } from "../units/units.ts";
import { full, MARGIN, oldLogs, portion, surplus } from "./log-rotation.ts";

/** Lengths of the files that `text` is cut into when it comes in pieces of `piece` bytes. */
function files(text: string, size: number, piece: number): string[] {
  const memory = bytesOf(text);
  const done: string[] = [""];
  const current = () => done.at(-1) as string;
  for (let from = 0; from < text.length; from += piece) {
    const end = Math.min(from + piece, text.length);
    for (let at = from; at < end; ) {
      if (current().length >= size) done.push("");
      const taken = portion(memory, at, end - at, current().length, size);
      expect(taken).toBeGreaterThan(0);
      done[done.length - 1] += text.slice(at, at + taken);
      at += taken;
      if (full(current().length, memory[at - 1], size)) done.push("");
    }
  }
  return done;
}

const text = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1000, max: 9000 })), { maxLength: 60 })
  .map((lengths) => lengths.map((n) => `${"x".repeat(n)}\n`).join(""));

test("files end at the end of a line within 2000 bytes of their size, or are cut at exactly that", () => {
  fc.assert(
    fc.property(
      text,
      fc.integer({ min: 4096, max: 20_000 }),
      fc.integer({ min: 1, max: 30_000 }),
      (all, size, piece) => {
        const cut = files(all, size, piece);
        expect(cut.join("")).toBe(all);
        for (const file of cut.slice(0, -1)) {
          if (file.endsWith("\n")) expect(file.length).toBeGreaterThanOrEqual(size - MARGIN);
          else {
            expect(file.length).toBe(size);
            expect(file.slice(-MARGIN)).not.toContain("\n");
          }
          expect(file.length).toBeLessThanOrEqual(size);
        }
      },
    ),
  );
});

test("old logs are sorted by the first 25 bytes of their names", () => {
  const [a, b] = [`@${"1".repeat(24)}`, `@${"2".repeat(24)}`];
  expect(oldLogs([`${b}.s`, "current", `${a}.u`, "@short", `${a}.gz`])).toEqual([
    `${a}.u`,
    `${a}.gz`,
    `${b}.s`,
  ]);
});

test("there is room for one file less than the script says, beside current", () => {
  const [action] = parseScript(["n4", "./l"]).actions;
  if (action?.do !== "log") throw new Error("no log");
  expect([0, 3, 4, 9].map((count) => surplus(count, action.keeping))).toEqual([0, 0, 1, 6]);
});
