// What multilog puts in front of a line: a TAI64N label (`t`), or local time as ISO 8601 has it (`T`).
import { type ByteString, bytesOf } from "../units/units.ts";
import { STAMP_SIZE, Stamper } from "./stamper.ts";
import type { Tai64n } from "./tai64n.ts";

const stamper = new Stamper();

/** The label of `moment`, and a space. */
export function labelStamp(moment: Tai64n): Uint8Array {
  const bytes = new Uint8Array(STAMP_SIZE);
  stamper.set(moment);
  stamper.put(new DataView(bytes.buffer), 0);
  return bytes;
}

/** A moment on the calendar of some time zone; months and days count from 1. */
export type Calendar = {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
};

/** `2026-11-20T14:23:20.123456500+01:00 `: 36 bytes for the years 0 to 9999. The zone is what `local` differs from UTC by. */
export function isoStamp({ seconds, nanoseconds }: Tai64n, local: Calendar): Uint8Array {
  const { year, month, day, hour, minute, second } = local;
  const offset = Math.round(
    (daysBefore(local) * 86400 + hour * 3600 + minute * 60 + second - Number(seconds)) / 60,
  );
  const digits = (n: number, width = 2) => String(n).padStart(width, "0");
  const zone = Math.abs(offset);
  const text: ByteString =
    `${digits(year, 4)}-${digits(month)}-${digits(day)}T${digits(hour)}:${digits(minute)}:${digits(second)}` +
    `.${digits(nanoseconds, 9)}${offset < 0 ? "-" : "+"}${digits(Math.floor(zone / 60))}:${digits(zone % 60)} `;
  return bytesOf(text);
}

/** Days from the beginning of 1970 to that day, in the Gregorian calendar. */
function daysBefore({ year, month, day }: Calendar): number {
  // Years that begin in March, so that the odd day is a year's last.
  const y = month <= 2 ? year - 1 : year;
  const m = (month + 9) % 12;
  const leaps = Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  return 365 * y + leaps + Math.floor((153 * m + 2) / 5) + day - 1 - 719468;
}
