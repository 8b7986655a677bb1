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

/** The clock, changed by so many seconds from a moment on, for each of `jumps`; at `leap` it shows a second 60, and is one later on. */
const jumping =
  (jumps: readonly (readonly [from: number, by: number])[], leap = -1) =>
  (high: number, low: number): CivilTime | undefined => {
    const seconds = high * 2 ** 32 + low;
    const offset = jumps.reduce((sum, [from, by]) => (seconds >= from ? sum + by : sum), 0);
    const shifted = BigInt(seconds + offset - (leap >= 0 && seconds >= leap ? 1 : 0));
    const time = clock(Number(BigInt.asUintN(32, shifted >> 32n)), Number(BigInt.asUintN(32, shifted)));
    return time !== undefined && seconds === leap ? { ...time, second: 60 } : time;
  };

const labelOf = (seconds: number): string =>
  `@${(2n ** 62n + 10n + BigInt(seconds)).toString(16).padStart(16, "0")}00000000\n`;

const written = (time: CivilTime | undefined, label: string): string => {
  if (time === undefined) return label;
  const two = (value: number) => String(value).padStart(2, "0");
  const { year, month, day, hour, minute, second } = time;
  return `${year}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)}.000000000\n`;
};

const JUMP = 1_700_000_000;

test("seconds that follow each other are what the clock says of each, whenever it jumps, by however much", () => {
  const near = fc.integer({ min: JUMP - 200, max: JUMP + 90_000 });
  fc.assert(
    fc.property(
      near,
      fc.constantFrom(1, -1, 60, -60, 3600, -3600, 86_400, -86_400, 37),
      fc.option(near, { nil: -1 }),
      fc.array(fc.tuple(fc.integer({ min: -200, max: 200 }), fc.integer({ min: 1, max: 90 })), {
        maxLength: 6,
      }),
      (jump, by, leap, runs) => {
        fc.pre(leap < 0 || Math.abs(jump - leap) > 64); // Two changes that close may be none in the end.
        const local = jumping([[jump, by]], leap);
        const moments = runs.flatMap(([from, count]) =>
          [jump, leap < 0 ? jump : leap].flatMap((center) =>
            Array.from({ length: count }, (_, i) => center + from + i),
          ),
        );
        const labels = moments.map(labelOf);
        const expected = moments.map((at, i) =>
          written(local(Math.floor(at / 2 ** 32), at % 2 ** 32), labels[i] as string),
        );
        expect(passAll(() => new LocalizeLines(local), [labels.join("")], 100_000)).toBe(expected.join(""));
      },
    ),
    { examples: [[1699999800, 1, -1, [[0, 10]]]] },
  );
});

test("a clock that jumps and jumps back within 64 seconds is taken for one that runs evenly", () => {
  const start = 1_699_999_936;
  const local = jumping([
    [start + 10, 3600],
    [start + 40, -3600],
  ]);
  const labels = [0, 20, 21, 63].map((at) => labelOf(start + at));
  const expected = [0, 20, 21, 63].map((at, i) => written(clock(0, start + at), labels[i] as string));
  expect(passAll(() => new LocalizeLines(local), [labels.join("")], 100_000)).toBe(expected.join(""));
});

test("the clock is asked three times for the 64 seconds of a minute's length, once for lines that are further apart", () => {
  let asked = 0;
  const counting = (high: number, low: number) => {
    asked++;
    return clock(high, low);
  };
  const lines = (step: number) =>
    Array.from({ length: 64 }, (_, i) => labelOf(1_699_999_936 + i * step)).join("");
  passAll(() => new LocalizeLines(counting), [lines(1)], 100_000);
  expect(asked).toBe(3);
  asked = 0;
  passAll(() => new LocalizeLines(counting), [lines(64)], 100_000);
  expect(asked).toBe(64);
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
