import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { monotonic, stampMoment, stampTime, wallTime } from "./clock.ts";

test("the wall clock is Unix time, to the nanosecond", () => {
  const before = Date.now();
  const { seconds, nanoseconds } = wallTime();
  const after = Date.now();
  const ms = Number(seconds) * 1000 + nanoseconds / 1e6;
  expect(ms).toBeGreaterThanOrEqual(before - 1);
  expect(ms).toBeLessThanOrEqual(after + 1);
  expect(nanoseconds).toBeLessThan(1e9);
  // Not all of twenty moments fall on a whole microsecond.
  expect(Array.from({ length: 20 }, () => wallTime().nanoseconds % 1000).some((rest) => rest !== 0)).toBe(
    true,
  );
});

test("a stamp is to the microsecond and a half, as the C programs make it", () => {
  for (let i = 0; i < 100; i++) {
    const { nanoseconds } = stampTime();
    expect(nanoseconds % 1000).toBe(500);
    expect(nanoseconds).toBeLessThan(1e9);
    const before = stampTime();
    const moment = stampMoment();
    const after = stampTime();
    const ns = (t: { seconds: bigint | number; nanoseconds: number }) =>
      BigInt(t.seconds) * 1_000_000_000n + BigInt(t.nanoseconds);
    expect(ns(moment)).toBeGreaterThanOrEqual(ns(before));
    expect(ns(moment)).toBeLessThanOrEqual(ns(after));
  }
});

test("the monotonic clock is milliseconds, never goes back, and counts as the kernel does since the start", () => {
  let last = monotonic();
  for (let i = 0; i < 1000; i++) {
    const now = monotonic();
    expect(now).toBeGreaterThanOrEqual(last);
    last = now;
  }
  // Without the time that the machine slept, which CLOCK_MONOTONIC does not count.
  const uptime = Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]) * 1000;
  expect(monotonic()).toBeLessThanOrEqual(uptime + 1000);
});
