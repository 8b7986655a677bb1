import { expect, test } from "bun:test";
import fc from "fast-check";
import { cutAt, passAll } from "../../tests/support/pass.ts";
import { STAMP_SIZE } from "../formats/stamper.ts";
import { StampLines } from "./stamp-lines.ts";

const label = (second: number): string => `@${(0x400000000000000an + BigInt(second)).toString(16)}00000000 `;

/** Each piece arrives at the second of its number. */
const stamped = (pieces: readonly string[], room = 1000): string =>
  passAll(
    (memory) => new StampLines(memory),
    pieces,
    room,
    (filter, i) => {
      (filter as StampLines).now = { seconds: BigInt(i), nanoseconds: 0 };
    },
  );

test("every line gets a label, an empty one too, and no more than that", () => {
  expect(stamped(["a\n\nb\n"])).toBe(`${label(0)}a\n${label(0)}\n${label(0)}b\n`);
});

test("a last line without newline stays without", () => {
  expect(stamped(["a"])).toBe(`${label(0)}a`);
});

test("no input, no output", () => {
  expect(stamped([])).toBe("");
});

test("the label is the moment of the line's first byte", () => {
  expect(stamped(["a", "b\n", "c\nd", "e"])).toBe(`${label(0)}ab\n${label(2)}c\n${label(2)}de`);
});

const text = fc
  .array(fc.constantFrom("\n", "a", "\0", "\xff", "@", "xyz".repeat(40)), { maxLength: 60 })
  .map((parts) => parts.join(""));

test("the bytes of a line pass unchanged, wherever input is cut and output is full", () => {
  fc.assert(
    fc.property(
      text,
      fc.array(fc.nat(500), { maxLength: 8 }),
      fc.integer({ min: STAMP_SIZE, max: 200 }),
      (all, cuts, room) => {
        let expected = "";
        let lineStart = true;
        const pieces = cutAt(all, cuts);
        for (const [i, piece] of pieces.entries()) {
          for (const c of piece) {
            if (lineStart) expected += label(i);
            expected += c;
            lineStart = c === "\n";
          }
        }
        expect(stamped(pieces, room)).toBe(expected);
      },
    ),
  );
});
