import { expect, test } from "bun:test";
import fc from "fast-check";
import { byteString } from "../units/units.ts";
import { isoStamp, LabelStamp } from "./log-stamp.ts";
import { encodeTai64n } from "./tai64n.ts";

const calendar = (date: Date) => ({
  year: date.getUTCFullYear(),
  month: date.getUTCMonth() + 1,
  day: date.getUTCDate(),
  hour: date.getUTCHours(),
  minute: date.getUTCMinutes(),
  second: date.getUTCSeconds(),
});

test("an ISO stamp is the local time to the nanosecond, with its distance from UTC", () => {
  const moment = { seconds: 1795184600, nanoseconds: 7500 };
  const at = (minutes: number) =>
    byteString(isoStamp(moment, calendar(new Date((1795184600 + 60 * minutes) * 1000))));
  expect(at(0)).toBe("2026-11-20T14:23:20.000007500+00:00 ");
  expect(at(60)).toBe("2026-11-20T15:23:20.000007500+01:00 ");
  expect(at(-210)).toBe("2026-11-20T10:53:20.000007500-03:30 ");
});

test("an ISO stamp says the moment again, in any zone", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -62_000_000_000, max: 250_000_000_000 }),
      fc.integer({ min: -14 * 60, max: 14 * 60 }),
      (seconds, zone) => {
        const local = calendar(new Date((seconds + 60 * zone) * 1000));
        const text = byteString(isoStamp({ seconds, nanoseconds: 0 }, local));
        expect(Date.parse(text.trim())).toBe(seconds * 1000);
      },
    ),
  );
});

test("label stamps are those of tai64n, whatever came before", () => {
  const moments = fc.record({
    seconds: fc.oneof(fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), fc.constantFrom(-10, -11, 2 ** 32 - 10)),
    nanoseconds: fc.nat(999_999_999),
  });
  fc.assert(
    fc.property(fc.array(moments, { minLength: 1 }), (all) => {
      const stamp = new LabelStamp();
      for (const moment of all.flatMap((each) => [each, { ...each, nanoseconds: 500 }])) {
        stamp.set(moment);
        const label = encodeTai64n({ ...moment, seconds: BigInt(moment.seconds) });
        expect(byteString(stamp.bytes)).toBe(`@${Buffer.from(label).toString("hex")} `);
      }
    }),
  );
});
