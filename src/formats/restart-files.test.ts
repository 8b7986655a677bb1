import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { signo } from "../units/units.ts";
import { FormatError } from "./format-error.ts";
import {
  ALWAYS,
  BACKOFF,
  backoff,
  isSuccess,
  restartRule,
  START_LIMIT,
  startLimit,
  startsPerSecond,
} from "./restart-files.ts";

describe("restart", () => {
  test("is a word, then exit codes and signals in any order, on one line or several", () => {
    expect(restartRule("always\n")).toEqual(ALWAYS);
    expect(restartRule("on-failure 3 SIGUSR1\n143\tusr2\n")).toEqual({
      after: "on-failure",
      codes: [3, 143],
      signals: [signo(10), signo(12)],
    });
  });

  test.each([
    ["", "neither"],
    ["yes", "neither"],
    ["ALWAYS", "neither"],
    ["on-failure 256", "not an exit code or signal: 256"],
    ["on-failure -1", "not an exit code or signal: -1"],
    ["never TERM NOTHING", "not an exit code or signal: NOTHING"],
    ["never \x1b[2J\xff", "not an exit code or signal: ?[2J?"],
    [`never ${"9".repeat(4000)}`, `not an exit code or signal: ${"9".repeat(20)}`],
  ])("%j is refused", (text, why) => {
    expect(() => restartRule(text)).toThrow(why);
  });

  test("0, HUP, INT, PIPE and TERM are a success, and what is named; what nobody knows is none", () => {
    const rule = restartRule("on-failure 3 USR1");
    const killed = (signal: number, coreDumped = false) => ({ killed: signal, coreDumped });
    for (const how of [{ exited: 0 }, { exited: 3 }, ...[1, 2, 13, 15, 10].map((signal) => killed(signal))])
      expect(isSuccess(how, rule)).toBe(true);
    for (const how of [{ exited: 1 }, killed(9), killed(11), killed(15, true), undefined])
      expect(isSuccess(how, rule)).toBe(false);
  });
});

describe("backoff", () => {
  test("is up to three numbers of milliseconds", () => {
    expect(backoff("")).toEqual(BACKOFF);
    expect(backoff("500\n")).toEqual({ ...BACKOFF, firstMs: 500 });
    expect(backoff("100000")).toEqual({ ...BACKOFF, firstMs: 100_000, mostMs: 100_000 });
    expect(backoff("100 2000 3000 \nand a remark")).toEqual({ firstMs: 100, mostMs: 2000, stableMs: 3000 });
    expect(backoff("none\n")).toBeUndefined();
  });
  test.each(["1 2 3 4", "-1", "1.5", "1e3", "x", "none 1", "4294967296", "5000 1000", "\0", "0x10"])(
    "%j is refused",
    (text) => {
      expect(() => backoff(text)).toThrow(FormatError);
    },
  );
});

describe("start-limit", () => {
  test("is starts, milliseconds, and milliseconds or never", () => {
    expect(startLimit("")).toEqual(START_LIMIT);
    expect(startLimit("3 5000")).toEqual({ ...START_LIMIT, starts: 3, withinMs: 5000 });
    expect(startLimit("3 5000 60000")).toEqual({ starts: 3, withinMs: 5000, retryMs: 60_000 });
    expect(startLimit("3 5000 never")).toEqual({ starts: 3, withinMs: 5000, retryMs: undefined });
    expect(startLimit("none")).toBeUndefined();
  });
  test.each(["0 1 1", "10001", "3 never", "never", "1 2 3 4", "a b c", "1 2 never 4"])(
    "%j is refused",
    (text) => {
      expect(() => startLimit(text)).toThrow(FormatError);
    },
  );
});

test("starts-per-second is a number from 1 to 10000", () => {
  expect(startsPerSecond("50\n")).toBe(50);
  for (const text of ["", "0", "10001", "-1", "1 2", "x"])
    expect(() => startsPerSecond(text)).toThrow(FormatError);
});

test("no content of any of them does more than be refused", () => {
  const text = fc.oneof(
    fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((n) => String.fromCharCode(n)), maxLength: 60 }),
    fc
      .array(fc.constantFrom("always", "never", "on-failure", "none", "5", "99999999999", "TERM", "\n"), {
        maxLength: 6,
      })
      .map((words) => words.join(" ")),
  );
  fc.assert(
    fc.property(text, (content) => {
      for (const parse of [restartRule, backoff, startLimit, startsPerSecond])
        try {
          parse(content);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
          expect((error as Error).message).toMatch(/^[ -~]+$/);
        }
    }),
  );
});
