import { expect, test } from "bun:test";
import fc from "fast-check";
import { byteString, bytesOf, exhaustive, instant, later } from "./units.ts";

test("a ByteString holds any bytes, and gives back the same", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 10_000 }), (bytes) => {
      const text = byteString(bytes);
      expect(text.length).toBe(bytes.length);
      expect(bytesOf(text)).toEqual(bytes);
    }),
    { numRuns: 50 },
  );
});

test("a ByteString may be longer than the argument list of one call", () => {
  const bytes = new Uint8Array(1 << 20).map((_, i) => i * 31);
  expect(bytesOf(byteString(bytes))).toEqual(bytes);
});

test("bytes are never decoded as UTF-8", () => {
  expect(byteString(new Uint8Array([0xc3, 0xa9, 0xff, 0]))).toBe("\xc3\xa9\xff\0");
});

test("later counts in milliseconds", () => expect(later(instant(1.5), 1000)).toBe(instant(1001.5)));

test("a case that cannot be is named when it comes all the same", () => {
  expect(() => exhaustive("seven" as never)).toThrow('not a case: "seven"');
});
