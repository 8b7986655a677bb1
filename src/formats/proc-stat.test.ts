import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { FormatError } from "./format-error.ts";
import { decodeProcStat } from "./proc-stat.ts";

const REST =
  "S 1 4233 4200 34816 4233 4194560 94 0 0 0 0 0 0 0 20 0 3 0 123456 2478080 214 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
const expected = {
  pid: 4242,
  state: "S",
  parent: 1,
  group: 4233,
  session: 4200,
  threads: 3,
  started: 123456,
};

describe("a line of /proc/PID/stat", () => {
  test.each(["sleep", "tmux: server", "a) S 9 9 9 9", ")", "((", "two\nlines", "", "\xff\xfe"])(
    "the name %j changes nothing",
    (name) => expect(decodeProcStat(`4242 (${name}) ${REST}`)).toEqual(expected),
  );

  test("whatever the name is", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 15, unit: "binary-ascii" }), (name) => {
        expect(decodeProcStat(`4242 (${name}) ${REST}`)).toEqual(expected);
      }),
    );
  });

  test.each(["", "4242", "4242 (sleep", "4242 (sleep)", "4242 (sleep) S 1 2 3", "4242 sleep S 1 2 3"])(
    "%j is none",
    (text) => expect(() => decodeProcStat(text)).toThrow(FormatError),
  );

  test("no text makes it fail otherwise", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        try {
          decodeProcStat(text);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
    );
  });
});
