// What becomes of a running service by what is known of its readiness: readiness.ts says what that is, this file what is done.
import type { Condemnation } from "../formats/readiness-record.ts";
import type { Asks } from "../formats/service-files.ts";
import { exhaustive, later } from "../units/units.ts";
import {
  checkEnded,
  checkFailed,
  checkStarted,
  endReadiness,
  keepClocks,
  latest,
  type Outcome,
  type Readiness,
  readinessTimer,
  told,
} from "./readiness.ts";
import { type Event, type Living, type Now, type State, type Step, send, type Up } from "./service-state.ts";

/** An event that tells something of the readiness of a run. */
export type ReadinessEvent = Event & { on: "notified" | "check-started" | "check-failed" | "check-ended" };

export function attend(state: Living, event: ReadinessEvent, now: Now, asks: Asks): Step {
  // It comes late, from a run that has ended; or nobody asked.
  if (state.at !== "up" || state.readiness === undefined) return { state, effects: [] };
  const extended = event.on === "notified" ? extendEnd(state, event.said.extendMs, now) : state;
  return settle(extended, outcomeOf(state.readiness, event, now), now, asks);
}

function outcomeOf(readiness: Readiness, event: ReadinessEvent, now: Now): Outcome {
  switch (event.on) {
    case "notified":
      return told(readiness, event.said, now);
    case "check-started":
      return checkStarted(readiness, event.pid, now);
    case "check-failed":
      return checkFailed(readiness, now);
    case "check-ended":
      return checkEnded(readiness, event.pid, event.how, now);
    default:
      return exhaustive(event);
  }
}

/** It needs more time to end, if it was told to and does. */
function extendEnd(state: Up, extendMs: number | undefined, now: Now): Up {
  if (extendMs === undefined || state.killAt === undefined || state.condemned !== undefined) return state;
  return { ...state, killAt: latest(state.killAt, later(now.at, extendMs)) };
}

export function attendTimer(state: Up, now: Now, asks: Asks): Step {
  return state.readiness === undefined
    ? { state, effects: [] }
    : settle(state, readinessTimer(state.readiness, now), now, asks);
}

function settle(before: Up, { readiness, effects, condemned }: Outcome, now: Now, asks: Asks): Step {
  const state = readiness === before.readiness ? before : { ...before, readiness };
  if (condemned === undefined || !judged(state)) return { state, effects };
  const end = condemn(state, condemned, now, asks);
  return { ...end, effects: [...effects, ...end.effects] };
}

/** Nobody has asked it to end or to stop: it is to be ready, and alive. */
const judged = ({ want, paused, condemned }: Up): boolean =>
  want !== "down" && !paused && condemned === undefined;

/** What hangs may hang for ever: without timeout-kill it is killed so long after it was told to end, in milliseconds. */
const CONDEMNED_MS = 5000;

/** It is to end, and to be started again: ABRT tells where it hung, and CONT lets it take that. */
export function condemn(state: Up, why: Condemnation, now: Now, asks: Asks): Step {
  const signal = why === "watchdog" ? "SIGABRT" : (asks.downSignal ?? "SIGTERM");
  const killAt = state.killAt ?? later(now.at, asks.timeoutKillMs === 0 ? CONDEMNED_MS : asks.timeoutKillMs);
  return {
    state: { ...state, condemned: why, killAt },
    effects: [{ do: "warn-condemned", why }, ...send(state.pid, signal, "SIGCONT")],
  };
}

/** What follows from any step of a service that was attended, or is: its clocks go or stand, its `check` ends with it. */
export function attended(before: State, step: Step, now: Now, asks: Asks): Step {
  const { state } = step;
  if (state.at === "up") {
    if (state.readiness === undefined) return step;
    const readiness = keepClocks(state.readiness, judged(state), now, asks);
    return readiness === state.readiness ? step : { ...step, state: { ...state, readiness } };
  }
  if (before.at !== "up" || before.readiness === undefined) return step;
  return { ...step, effects: [...endReadiness(before.readiness), ...step.effects] };
}
