// When a service is started: at once, or as soon as it may be; not at all once it failed for good, or has to leave.
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
import { afterFailure, mayStartAt, throttled } from "./throttle.ts";

/** Starts the service, now or as soon as it may be. The status is written once the outcome is known. */
export function start(state: State, now: Now): Step {
  const until = mayStartAt(state.throttle, now.at);
  if (until <= now.at) return { state: starting(state), effects: [{ do: "spawn" }] };
  return {
    state: { ...always(state), at: "waiting", until },
    effects: [{ do: "announce" }],
  };
}

export function spawnFailed(state: Living, event: Event & { on: "spawn-failed" }, now: Now): Step {
  if (state.at !== "starting") return impossible(state, event);
  const noProgram = event.why === "no-program";
  const throttle = noProgram ? throttled(now.at) : afterFailure(state.throttle, now.at, event.jitter);
  const failed: State = { ...always(state), at: "down", throttle };
  if (state.exiting) return leave(failed);
  // As a service that dies at once: it is tried again if it is wanted up, a second later.
  if (noProgram && state.want === "up") return start(failed, now);
  if (noProgram || state.want === "down") return { state: failed, effects: [{ do: "announce" }] };
  const until = mayStartAt(throttle, now.at);
  return {
    state: { ...always(state), throttle, at: "waiting", until },
    effects: [{ do: "announce" }, { do: "warn-no-process", retry: until }],
  };
}

/** It is time for a start, unless it is for the one after that. */
export function startTimer(state: State & { readonly at: "waiting" }, now: Now): Step {
  return state.until <= now.at
    ? { state: starting(state), effects: [{ do: "spawn" }] }
    : { state, effects: [] };
}

/** The service has ended and nothing of it is left to do: starts it again if it is wanted up and did not fail for good. */
export function over(state: State, now: Now): Step {
  const { failed, ...rest } = always(state);
  const dead: State = { ...rest, at: "down" };
  if (dead.exiting) return leave(dead);
  if (dead.want !== "up") return { state: dead, effects: [{ do: "announce" }] };
  if (failed === undefined) return start(dead, now);
  // The status has no word for it: wanted down is what is true of it.
  return {
    state: { ...dead, want: "down", failed },
    effects: [{ do: "announce" }, { do: "warn-failed", why: failed }],
  };
}

export const leave = (state: State): Step => ({
  state: { ...always(state), at: "gone" },
  effects: [{ do: "announce" }, { do: "leave" }],
});
