import { describe, expect, test } from "bun:test";
import { backoff, restartRule, startLimit } from "../formats/restart-files.ts";
import { type Asks, CLASSIC } from "../formats/service-files.ts";
import { instant } from "../units/units.ts";
import { afterEnd, afterStart, type Fare, verdict } from "./restart-policy.ts";
import { takePlace } from "./start-budget.ts";

const asks = (files: {
  readonly restart?: string;
  readonly backoff?: string;
  readonly limit?: string;
}): Asks => ({
  ...CLASSIC,
  modern: true,
  restart: restartRule(files.restart ?? "always"),
  backoff: files.backoff === undefined ? undefined : backoff(files.backoff),
  startLimit: files.limit === undefined ? undefined : startLimit(files.limit),
});

/** A service that is started as soon as it may be, and lives for `lives`: what is decided after each of its ends. */
function life(directory: Asks, lives: readonly number[]): string[] {
  let at = 0;
  let fare: Fare | undefined;
  const said: string[] = [];
  for (const lived of lives) {
    fare = afterStart(fare, instant(at), directory);
    at += lived;
    fare = afterEnd(fare, lived, false, instant(at), directory);
    const decided = verdict({ exited: 1 }, undefined, fare, instant(at), directory);
    if (!decided.again) return [...said, `stop ${decided.failed}`];
    const pause = (decided.fare?.until ?? at) - at;
    said.push(`${decided.fare?.why ?? "-"} ${pause}${decided.tell ? " told" : ""}`);
    fare = decided.fare;
    at += Math.max(pause, 1000 - lived);
  }
  return said;
}

describe("backoff", () => {
  test("doubles with each early end in a row up to the longest, and is told once", () => {
    expect(life(asks({ backoff: "1000 5000 10000" }), [10, 10, 10, 10, 10])).toEqual([
      "backoff 1000 told",
      "backoff 2000",
      "backoff 4000",
      "backoff 5000",
      "backoff 5000",
    ]);
  });
  test("is forgotten when the service was up for long enough", () => {
    expect(life(asks({ backoff: "1000 5000 10000" }), [10, 10, 10_000, 9999])).toEqual([
      "backoff 1000 told",
      "backoff 2000",
      "- 0",
      "backoff 1000 told",
    ]);
  });
  test("grows to its longest and no further, however often it ends", () => {
    const said = life(
      asks({ backoff: "1 4294967295 10" }),
      Array.from({ length: 200 }, () => 1),
    );
    expect(said.at(-1)).toBe("backoff 4294967295");
  });
});

describe("start-limit", () => {
  test("after so many starts within the time it is tried now and then, until it stays up", () => {
    expect(life(asks({ limit: "3 10000 60000" }), [10, 10, 10, 10, 9999, 10_000, 10, 10, 10])).toEqual([
      "- 0",
      "- 0",
      "limit 60000 told",
      "limit 60000",
      "limit 60000",
      "- 0",
      "- 0",
      "- 0",
      "limit 60000 told",
    ]);
  });
  test("never means never", () => {
    expect(life(asks({ limit: "3 10000 never" }), [10, 10, 10, 10])).toEqual([
      "- 0",
      "- 0",
      "stop start-limit",
    ]);
  });
  test("a service that dies seldom enough is never too much", () => {
    expect(new Set(life(asks({ limit: "3 10000 never" }), Array(50).fill(5100)))).toEqual(new Set(["- 0"]));
  });
  test("with backoff as well, the longer pause counts", () => {
    expect(life(asks({ limit: "2 10000 3000", backoff: "2000 60000 10000" }), [10, 10, 10])).toEqual([
      "backoff 2000 told",
      "limit 4000 told",
      "limit 8000",
    ]);
  });
});

describe("restart", () => {
  const after = (rule: string, how: Parameters<typeof verdict>[0]) =>
    verdict(how, undefined, undefined, instant(0), asks({ restart: rule }));
  test("on-failure starts again after a failure, and after an end of which nobody knows", () => {
    expect(after("on-failure", { exited: 1 }).again).toBe(true);
    expect(after("on-failure", undefined).again).toBe(true);
    expect(after("on-failure", { exited: 0 })).toEqual({ again: false, failed: undefined });
    expect(after("on-failure 7", { exited: 7 })).toEqual({ again: false, failed: undefined });
  });
  test("never does not, and a failure is one", () => {
    expect(after("never", { exited: 0 })).toEqual({ again: false, failed: undefined });
    expect(after("never", { exited: 1 })).toEqual({ again: false, failed: "restart-never" });
    expect(after("never", undefined)).toEqual({ again: false, failed: "restart-never" });
  });
});

test("an end that somebody asked for is no fault of the service", () => {
  const directory = asks({ backoff: "1000" });
  const fare = afterEnd(afterStart(undefined, instant(0), directory), 10, false, instant(10), directory);
  expect(afterEnd(fare, 10, true, instant(20), directory)).toBeUndefined();
});

test("places in the queue are as far apart as asked, and none is kept for later", () => {
  let queue: ReturnType<typeof takePlace>["queue"] | undefined;
  const take = (at: number): number => {
    const taken = takePlace(queue, instant(at), 10);
    queue = taken.queue;
    return taken.place;
  };
  expect([take(0), take(0), take(0), take(150), take(10_000), take(10_000)]).toEqual([
    0, 100, 200, 300, 10_000, 10_100,
  ]);
});
