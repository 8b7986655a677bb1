// Local time, as the C library knows it: the variable TZ, or the system's zone. The zone's file is read at the first call and
// not again. tzset(3), localtime(3)
import { EOVERFLOW, failure } from "./errno.ts";
import { Arena, libc } from "./libc.ts";

/** A moment in a time zone. Months and days count from 1; the second can be 60. */
export type LocalTime = {
  /** 32 bits: where the true year does not fit, it is less by 2^32. */
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
};

/** time_t, and struct tm with room to spare. Not the scratch memory: this is called for every line. */
let cells: Arena | undefined;

/**
 * The moment `seconds` after the beginning of 1970, given as the halves of a 64-bit number. localtime_r(3)
 * @returns undefined where the year does not fit 32 bits less 1900
 */
export function localtime(high: number, low: number): LocalTime | undefined {
  cells ??= new Arena(256);
  const time = cells.base;
  const out = time + 16;
  cells.setU32(time, low);
  cells.setU32(time + 4, high);
  if (!libc.localtime_r(time, out)) {
    const error = failure("localtime_r");
    if (error.errno === EOVERFLOW) return undefined;
    throw error;
  }
  return {
    year: (cells.i32(out + 20) + 1900) | 0,
    month: cells.i32(out + 16) + 1,
    day: cells.i32(out + 12),
    hour: cells.i32(out + 8),
    minute: cells.i32(out + 4),
    second: cells.i32(out),
  };
}
