import { expect, test } from "bun:test";
import fc from "fast-check";
import { byteString } from "../units/units.ts";
import { isoStamp, labelStamp } from "./log-stamp.ts";

const calendar = (date: Date) => ({
  year: date.getUTCFullYear(),
  month: date.getUTCMonth() + 1,
  day: date.getUTCDate(),
  hour: date.getUTCHours(),
  minute: date.getUTCMinutes(),
  second: date.getUTCSeconds(),
});

test("an ISO stamp is the local time to the nanosecond, with its distance from UTC", () => {
  const moment = { seconds: 1795184600n, nanoseconds: 7500 };
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
        const text = byteString(isoStamp({ seconds: BigInt(seconds), nanoseconds: 0 }, local));
        expect(Date.parse(text.trim())).toBe(seconds * 1000);
      },
    ),
  );
});

test("a label stamp is that of tai64n", () => {
  expect(byteString(labelStamp({ seconds: 1795174165n, nanoseconds: 107036500 }))).toBe(
    "@400000006b002f1f06613f54 ",
  );
});
