import { expect, test } from "bun:test";
import fc from "fast-check";
import { cutAt, passAll } from "../../tests/support/pass.ts";
import { LONGEST_HOLD } from "./line-filter.ts";
import { type CivilTime, LocalizeLines } from "./localize-lines.ts";

/** Universal time from 1900 to 9999; nothing else has a local time here. */
function clock(high: number, low: number): CivilTime | undefined {
  const seconds = Number(BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)));
  if (seconds < -2208988800 || seconds > 253402300799) return undefined;
  const date = new Date(seconds * 1000);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
  };
}

const localized = (pieces: readonly string[], room = 10000): string =>
  passAll(() => new LocalizeLines(clock), pieces, room);

const LABEL = "@400000003b4a39c23294b13c";
const TIME = "2001-07-09 23:09:44.848605500";

test.each([
  [`${LABEL} foo\n`, `${TIME} foo\n`],
  [`${LABEL}\n`, `${TIME}\n`],
  [`${LABEL}:z\n`, `${TIME}:z\n`],
  ["@00400000003b4a39c23294b13c x\n", `${TIME} x\n`],
  ["@400000003b4a39c2ffffffff x\n", "2001-07-09 23:09:44.4294967295 x\n"],
  ["@400000000000000a00000000 epoch\n", "1970-01-01 00:00:00.000000000 epoch\n"],
  ["@400000000000000900000001 before\n", "1969-12-31 23:59:59.000000001 before\n"],
  [`${LABEL}@400000003b4a39c23294b13c\n`, `${TIME}@400000003b4a39c23294b13c\n`],
  ["plain\n", "plain\n"],
  [` ${LABEL}\n`, ` ${LABEL}\n`],
  ["\n\n", "\n\n"],
  [
    `${LABEL} a\n${LABEL} b\n@400000003b4a39c300000000 c`,
    `${TIME} a\n${TIME} b\n2001-07-09 23:09:45.000000000 c`,
  ],
])("%j becomes %j", (input, output) => {
  expect(localized([input])).toBe(output);
});

test.each([
  "@\n",
  "@ foo\n",
  "@12345 x\n",
  "@400000003b4a39c2 x\n",
  "@400000003B4A39C23294B13C x\n",
  "@@@\n",
  `${LABEL}f x\n`,
  "@ffffffffffffffffffffffff x\n",
  "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@",
])("a label that is no time is left as it is: %j", (input) => {
  expect(localized([input])).toBe(input);
});

test("a line after a bad label is treated like any other", () => {
  expect(localized([`good\n@ bad\n${LABEL} x\n`])).toBe(`good\n@ bad\n${TIME} x\n`);
});

test("a label that the end of the input cuts short is dropped", () => {
  expect(localized([`a\n${LABEL}`])).toBe("a\n");
  expect(localized([`a\n${LABEL.slice(0, 7)}`])).toBe("a\n");
  expect(localized(["@"])).toBe("");
});

test("a label may have 4094 digits and no more, however it arrives", () => {
  const zeros = (digits: number): string => `@${"0".repeat(digits - 24)}${LABEL.slice(1)} x\n`;
  for (const room of [46, 10000]) {
    for (const size of [1, 1000, 100000]) {
      const pieces = (text: string): string[] =>
        cutAt(
          text,
          Array.from({ length: Math.floor(text.length / size) }, (_, i) => i * size),
        );
      expect(localized(pieces(zeros(LONGEST_HOLD - 2)), room)).toBe(`${TIME} x\n`);
      expect(localized(pieces(zeros(LONGEST_HOLD - 1)), room)).toBe(zeros(LONGEST_HOLD - 1));
      expect(localized(pieces(zeros(LONGEST_HOLD)), room)).toBe(zeros(LONGEST_HOLD));
      expect(localized(pieces(zeros(LONGEST_HOLD * 3)), room)).toBe(zeros(LONGEST_HOLD * 3));
    }
  }
});

const part = fc.constantFrom(
  "\n",
  "\n",
  "@",
  LABEL,
  " x",
  "0123",
  "f",
  "A",
  "\0\xff",
  "@4000",
  "y".repeat(90),
);

test("where input is cut and output is full makes no difference", () => {
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 60 }).map((parts) => parts.join("")),
      fc.array(fc.nat(3000), { maxLength: 10 }),
      fc.integer({ min: 46, max: 300 }),
      (text, cuts, room) => {
        expect(localized(cutAt(text, cuts), room)).toBe(localized([text], 100000));
      },
    ),
  );
});

test("whatever is written, lines stay lines, and those that begin with another byte than @ stay as they are", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = `${Buffer.from(bytes).toString("latin1")}\n`;
      const lines = localized([text]).split("\n");
      expect(lines.length).toBe(text.split("\n").length);
      for (const [i, line] of text.split("\n").entries()) {
        if (!line.startsWith("@")) expect(lines[i]).toBe(line);
      }
    }),
  );
});
