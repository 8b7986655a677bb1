// Clocks. clock_gettime(2). Deadlines use the monotonic one, stamps the wall clock.
import { type Instant, instant } from "../units/units.ts";
import { libc, scratch } from "./libc.ts";

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const CLOCK_BOOTTIME = 7;

/** Clock ticks a second, in which /proc tells times: 100 on every architecture Bun runs on. sysconf(3) _SC_CLK_TCK */
export const TICKS_PER_SECOND = 100;
export const MS_PER_TICK = 1000 / TICKS_PER_SECOND;

/** Wall-clock time: seconds since 1970 (negative before), and 0 to 999 999 999 nanoseconds. */
export type WallTime = { readonly seconds: bigint; readonly nanoseconds: number };

function clock(id: number): number {
  const out = scratch.reset().alloc(16);
  libc.clock_gettime(id, out);
  return out;
}

/** The seconds in the struct timespec at `out`, without a BigInt. */
const wholeSeconds = (out: number): number => scratch.i32(out + 4) * 2 ** 32 + scratch.u32(out);

/** Now on the monotonic clock, which no step of the wall clock moves. */
export function monotonic(): Instant {
  const out = clock(CLOCK_MONOTONIC);
  return instant(wholeSeconds(out) * 1000 + scratch.u32(out + 8) / 1e6);
}

/** Now on the wall clock. */
export function wallTime(): WallTime {
  const out = clock(CLOCK_REALTIME);
  return { seconds: BigInt.asIntN(64, scratch.u64(out)), nanoseconds: scratch.u32(out + 8) };
}

/** Now on the wall clock to the microsecond, as daemontools stamps it: 500 in place of the last three digits. taia_now.c */
export function stampTime(): WallTime {
  const { seconds, nanoseconds } = wallTime();
  return { seconds, nanoseconds: nanoseconds - (nanoseconds % 1000) + 500 };
}

/** As stampTime, for those who ask often: seconds are a whole number. */
export function stampMoment(): { readonly seconds: number; readonly nanoseconds: number } {
  const out = clock(CLOCK_REALTIME);
  const nanoseconds = scratch.u32(out + 8);
  return {
    seconds: wholeSeconds(out),
    nanoseconds: nanoseconds - (nanoseconds % 1000) + 500,
  };
}

/** Clock ticks since the machine started, rounded down: what /proc/PID/stat tells of a process that starts now. */
export function bootTicks(): number {
  const out = clock(CLOCK_BOOTTIME);
  return wholeSeconds(out) * TICKS_PER_SECOND + Math.floor((scratch.u32(out + 8) * TICKS_PER_SECOND) / 1e9);
}
