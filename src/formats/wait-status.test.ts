import { expect, test } from "bun:test";
import fc from "fast-check";
import { FormatError } from "./format-error.ts";
import { decodeWaitStatus, encodeWaitStatus, type WaitStatus } from "./wait-status.ts";

test.each([
  ["exit 0", 0x0000, { exited: 0 }],
  ["exit 1", 0x0100, { exited: 1 }],
  ["exit 255", 0xff00, { exited: 255 }],
  ["killed by SIGKILL", 0x0009, { killed: 9, coreDumped: false }],
  ["killed by SIGSEGV, with a core file", 0x008b, { killed: 11, coreDumped: true }],
  ["killed by the last real-time signal", 0x0040, { killed: 64, coreDumped: false }],
] as [string, number, WaitStatus][])("%s", (_, status, expected) => {
  expect(decodeWaitStatus(status)).toEqual(expected);
});

const anyStatus: fc.Arbitrary<WaitStatus> = fc.oneof(
  fc.record({ exited: fc.nat({ max: 255 }) }),
  fc.record({ killed: fc.integer({ min: 1, max: 126 }), coreDumped: fc.boolean() }),
);

test("a status is read as it was written", () => {
  fc.assert(
    fc.property(anyStatus, (status) => expect(decodeWaitStatus(encodeWaitStatus(status))).toEqual(status)),
  );
});

test("every number is either a status, written back as it was, or refused", () => {
  for (let status = 0; status <= 0xffff; status++) {
    let decoded: WaitStatus;
    try {
      decoded = decodeWaitStatus(status);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      continue;
    }
    if (encodeWaitStatus(decoded) !== status) throw new Error(`${status} became ${JSON.stringify(decoded)}`);
  }
});

test.each([
  ["stopped by SIGSTOP", 0x137f],
  ["continued", 0xffff],
  ["a core file without a signal", 0x0080],
  ["more than 16 bits", 0x10000],
  ["negative", -1],
  ["no whole number", 1.5],
  ["no number at all", Number.NaN],
])("%s is no end of a process", (_, status) => expect(() => decodeWaitStatus(status)).toThrow(FormatError));
