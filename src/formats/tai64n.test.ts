import { expect, test } from "bun:test";
import fc from "fast-check";
import { FormatError } from "./format-error.ts";
import { decodeTai64n, encodeTai64n, TAI64N_SIZE, type Tai64n } from "./tai64n.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test.each([
  ["1970-01-01 00:00:00", 0n, 0, "400000000000000a00000000"],
  ["one second earlier", -1n, 999_999_999, "40000000000000093b9ac9ff"],
  ["the label in the manual of tai64nlocal", 935467445n, 787_492_500, "4000000037c219bf2ef02e94"],
  ["the last second of 32 signed bits", 2147483647n, 1, "400000008000000900000001"],
  ["the first second there is", -4611686018427387914n, 0, "000000000000000000000000"],
  ["the last second there is", 2n ** 64n - 1n - 4611686018427387914n, 0, "ffffffffffffffff00000000"],
])("%s has the label it has in daemontools", (_, seconds, nanoseconds, label) => {
  expect(hex(encodeTai64n({ seconds, nanoseconds }))).toBe(label);
  expect(decodeTai64n(new Uint8Array(Buffer.from(label, "hex")))).toEqual({ seconds, nanoseconds });
});

const anyMoment: fc.Arbitrary<Tai64n> = fc.record({
  seconds: fc.bigInt({ min: -4611686018427387914n, max: 2n ** 64n - 1n - 4611686018427387914n }),
  nanoseconds: fc.nat({ max: 999_999_999 }),
});

test("a moment is read as it was written", () => {
  fc.assert(fc.property(anyMoment, (moment) => expect(decodeTai64n(encodeTai64n(moment))).toEqual(moment)));
});

test("of two moments the later one has the greater label", () => {
  const before = (a: Tai64n, b: Tai64n) =>
    a.seconds < b.seconds || (a.seconds === b.seconds && a.nanoseconds < b.nanoseconds);
  fc.assert(
    fc.property(anyMoment, anyMoment, (a, b) => {
      expect(hex(encodeTai64n(a)) < hex(encodeTai64n(b))).toBe(before(a, b));
    }),
  );
});

test("any 12 bytes are a label, written back as they were", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: TAI64N_SIZE, maxLength: 40 }), (bytes) => {
      expect(encodeTai64n(decodeTai64n(bytes))).toEqual(bytes.slice(0, TAI64N_SIZE));
    }),
  );
});

test("fewer than 12 bytes are refused, with their length", () => {
  const bytes = encodeTai64n({ seconds: 1n, nanoseconds: 2 });
  for (let length = 0; length < TAI64N_SIZE; length++)
    expect(() => decodeTai64n(bytes.subarray(0, length))).toThrow(
      new FormatError("TAI64N label is too short", length),
    );
});
