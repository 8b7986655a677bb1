// `finish`: what is run when the service has ended, and how long it may take. s6-supervise(8), runsv(8)
import { isSuccess } from "../formats/restart-files.ts";
import type { Asks } from "../formats/service-files.ts";
import type { Failure } from "../formats/service-record.ts";
import type { WaitStatus } from "../formats/wait-status.ts";
import { type Instant, later, type Pid } from "../units/units.ts";
import {
  always,
  type Effect,
  type Event,
  type Finishing,
  impossible,
  type Living,
  type Now,
  type State,
  type Step,
} from "./service-state.ts";
import { over } from "./starting.ts";

/** The exit code of `run` that says: do not start me again. As in daemontools-encore. */
const HOPELESS = 100;
/** The exit code of `finish` that says: do not start it again. As in s6. */
const REFUSES = 125;

/** Where there is no process to be had for `finish`, it is tried again after so long, in milliseconds. */
const RETRY_MS = 1000;

/** Whether an end is one after which a service is not started again. In a classic directory there is none. */
export const failureOf = (how: WaitStatus | undefined, asks: Asks): Failure | undefined =>
  asks.modern &&
  how !== undefined &&
  "exited" in how &&
  how.exited === HOPELESS &&
  !isSuccess(how, asks.restart)
    ? "run-100"
    : undefined;

export const finishUntil = (from: Instant, { timeoutFinishMs }: Asks): Instant | undefined =>
  timeoutFinishMs === 0 ? undefined : later(from, timeoutFinishMs);

/** Nothing of the dead process `run` is left: `finish`, if there is one. */
export function cleanUp(dead: State, run: Pid, how: WaitStatus | undefined, now: Now, asks: Asks): Step {
  if (!asks.finish) return over(dead, how, now, asks);
  return {
    state: { ...always(dead), at: "finishing", run, how, finish: undefined, until: undefined },
    effects: [{ do: "announce" }, { do: "finish", run, how }],
  };
}

export function finishSpawned(
  state: Living,
  event: Event & { on: "finish-spawned" },
  now: Now,
  asks: Asks,
): Step {
  if (state.at !== "finishing" || state.finish !== undefined) return impossible(state, event);
  const until = finishUntil(now.at, asks);
  return {
    state: { ...state, finish: event.pid, until },
    effects: [],
  };
}

export function finishFailed(
  state: Living,
  event: Event & { on: "finish-failed" },
  now: Now,
  asks: Asks,
): Step {
  if (state.at !== "finishing" || state.finish !== undefined) return impossible(state, event);
  if (event.why === "no-process") return { state: { ...state, until: later(now.at, RETRY_MS) }, effects: [] };
  return over(state, state.how, now, asks);
}

export function finishEnded(
  state: Living,
  event: Event & { on: "finish-ended" },
  now: Now,
  asks: Asks,
): Step {
  if (state.at !== "finishing" || state.finish !== event.pid) return impossible(state, event);
  const { how } = event;
  const refuses = how !== undefined && "exited" in how && how.exited === REFUSES;
  return over(refuses ? { ...state, failed: "finish-125" } : state, state.how, now, asks);
}

export function finishTimer(state: Finishing, now: Now): Step {
  const { finish, until, run, how } = state;
  if (until === undefined || until > now.at) return { state, effects: [] };
  if (finish === undefined)
    return { state: { ...state, until: undefined }, effects: [{ do: "finish", run, how }] };
  return {
    state: { ...state, until: undefined },
    effects: [{ do: "warn-finish-slow" }, { do: "kill-helper", pid: finish }],
  };
}

/** KILL to `finish` and what it started; one for which there is no process is passed over. */
export function killFinish(state: Finishing, now: Now, asks: Asks): Step {
  const { finish, until } = state;
  if (finish !== undefined) return { state, effects: [{ do: "kill-helper", pid: finish }] };
  return until === undefined ? { state, effects: [] } : over(state, state.how, now, asks);
}

/** The `finish` of a service that ended under an earlier supervisor, which may have started it. */
export function resumeFinish(state: Finishing): Step {
  const { finish, run, how } = state;
  const effects: Effect[] = [{ do: "announce" }];
  if (finish === undefined) effects.push({ do: "finish", run, how });
  return { state, effects };
}
