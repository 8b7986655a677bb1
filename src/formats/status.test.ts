import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { GoldenStatus } from "../../tests/golden/capture.ts";
import { FormatError } from "./format-error.ts";
import { decodeStatus, encodeStatus, STATUS_SIZE, type Status, type Want } from "./status.ts";

const golden: GoldenStatus[] = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../tests/golden/status.json"), "utf8"),
);

/** What each of the captured states is, in our words. */
const wants: { readonly [state: string]: Want } = {
  "never started, down file": "down",
  up: "up",
  "up, normally down": "up",
  paused: "up",
  "paused and continued": "up",
  "taken down": "down",
  "wanted down, but deaf to TERM": "down",
  "once, still running": "once",
  "once, paused": "once",
  "once, ended": "once",
  "exited while wanted up": "up",
  "exited after -dx": "down",
};

const anyStatus: fc.Arbitrary<Status> = fc.record({
  since: fc.record({
    seconds: fc.bigInt({ min: -4611686018427387914n, max: 2n ** 64n - 1n - 4611686018427387914n }),
    nanoseconds: fc.nat({ max: 0xffffffff }),
  }),
  pid: fc.nat({ max: 0xffffffff }),
  paused: fc.boolean(),
  want: fc.constantFrom("up", "down", "once"),
});

describe("what the C supervise wrote", () => {
  test("every captured state is known here", () => {
    expect(golden.map(({ state }) => state).sort()).toEqual(Object.keys(wants).sort());
  });

  for (const { state, bytes, pid, from, to, svstat } of golden) {
    test(`${state}: is read as what it was, and written as the same bytes`, () => {
      const file = new Uint8Array(Buffer.from(bytes, "hex"));
      const status = decodeStatus(file);
      expect(status).toMatchObject({ pid, want: wants[state] as Want, paused: svstat.includes("paused") });
      expect(svstat.includes("want down")).toBe(status.want === "down" && pid !== 0);
      expect(Number(status.since.seconds)).toBeGreaterThanOrEqual(from);
      expect(Number(status.since.seconds)).toBeLessThanOrEqual(to);
      // gettimeofday counts microseconds; the C program adds half of one.
      expect(status.since.nanoseconds % 1000).toBe(500);
      expect(encodeStatus(status)).toEqual(file);
    });
  }
});

test("a status is read as it was written", () => {
  fc.assert(
    fc.property(anyStatus, (status) => {
      const bytes = encodeStatus(status);
      expect(bytes.length).toBe(STATUS_SIZE);
      expect(decodeStatus(bytes)).toEqual(status);
    }),
  );
});

test("a status of fewer than 18 bytes is refused, with its length", () => {
  const bytes = encodeStatus({ since: { seconds: 0n, nanoseconds: 0 }, pid: 1, paused: false, want: "up" });
  for (let length = 0; length < STATUS_SIZE; length++) {
    try {
      decodeStatus(bytes.subarray(0, length));
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
      expect((error as FormatError).offset).toBe(length);
    }
  }
});

test("any 18 bytes or more are a status, and those after the 18th change nothing", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: STATUS_SIZE, maxLength: 64 }), (bytes) => {
      const status = decodeStatus(bytes);
      expect(status).toEqual(decodeStatus(bytes.slice(0, STATUS_SIZE)));
      expect(decodeStatus(encodeStatus(status))).toEqual(status);
    }),
  );
});

test("a view into a larger buffer is read from its own start", () => {
  const bytes = new Uint8Array(64);
  const status: Status = {
    since: { seconds: 5n, nanoseconds: 7 },
    pid: 0x01020304,
    paused: true,
    want: "once",
  };
  bytes.set(encodeStatus(status), 13);
  expect(decodeStatus(bytes.subarray(13, 31))).toEqual(status);
});

test("an unknown want is taken for once, and any pause byte but 0 for paused", () => {
  const bytes = new Uint8Array(STATUS_SIZE);
  for (let byte = 0; byte < 256; byte++) {
    bytes[16] = byte;
    bytes[17] = byte;
    const want = byte === 0x75 ? "up" : byte === 0x64 ? "down" : "once";
    expect(decodeStatus(bytes)).toMatchObject({ want, paused: byte !== 0 });
  }
});
