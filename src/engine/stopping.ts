// How a service comes down: the signal, KILL in the end, and the end of all that its leader leaves behind.
import type { Asks } from "../formats/service-files.ts";
import type { SetKind } from "../formats/service-record.ts";
import type { WaitStatus } from "../formats/wait-status.ts";
import { type Instant, later, type Pid, type Signo } from "../units/units.ts";
import { cleanUp, failureOf } from "./finishing.ts";
import { afterEnd, minds } from "./restart-policy.ts";
import {
  type Always,
  always,
  down,
  type Effect,
  type Emptying,
  type Event,
  impossible,
  type Living,
  type Now,
  type ServiceSignal,
  type State,
  type Step,
  send,
  type Up,
} from "./service-state.ts";

/** When KILL follows, if ever. Asked for again, it does not get more time; one that was to end because it hung may get less. */
function killTime({ killAt, condemned }: Up, now: Now, timeoutKillMs: number): Instant | undefined {
  if (timeoutKillMs === 0) return killAt;
  const asked = later(now.at, timeoutKillMs);
  return killAt === undefined || (condemned !== undefined && asked < killAt) ? asked : killAt;
}

/** CONT, so that a stopped service takes its signal. */
export function bringDown(state: Up, now: Now, asks: Asks): Step {
  const { downSignal, timeoutKillMs, control } = asks;
  const signal = downSignal ?? "SIGTERM";
  const signals: Effect[] = control
    ? [
        {
          ...{ do: "control", pid: state.pid },
          steps: [{ script: "t", signal }, { signal: "SIGCONT" }, { script: "d" }],
        },
      ]
    : send(state.pid, signal, "SIGCONT");
  const killAt = killTime(state, now, timeoutKillMs);
  return {
    state: {
      ...{ ...state, paused: false },
      ...(killAt === undefined ? {} : { killAt }),
      ...(minds(asks) ? { again: true } : {}),
    },
    effects: [...signals, { do: "announce" }],
  };
}

export function killTimer(state: Up, now: Now): Step {
  const { killAt, ...rest } = state;
  if (killAt === undefined || killAt > now.at) return { state, effects: [] };
  return { state: rest.set ? { ...rest, killed: true } : rest, effects: send(state.pid, "SIGKILL") };
}

export function died(state: Living, event: Event & { on: "died" }, now: Now, asks: Asks): Step {
  if (state.at !== "up" || state.pid !== event.pid) return impossible(state, event);
  const { how, pid: run } = event;
  const failed = failureOf(how, asks);
  const { last = now.at } = state.throttle;
  const fare = afterEnd(state.fare, now.at - last, state.again === true, now.at, asks);
  const { fare: _, ...rest } = always(state);
  const dead: State = {
    ...rest,
    ...{ at: "down", since: now.stamp },
    ...(failed === undefined ? {} : { failed }),
    ...(fare === undefined ? {} : { fare }),
  };
  if (state.set === undefined) return cleanUp(dead, run, how, now, asks);
  const killAt = state.killed ? now.at : state.killAt;
  return {
    state: {
      ...emptying(always(dead), run, how, state.set, now),
      ...(killAt === undefined ? {} : { killAt }),
    },
    effects: [{ do: "announce" }, { do: "look", run }],
  };
}

/** How soon a set is looked at again, at first and at most, in milliseconds: nobody tells when it becomes empty. */
const LOOK_FIRST_MS = 10;
const LOOK_MOST_MS = 1000;
/** The same where the kernel tells when it may be empty. */
const LOOK_WATCHED_MS = 600_000;
/** How long after the end of its leader who is left is named, in milliseconds. */
const NAME_AFTER_MS = 1000;

export const emptying = (
  dead: Always,
  run: Pid,
  how: WaitStatus | undefined,
  set: SetKind,
  now: Now,
): Emptying => ({
  ...dead,
  ...{ at: "emptying", run, how, set, from: now.at, next: undefined, pauseMs: 0, told: false },
});

/** Those who are left get what their leader would have got on `d`: the signal at once, KILL in the end. */
export function looked(state: Living, event: Event & { on: "looked" }, now: Now, asks: Asks): Step {
  if (state.at !== "emptying" || state.run !== event.run || state.next !== undefined)
    return impossible(state, event);
  const { run, how } = state;
  // The pid that the status tells is another.
  const since = event.member === state.member ? state.since : now.stamp;
  if (event.left === 0) return cleanUp({ ...down(state), since }, run, how, now, asks);
  const first = state.pauseMs === 0;
  const { timeoutKillMs } = asks;
  const killAt = state.killAt ?? (timeoutKillMs === 0 ? undefined : later(now.at, timeoutKillMs));
  const due = killAt !== undefined && killAt <= now.at;
  const signals: (ServiceSignal | Signo)[] = due
    ? ["SIGKILL"]
    : first
      ? [asks.downSignal ?? "SIGTERM", "SIGCONT"]
      : [];
  const nameAt = later(state.from, NAME_AFTER_MS);
  const told = state.told || nameAt <= now.at;
  const pauseMs = first ? LOOK_FIRST_MS : Math.min(state.pauseMs * 2, LOOK_MOST_MS);
  // Whom KILL does not end at once is looked at again and again, whoever else tells of it.
  const again =
    event.watched && !due ? (told ? later(now.at, LOOK_WATCHED_MS) : nameAt) : later(now.at, pauseMs);
  const next = killAt !== undefined && !due && killAt < again ? killAt : again;
  return {
    state: {
      ...{ ...state, since, member: event.member, pauseMs, next, told },
      ...(killAt === undefined ? {} : { killAt }),
    },
    effects: [
      ...signals.map((signal): Effect => ({ do: "kill-set", run, signal })),
      ...(told && !state.told ? [{ do: "warn-left", run } as const] : []),
      ...(since === state.since ? [] : [{ do: "announce" } as const]),
    ],
  };
}

/** The kernel tells that the set may be empty. */
export function stirred(state: Living, event: Event & { on: "stirred" }): Step {
  if (state.at !== "emptying" || state.run !== event.run || state.next === undefined)
    return { state, effects: [] };
  return { state: { ...state, next: undefined }, effects: [{ do: "look", run: state.run }] };
}

export function lookTimer(state: Emptying, now: Now): Step {
  const { next, run } = state;
  if (next === undefined || next > now.at) return { state, effects: [] };
  return { state: { ...state, next: undefined }, effects: [{ do: "look", run }] };
}
