// What is said of a service that is in trouble. The words for a start that found no process are the C program's. supervise(8)
import type { Condemnation } from "../formats/readiness-record.ts";
import type { Asks } from "../formats/service-files.ts";
import type { Failure } from "../formats/service-record.ts";
import { signalName } from "../formats/signal-name.ts";
import type { WaitStatus } from "../formats/wait-status.ts";
import { type ByteString, exhaustive, type Instant } from "../units/units.ts";
import type { Effect } from "./service-state.ts";

export type Warning = Effect & {
  readonly do: "warn-pause" | "warn-no-process" | "warn-condemned" | "warn-finish-slow" | "warn-failed";
};

const FAILED = {
  "run-100": "exited 100",
  "finish-125": "has a finish that exited 125",
  "start-limit": "was started too often",
  "restart-never": "failed",
} as const satisfies Record<Failure, string>;

const CONDEMNED = {
  watchdog: () => "gave no sign of life in time, ending it",
  "not-ready": ({ timeoutReadyMs }: Asks) => `was not ready within ${timeoutReadyMs} ms, ending it`,
} as const satisfies Record<Condemnation, (asks: Asks) => ByteString>;

/**
 * @param title the service directory's name in messages
 * @param reason why the last start failed
 */
export function textOf(
  warning: Warning,
  title: ByteString,
  asks: Asks,
  reason: ByteString,
  now: Instant,
): ByteString {
  switch (warning.do) {
    case "warn-pause":
      return `${title} ${pauseText(warning, asks)}`;
    case "warn-no-process":
      return `unable to fork for ${title}, sleeping ${seconds(warning.retry - now)}: ${reason}`;
    case "warn-condemned":
      return `${title} ${CONDEMNED[warning.why](asks)}`;
    case "warn-finish-slow":
      return `${title}/finish takes longer than ${asks.timeoutFinishMs} ms, killing it`;
    case "warn-failed":
      return `${title} ${FAILED[warning.why]}, not starting it again`;
    default:
      return exhaustive(warning);
  }
}

/** Of a service that is started again less soon than usual. */
function pauseText({ why, how, ms }: Warning & { do: "warn-pause" }, { backoff, startLimit }: Asks): string {
  const next = `starting it again in ${pauseOf(ms)}`;
  if (why === "limit")
    return `was started ${startLimit?.starts} times within ${startLimit?.withinMs} ms, ${next}`;
  const within = `within ${backoff?.stableMs} ms of its start`;
  return `${endOf(how)} ${within}, ${next}, later in up to ${pauseOf(backoff?.mostMs ?? 0)}`;
}

function endOf(how: WaitStatus | undefined): string {
  if (how === undefined) return "ended";
  return "exited" in how ? `exited ${how.exited}` : `was killed by SIG${signalName(how.killed)}`;
}

/** A pause as a sentence has it. */
const pauseOf = (ms: number): string => (ms < 9500 ? `${Math.round(ms)} ms` : seconds(ms));

/** `N seconds`, from milliseconds, as the C program words it. */
const seconds = (ms: number): string => `${Math.round(ms / 1000)} seconds`;
