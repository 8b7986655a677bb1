// What multilog puts in front of a line: a TAI64N label (`t`), or local time as ISO 8601 has it (`T`).
import { type ByteString, bytesOf } from "../units/units.ts";
import { STAMP_SIZE } from "./stamper.ts";
import type { Moment } from "./tai64n.ts";

const DIGITS = [..."0123456789abcdef"].map((digit) => digit.charCodeAt(0));

/** Labels, one after the other, each with a space behind it: of one that follows another only what differs is written. */
export class LabelStamp {
  readonly bytes: Uint8Array = new Uint8Array(STAMP_SIZE);
  private seconds = Number.NaN;

  constructor() {
    this.bytes[0] = 0x40;
    this.bytes[STAMP_SIZE - 1] = 0x20;
  }

  /** Makes it the label of `moment`. */
  set({ seconds, nanoseconds }: Moment): void {
    if (seconds !== this.seconds) {
      this.seconds = seconds;
      this.digits(1, 2 ** 30 + Math.floor((seconds + 10) / 2 ** 32));
      this.digits(9, (seconds + 10) % 2 ** 32);
    }
    this.digits(17, nanoseconds);
  }

  /** The low 32 bits of `word`, as 8 digits at `at`. */
  private digits(at: number, word: number): void {
    const { bytes } = this;
    let rest = word | 0;
    for (let i = at + 7; i >= at; i--) {
      bytes[i] = DIGITS[rest & 15] as number;
      rest >>>= 4;
    }
  }
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
export function isoStamp({ seconds, nanoseconds }: Moment, local: Calendar): Uint8Array {
  const { year, month, day, hour, minute, second } = local;
  const offset = Math.round((daysBefore(local) * 86400 + hour * 3600 + minute * 60 + second - seconds) / 60);
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
