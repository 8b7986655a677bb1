// What is said of a service in trouble, word for word: people search their logs for it.
import { expect, test } from "bun:test";
import { type Asks, CLASSIC } from "../formats/service-files.ts";
import { instant } from "../units/units.ts";
import { textOf, type Warning } from "./warnings.ts";

const asks: Asks = {
  ...CLASSIC,
  ...{
    timeoutReadyMs: 3000,
    timeoutFinishMs: 5000,
    startLimit: { starts: 3, withinMs: 60_000, retryMs: 60_000 },
  },
  backoff: { firstMs: 1000, mostMs: 60_000, stableMs: 10_000 },
};
const ABRT = { killed: 6, coreDumped: false } as const;

test.each<[warning: Warning, text: string]>([
  [{ do: "warn-no-process", retry: instant(62_000) }, "unable to fork for web, sleeping 60 seconds: why"],
  [{ do: "warn-condemned", why: "watchdog" }, "web gave no sign of life in time, ending it"],
  [{ do: "warn-condemned", why: "not-ready" }, "web was not ready within 3000 ms, ending it"],
  [{ do: "warn-finish-slow" }, "web/finish takes longer than 5000 ms, killing it"],
  [{ do: "warn-failed", why: "run-100" }, "web exited 100, not starting it again"],
  [{ do: "warn-failed", why: "start-limit" }, "web was started too often, not starting it again"],
  [
    { do: "warn-pause", why: "backoff", how: { exited: 1 }, ms: 2000 },
    "web exited 1 within 10000 ms of its start, starting it again in 2000 ms, later in up to 60 seconds",
  ],
  [
    { do: "warn-pause", why: "backoff", how: ABRT, ms: 1000 },
    "web was killed by SIGABRT within 10000 ms of its start, starting it again in 1000 ms, later in up to 60 seconds",
  ],
  [
    { do: "warn-pause", why: "backoff", how: undefined, ms: 1000 },
    "web ended within 10000 ms of its start, starting it again in 1000 ms, later in up to 60 seconds",
  ],
  [
    { do: "warn-pause", why: "limit", how: undefined, ms: 59_900 },
    "web was started 3 times within 60000 ms, starting it again in 60 seconds",
  ],
])("%#: %j", (warning, text) => {
  expect(textOf(warning, "web", asks, "why", instant(2000))).toBe(text);
});
