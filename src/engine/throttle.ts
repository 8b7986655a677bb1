// How soon a service may be started again. The one-second rule of supervise(8) is a deadline here, not a sleep; when there
// is no process to be had, attempts are spread out instead of the C program's sixty deaf seconds.
import { type Instant, later } from "../units/units.ts";

/** A start is never earlier than this after the one before, in milliseconds. */
export const START_INTERVAL_MS = 1000;
/** The first and the longest pause after there was no process to be had, in milliseconds. */
export const BACKOFF_FIRST_MS = 1000;
export const BACKOFF_MOST_MS = 60_000;

export type Throttle = {
  /** When the last attempt was made; undefined before the first. */
  readonly last: Instant | undefined;
  /** No start before this many milliseconds after it. */
  readonly pauseMs: number;
  /** How many attempts in a row found no process. */
  readonly failures: number;
};

export const noThrottle: Throttle = { last: undefined, pauseMs: 0, failures: 0 };

/** After a start that was made, or whose program could not be executed. */
export const throttled = (at: Instant): Throttle => ({ last: at, pauseMs: START_INTERVAL_MS, failures: 0 });

/**
 * After a start that found no process: the pause doubles from 1 s to 60 s. `jitter` (0 to 1) takes up to a fifth off, so
 * that a thousand services do not try again in the same instant; the pause is never under 1 s.
 */
export function afterFailure(before: Throttle, at: Instant, jitter: number): Throttle {
  const pause = Math.min(BACKOFF_FIRST_MS * 2 ** Math.min(before.failures, 16), BACKOFF_MOST_MS);
  const pauseMs = Math.max(BACKOFF_FIRST_MS, pause * (1 - jitter / 5));
  return { last: at, pauseMs, failures: before.failures + 1 };
}

/** Somebody asks for a start: a pause after failures is cut to the one second that every start keeps. */
export const impatient = (throttle: Throttle): Throttle =>
  throttle.failures === 0 ? throttle : { ...throttle, pauseMs: START_INTERVAL_MS };

/** The earliest instant, from `at` on, at which a start is allowed. */
export function mayStartAt({ last, pauseMs }: Throttle, at: Instant): Instant {
  const earliest = last === undefined ? at : later(last, pauseMs);
  return earliest <= at ? at : earliest;
}
