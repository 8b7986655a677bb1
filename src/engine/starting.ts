// When a service is started: at once, or as soon as it may be; not at all once it failed for good, or has to leave.
import { type Asks, CLASSIC } from "../formats/service-files.ts";
import type { WaitStatus } from "../formats/wait-status.ts";
import { type Instant, later } from "../units/units.ts";
import { afterEnd, afterStart, verdict } from "./restart-policy.ts";
import {
  always,
  type Event,
  impossible,
  type Living,
  type Now,
  type State,
  type Step,
  starting,
} from "./service-state.ts";
import { YOUNG_MS } from "./start-budget.ts";
import { afterFailure, mayStartAt, throttled } from "./throttle.ts";

/**
 * Starts the service, now or as soon as it may be. The status is written once the outcome is known. `asked`: by somebody, who
 * is not to stand in a queue.
 */
export function start(state: State, now: Now, asks: Asks, asked = false): Step {
  const second = mayStartAt(state.throttle, now.at);
  const { until: pause, why } = state.fare ?? {};
  const until = pause !== undefined && pause > second ? pause : second;
  if (until <= now.at) return launch(state, now, asks, asked);
  return {
    state: {
      ...always(state),
      ...{ at: "waiting", until },
      ...(until === second ? {} : { why }),
      ...(asked && asks.startsPerSecond > 0 ? { asked } : {}),
    },
    effects: [{ do: "announce" }],
  };
}

/** The second, or the pause, is over. */
function launch(state: State, now: Now, asks: Asks, asked: boolean): Step {
  if (asked || asks.startsPerSecond === 0 || !isYoung(state, now.at))
    return { state: starting(state), effects: [{ do: "spawn" }] };
  return {
    state: { ...always(state), at: "waiting", until: undefined, why: "queue" },
    effects: [{ do: "announce" }, { do: "queue" }],
  };
}

const isYoung = ({ throttle: { last }, fare }: State, at: Instant): boolean =>
  (last !== undefined && at < later(last, YOUNG_MS)) ||
  (fare !== undefined && (fare.early > 0 || fare.limited));

export function placed(state: Living, event: Event & { on: "placed" }, now: Now): Step {
  if (state.at !== "waiting" || state.until !== undefined) return impossible(state, event);
  return startTimer({ ...state, until: event.at }, now, CLASSIC);
}

export function spawnFailed(
  state: Living,
  event: Event & { on: "spawn-failed" },
  now: Now,
  asks: Asks,
): Step {
  if (state.at !== "starting") return impossible(state, event);
  if (event.why === "not-wanted") {
    const unwanted: State = { ...always(state), at: "down" };
    if (state.exiting) return leave(unwanted);
    // Wanted again meanwhile.
    return state.want === "down"
      ? { state: unwanted, effects: [{ do: "announce" }] }
      : start(unwanted, now, asks, true);
  }
  const noProgram = event.why === "no-program";
  const throttle = noProgram ? throttled(now.at) : afterFailure(state.throttle, now.at, event.jitter);
  const failed: State = { ...always(state), at: "down", throttle };
  if (state.exiting) return leave(failed);
  // As a service that dies at once: it is tried again if it is wanted up, a second later.
  if (noProgram && state.want === "up") {
    const fare = afterEnd(afterStart(state.fare, now.at, asks), 0, false, now.at, asks);
    return over({ ...failed, fare }, undefined, now, asks);
  }
  if (noProgram || state.want === "down") return { state: failed, effects: [{ do: "announce" }] };
  const until = mayStartAt(throttle, now.at);
  return {
    state: { ...always(state), throttle, at: "waiting", until },
    effects: [{ do: "announce" }, { do: "warn-no-process", retry: until }],
  };
}

/** It is time for a start, unless it is for the one after that. */
export function startTimer(state: State & { readonly at: "waiting" }, now: Now, asks: Asks): Step {
  const { until, why, asked } = state;
  if (until === undefined || until > now.at) return { state, effects: [] };
  return launch(state, now, asks, asked === true || why === "queue");
}

/**
 * The service has ended as `how` says, and nothing of it is left to do: starts it again if it is wanted up, did not fail for
 * good, and is to be started again after such an end.
 */
export function over(state: State, how: WaitStatus | undefined, now: Now, asks: Asks): Step {
  const { failed: fails, condemned, again: asked, ...rest } = always(state);
  const dead: State = { ...rest, at: "down" };
  if (dead.exiting) return leave(dead);
  if (dead.want !== "up") return { state: dead, effects: [{ do: "announce" }] };
  // What had to be ended did not succeed, however it took that.
  const decided = verdict(condemned === undefined ? how : undefined, fails, state.fare, now.at, asks, asked);
  if (decided.again) {
    const { fare, tell } = decided;
    const again = start(fare === dead.fare ? dead : { ...dead, fare }, now, asks);
    if (tell === undefined || fare?.until === undefined) return again;
    return {
      state: again.state,
      effects: [...again.effects, { do: "warn-pause", why: tell, how, ms: fare.until - now.at }],
    };
  }
  // The status has no word for it: wanted down is what is true of it.
  const { failed } = decided;
  const stays: State = { ...dead, want: "down" };
  if (failed === undefined) return { state: stays, effects: [{ do: "announce" }] };
  return {
    state: { ...stays, failed },
    effects: [{ do: "announce" }, { do: "warn-failed", why: failed }],
  };
}

export const leave = (state: State): Step => ({
  state: { ...always(state), at: "gone" },
  effects: [{ do: "announce" }, { do: "leave" }],
});
