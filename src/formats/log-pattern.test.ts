import { expect, test } from "bun:test";
import fc from "fast-check";
import { byteString, bytesOf } from "../units/units.ts";
import { ALL, advance, FAILED, matched, needed } from "./log-pattern.ts";

function matches(pattern: string, line: string, cuts: readonly number[] = []): boolean {
  const bytes = bytesOf(line);
  const compiled = bytesOf(pattern);
  let progress = 0;
  const ends = [...cuts.map((cut) => cut % (line.length + 1)).sort((a, b) => a - b), line.length];
  let from = 0;
  for (const to of ends) {
    progress = advance(compiled, progress, bytes, from, to);
    from = to;
  }
  return matched(compiled, progress);
}

test.each([
  ["*", ["", "x", "*"], []],
  ["", [""], ["x"]],
  ["one", ["one"], ["on", "onetwo", ""]],
  ["one*", ["one", "onetwo"], ["on", "xone"]],
  ["* one", [" one", "x one", "xy one"], ["one", "  one", "xy one "]],
  ["* * one", ["x y one", "  one"], ["   one"]],
  ["a*b", ["ab", "aab", "axb"], ["axbxb", "a"]],
  ["*ab", ["xxab", "ab"], ["aab"]],
  ["**", ["*", "a*", "a*b"], ["ab", ""]],
  ["a**", ["a*", "axx*x"], ["a"]],
  ["*\xff", ["\0\xff"], ["\xfe"]],
])("the pattern %j matches %j and not %j", (pattern, yes, no) => {
  for (const line of yes) expect(matches(pattern, line)).toBe(true);
  for (const line of no) expect(matches(pattern, line)).toBe(false);
});

test("nothing after a failure or a last star matters", () => {
  expect(advance(bytesOf("a"), FAILED, bytesOf("a"), 0, 1)).toBe(FAILED);
  expect(advance(bytesOf("*"), 0, bytesOf("abc"), 0, 3)).toBe(ALL);
});

/** djb's rule, as it is written. */
function byRule(pattern: string, line: string): boolean {
  let at = 0;
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] !== "*") {
      if (line[at] !== pattern[i]) return false;
      at++;
    } else {
      if (i + 1 === pattern.length) return true;
      at = line.indexOf(pattern[i + 1] as string, at);
      if (at === -1) return false;
    }
  }
  return at === line.length;
}

const text = fc.array(fc.constantFrom("a", "b", "*"), { maxLength: 8 }).map((parts) => parts.join(""));

test("a line matches by the rule, in whatever pieces it comes", () => {
  fc.assert(
    fc.property(text, text, fc.array(fc.nat(20), { maxLength: 3 }), (pattern, line, cuts) => {
      expect(matches(pattern, line, cuts)).toBe(byRule(pattern, line));
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ["* *error*", 0, "error"],
  ["* *error*", 3, "error"],
  ["*ab*cd", 0, "ab"],
  ["@400*x", 2, "00"],
  ["abc*", 3, undefined],
  ["*", 0, undefined],
  ["**", 0, undefined],
  ["one", FAILED, undefined],
  ["one", ALL, undefined],
])("what a line needs to match %j from %i on is %j", (pattern, progress, wanted) => {
  const found = needed(bytesOf(pattern), progress);
  expect(found === undefined ? undefined : byteString(found)).toBe(wanted);
});

test("a line that matches has what is needed", () => {
  const word = fc.constantFrom("a", "b", "ab", "*", "* ", " ", "one");
  const text = fc.array(word, { maxLength: 8 }).map((words) => words.join(""));
  fc.assert(
    fc.property(text, text, fc.nat(8), (pattern, line, cut) => {
      const progress = advance(bytesOf(pattern), 0, bytesOf(line), 0, Math.min(cut, line.length));
      const wanted = needed(bytesOf(pattern), progress);
      if (wanted !== undefined && matches(pattern, line))
        expect(line.slice(cut)).toContain(byteString(wanted));
    }),
    { numRuns: 2000 },
  );
});
