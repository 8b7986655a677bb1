import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  CONDEMNATIONS,
  DOINGS,
  READINESS_SIZE,
  ReadinessRecord,
  type RecordedReadiness,
} from "./readiness-record.ts";
import { MOST_STATUS } from "./sd-notify.ts";

const byteText = fc.uint8Array({ maxLength: MOST_STATUS }).map((bytes) => String.fromCharCode(...bytes));
const anyTold: fc.Arbitrary<RecordedReadiness> = fc
  .record({
    ways: fc.record({ descriptor: fc.boolean(), datagram: fc.boolean(), check: fc.boolean() }),
    socket: fc.boolean(),
    ready: fc.constantFrom(undefined, false, true),
    stamp: fc.record({ seconds: fc.bigInt(0n, 2n ** 61n), nanoseconds: fc.nat(999_999_999) }),
    doing: fc.constantFrom(...DOINGS),
    condemned: fc.constantFrom(...CONDEMNATIONS),
    watchdogMs: fc.nat(2 ** 32 - 1),
    text: byteText,
  })
  .map(({ stamp, ...told }) => ({ ...told, since: told.ready ? stamp : undefined }))
  .filter(({ ways, socket }) => ways.descriptor || ways.datagram || ways.check || socket);

test("what is noted is read as it was, over whatever was noted before; nothing is noted as nothing", () => {
  const record = new ReadinessRecord(new Uint8Array(READINESS_SIZE));
  expect(record.told).toBeUndefined();
  fc.assert(
    fc.property(anyTold, (told) => {
      record.told = told;
      expect(record.told).toEqual(told);
    }),
  );
  record.told = undefined;
  expect(record.told).toBeUndefined();
});

test("the address stays from run to run", () => {
  const record = new ReadinessRecord(new Uint8Array(READINESS_SIZE));
  expect(record.address).toBeUndefined();
  record.address = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 255);
  record.told = undefined;
  expect(record.address).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 255));
});

test("no bytes are refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: READINESS_SIZE, maxLength: READINESS_SIZE }), (bytes) => {
      const told = new ReadinessRecord(bytes).told;
      if (told !== undefined) expect(told.text.length).toBeLessThanOrEqual(MOST_STATUS);
    }),
  );
});
