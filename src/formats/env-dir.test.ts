import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeVariable, isVariable } from "./env-dir.ts";

test.each([
  ["hello world  \t \nsecond\n", "hello world"],
  ["nonl", "nonl"],
  ["  lead\n", "  lead"],
  ["\n", ""],
  [" \t", ""],
  ["", undefined],
  ["a\0b\n", "a\nb"],
  ["x\r\n", "x\r"],
  ["x".repeat(5000), "x".repeat(5000)],
  ["a \0\n", "a \n"],
  ["\0", "\n"],
  ["\nx", ""],
])("the content %j is the value %j", (content, value) => {
  expect(decodeVariable(content)).toBe(value);
});

test("a value holds no NUL, and as many newlines as the first line has NULs", () => {
  const byte = fc.constantFrom("\0", "\n", " ", "\t", "\r", "x", "=", "\xff");
  fc.assert(
    fc.property(fc.string({ unit: byte, minLength: 1, maxLength: 12 }), (content) => {
      const line = content.split("\n")[0] as string;
      const value = decodeVariable(content) as string;
      expect(value).not.toContain("\0");
      expect(value.length).toBeLessThanOrEqual(line.length);
      expect(value.split("\n").length).toBe(line.replace(/[ \t]*$/, "").split("\0").length);
      expect(decodeVariable(`${line}\n`)).toBe(value);
    }),
  );
});

test("files whose names begin with a dot are no variables", () => {
  expect([".", "..", ".hidden", "A", "-", "=", "A.B"].filter(isVariable)).toEqual(["A", "-", "=", "A.B"]);
});
