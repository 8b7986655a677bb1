// What a supervisor decides for one service: (state, event, now) -> (state, effects). It does no I/O and reads no clock;
// runtime/service-host.ts performs the effects and reports what came of them. supervise(8), reference:
// supervise-protocol.md sections 5 and 7.
import { type Asks, CLASSIC } from "../formats/service-files.ts";
import { exhaustive } from "../units/units.ts";
import { attend, attended, attendTimer } from "./attending.ts";
import { obey } from "./commands.ts";
import { finishEnded, finishFailed, finishSpawned, finishTimer } from "./finishing.ts";
import { beginReadiness } from "./readiness.ts";
import { afterStart } from "./restart-policy.ts";
import { begin } from "./resuming.ts";
import {
  always,
  type Event,
  impossible,
  type Living,
  type Now,
  type State,
  type Step,
  type Up,
} from "./service-state.ts";
import { placed, spawnFailed, startTimer } from "./starting.ts";
import { bringDown, died, killTimer, looked, lookTimer, stirred } from "./stopping.ts";
import { throttled } from "./throttle.ts";

/** @param asks what the service directory asks for at this moment */
export function step(state: State, event: Event, now: Now, asks: Asks = CLASSIC): Step {
  return attended(state, decide(state, event, now, asks), now, asks);
}

function decide(state: State, event: Event, now: Now, asks: Asks): Step {
  if (state.at === "gone") return impossible(state, event);
  switch (event.on) {
    case "begin":
      return begin(state, event, now, asks) ?? impossible(state, event);
    case "command":
      return obey(state, event.command, now, asks);
    case "spawned":
      return spawned(state, event, now, asks);
    case "spawn-failed":
      return spawnFailed(state, event, now, asks);
    case "placed":
      return placed(state, event, now);
    case "died":
      return died(state, event, now, asks);
    case "looked":
      return looked(state, event, now, asks);
    case "stirred":
      return stirred(state, event);
    case "finish-spawned":
      return finishSpawned(state, event, now, asks);
    case "finish-failed":
      return finishFailed(state, event, now, asks);
    case "finish-ended":
      return finishEnded(state, event, now, asks);
    case "notified":
    case "check-started":
    case "check-failed":
    case "check-ended":
      return attend(state, event, now, asks);
    case "withheld":
      if (state.at !== "up" || event.script !== "p" || !state.paused) return { state, effects: [] };
      return { state: { ...state, paused: false }, effects: [{ do: "announce" }] };
    case "timer":
      return timer(state, now, asks);
    default:
      return exhaustive(event);
  }
}

/** A deadline has come, perhaps early, late, or one that is no longer: only the state's own counts. */
function timer(state: Living, now: Now, asks: Asks): Step {
  switch (state.at) {
    case "waiting":
      return startTimer(state, now, asks);
    case "up":
      return upTimer(state, now, asks);
    case "emptying":
      return lookTimer(state, now);
    case "finishing":
      return finishTimer(state, now);
    case "down":
    case "starting":
      return { state, effects: [] };
    default:
      return exhaustive(state);
  }
}

function upTimer(state: Up, now: Now, asks: Asks): Step {
  const kill = killTimer(state, now);
  if (kill.state.at !== "up" || state.readiness === undefined) return kill;
  const { state: after, effects } = attendTimer(kill.state, now, asks);
  return { state: after, effects: [...kill.effects, ...effects] };
}

function spawned(state: Living, event: Event & { on: "spawned" }, now: Now, asks: Asks): Step {
  if (state.at !== "starting") return impossible(state, event);
  const { pid } = event;
  const { fare: before, again: _, ...rest } = always(state);
  const fare = afterStart(before, now.at, asks);
  const readiness = beginReadiness(asks);
  const up: Up = {
    ...rest,
    at: "up",
    pid,
    paused: false,
    since: now.stamp,
    throttle: throttled(now.at),
    ...(event.set === undefined ? {} : { set: event.set }),
    ...(fare === undefined ? {} : { fare }),
    ...(readiness === undefined ? {} : { readiness }),
  };
  // A `d` that came while there was nobody to take it.
  return state.want === "down" ? bringDown(up, now, asks) : { state: up, effects: [{ do: "announce" }] };
}
