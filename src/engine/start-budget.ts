// How many services of a scan directory are started a second, of those that ended early: a storm of a thousand that die at
// once shall not take a processor. They stand in one queue, whose places are instants; who has been up for a while, starts for
// the first time, or was asked for does not stand in it. service-directory(5), .tend/starts-per-second
import { type Instant, later } from "../units/units.ts";

/** A service that was started no longer ago than this takes a place in the queue, in milliseconds. */
export const YOUNG_MS = 10_000;

/** The first instant that nobody has a place at; undefined before anybody had one. */
export type Queue = Instant | undefined;

/** A place for a service that could be started `at`. */
export function takePlace(queue: Queue, at: Instant, perSecond: number): { place: Instant; queue: Instant } {
  const place = queue === undefined || queue < at ? at : queue;
  return { place, queue: later(place, 1000 / perSecond) };
}
