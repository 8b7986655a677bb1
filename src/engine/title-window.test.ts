import { expect, test } from "bun:test";
import fc from "fast-check";
import { byteString, bytesOf } from "../units/units.ts";
import { clearTitle, SHORTEST_TITLE, shiftIntoTitle } from "./title-window.ts";

/** What a title of `size` bytes shows after `pieces`. */
function shown(size: number, pieces: readonly string[]): string {
  const title = new Uint8Array(size);
  clearTitle(title);
  for (const piece of pieces) shiftIntoTitle(title, bytesOf(piece));
  return byteString(title);
}

test("a title begins as dots", () => {
  expect(shown(10, [])).toBe("..........");
});

test("three dots stay; behind them is the end of what was written", () => {
  expect(shown(10, ["ab\0c\n"])).toBe("......abc\n".padStart(10, "."));
  expect(shown(10, ["ABCDEFGHIJKL"])).toBe("...FGHIJKL");
  expect(shown(5, ["ABC"])).toBe("...BC");
});

test("bytes come one at a time or all at once: the title is the same", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: SHORTEST_TITLE, max: 40 }),
      fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 }),
      (size, pieces) => {
        const texts = pieces.map(byteString);
        const expected = `${".".repeat(size)}${texts.join("").replaceAll("\0", "")}`.slice(-(size - 3));
        expect(shown(size, texts)).toBe(`...${expected}`);
        expect(shown(size, texts.join("").split(""))).toBe(`...${expected}`);
      },
    ),
  );
});
