import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Instant, instant } from "../units/units.ts";
import { afterFailure, impatient, mayStartAt, noThrottle, type Throttle, throttled } from "./throttle.ts";

/** The pauses, in milliseconds, after `count` starts in a row that found no process. */
function pauses(count: number, jitter: (i: number) => number): number[] {
  let throttle = noThrottle;
  return Array.from({ length: count }, (_, i) => {
    throttle = afterFailure(throttle, instant(0), jitter(i));
    return mayStartAt(throttle, instant(0));
  });
}

test("the first start may be made at once, whatever the clock says", () => {
  for (const at of [0, 0.1, 1e12]) expect(mayStartAt(noThrottle, instant(at))).toBe(instant(at));
});

test("a start keeps the next one a second away, and no longer", () => {
  const throttle = throttled(instant(5000));
  expect(mayStartAt(throttle, instant(5000))).toBe(instant(6000));
  expect(mayStartAt(throttle, instant(5999.9))).toBe(instant(6000));
  expect(mayStartAt(throttle, instant(6000))).toBe(instant(6000));
  expect(mayStartAt(throttle, instant(7000))).toBe(instant(7000));
});

test("without processes the pause doubles from one second to sixty", () => {
  expect(pauses(9, () => 0)).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

test("jitter takes at most a fifth off, and the pause is never under a second", () => {
  expect(pauses(8, () => 1)).toEqual([1000, 1600, 3200, 6400, 12_800, 25_600, 48_000, 48_000]);
  const anyJitters = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(anyJitters, (jitters) => {
      for (const [i, pause] of pauses(jitters.length, (n) => jitters[n] as number).entries()) {
        const full = Math.min(1000 * 2 ** i, 60_000);
        expect(pause).toBeGreaterThanOrEqual(Math.max(1000, full * 0.8));
        expect(pause).toBeLessThanOrEqual(full);
      }
    }),
  );
});

test("a million failures in a row are as sixty seconds", () => {
  const throttle: Throttle = { last: instant(0), pauseMs: 60_000, failures: 1_000_000 };
  expect(afterFailure(throttle, instant(1), 0).pauseMs).toBe(60_000);
});

test("a start that was made ends the failures", () => {
  const failed = afterFailure(afterFailure(noThrottle, instant(0), 0), instant(1000), 0);
  expect(failed.failures).toBe(2);
  expect(throttled(instant(3000))).toEqual({ last: instant(3000), pauseMs: 1000, failures: 0 });
});

test("impatience cuts a pause after failures to the second that every start keeps, and nothing else", () => {
  let failed = noThrottle;
  for (let i = 0; i < 10; i++) failed = afterFailure(failed, instant(100), 0);
  expect(mayStartAt(impatient(failed), instant(100))).toBe(instant(1100));
  expect(mayStartAt(impatient(throttled(instant(100))), instant(100))).toBe(instant(1100));
  expect(mayStartAt(impatient(noThrottle), instant(100))).toBe(instant(100) as Instant);
  // And the failures are not forgotten: the next pause goes on where the last one was.
  expect(afterFailure(impatient(failed), instant(1100), 0).pauseMs).toBe(60_000);
});
