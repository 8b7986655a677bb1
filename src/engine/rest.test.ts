import { expect, test } from "bun:test";
import { instant } from "../units/units.ts";
import { Rest } from "./rest.ts";

/** The moments of the rests in `until` milliseconds, of a process that begins at 0 and to which something happens at `events`. */
function rests(events: readonly number[], until: number): number[] {
  const rest = new Rest(instant(0));
  const taken: number[] = [];
  const all = [...events];
  for (;;) {
    const due = rest.due ?? Number.POSITIVE_INFINITY;
    const next = all[0] ?? Number.POSITIVE_INFINITY;
    const now = Math.min(due, next);
    if (now > until) return taken;
    if (next <= due) rest.happened(instant(all.shift() as number));
    else if (rest.take(instant(now))) taken.push(now);
    else throw new Error(`not taken at ${now}, when it was due`);
  }
}

const every = (ms: number, until: number): number[] =>
  Array.from({ length: Math.floor(until / ms) }, (_, i) => (i + 1) * ms);

const HOUR = 3_600_000;

test("after the start there is a rest, and then none while nothing happens", () => {
  expect(rests([], HOUR)).toEqual([12_000]);
});

test("one event brings one rest, a minute later", () => {
  expect(rests([100_000], HOUR)).toEqual([12_000, 160_000]);
  expect(rests([100_000, 130_000, 159_500], HOUR)).toEqual([12_000, 160_500]);
});

test("it waits for a pause, for a minute at the most", () => {
  expect(rests(every(500, 12_000), HOUR)).toEqual([13_000]);
  expect(rests(every(500, 400_000), 300_000)).toEqual([72_000, 252_500]);
});

test("what keeps happening brings fewer and fewer, one in a quarter of an hour in the end", () => {
  const taken = rests(every(5000, 3 * HOUR), 3 * HOUR);
  const apart = taken.slice(1).map((at, i) => (at - (taken[i] as number)) / 60_000);
  expect(apart.slice(0, 5).map(Math.round)).toEqual([2, 4, 8, 16, 16]);
  expect(Math.max(...apart)).toBeLessThan(18);
});

test("what happens a minute after a rest or later brings one a minute later, as if it were the first", () => {
  expect(rests([20_000, 300_000, 500_000, 510_000], HOUR)).toEqual([12_000, 140_000, 360_000, 560_000]);
});

test("it is not taken before it is due", () => {
  expect(new Rest(instant(0)).take(instant(11_999))).toBe(false);
});
