// What a supervisor decides for one service: (state, event, now) -> (state, effects). It does no I/O and reads no clock;
// runtime/service-host.ts performs the effects and reports what came of them. supervise(8), reference:
// supervise-protocol.md sections 5 and 7.
import type { Command } from "../formats/control.ts";
import { type Asks, CLASSIC } from "../formats/service-files.ts";
import type { Failure } from "../formats/service-record.ts";
import type { Status, Want } from "../formats/status.ts";
import type { Tai64n } from "../formats/tai64n.ts";
import type { WaitStatus } from "../formats/wait-status.ts";
import { exhaustive, type Instant, later, type Pid, type Signo } from "../units/units.ts";
import { afterFailure, impatient, mayStartAt, noThrottle, type Throttle, throttled } from "./throttle.ts";

/** The moment an event is taken: for deadlines, and for the status file. */
export type Now = { readonly at: Instant; readonly stamp: Tai64n };

type Always = {
  /** What is wished once the present run ends. */
  readonly want: Want;
  /** `x` was asked for: the supervisor leaves as soon as the service is down. */
  readonly exiting: boolean;
  /** When the pid last changed. */
  readonly since: Tai64n;
  /** How soon the service may be started. */
  readonly throttle: Throttle;
  /** It failed for good, or will have once `finish` is over. */
  readonly failed?: Failure | undefined;
};

export type State =
  /** Not running, and no start is due. */
  | (Always & { readonly at: "down" })
  /** Not running; to be started at `until`. */
  | (Always & { readonly at: "waiting"; readonly until: Instant })
  /** The start has been asked for; its outcome is the next event. */
  | (Always & { readonly at: "starting" })
  | (Always & {
      readonly at: "up";
      readonly pid: Pid;
      readonly paused: boolean;
      /** It was told to go down; if it has not by then, it is killed. */
      readonly killAt?: Instant | undefined;
      /** It leads a process group of its own, whose number is its pid. */
      readonly group?: boolean;
      /** It was killed because it had not ended in time; what it leaves of its group gets no more time. */
      readonly killed?: boolean;
    })
  /** The process `run` has ended, and of its group somebody may be left. */
  | (Always & {
      readonly at: "emptying";
      readonly run: Pid;
      readonly how: WaitStatus | undefined;
      /** When it ended, as far as this supervisor knows. */
      readonly from: Instant;
      /** When the group is looked at again; undefined while the answer is awaited. */
      readonly next: Instant | undefined;
      /** How long before that; 0 before the first look. */
      readonly pauseMs: number;
      /** From then on what is left is killed. */
      readonly killAt?: Instant | undefined;
      /** What is left has been named. */
      readonly told: boolean;
    })
  /** The process `run` has ended, `how` is unknown where the kernel does not tell; `finish` cleans up after it. */
  | (Always & {
      readonly at: "finishing";
      readonly run: Pid;
      readonly how: WaitStatus | undefined;
      /** Undefined while its start is being asked for. */
      readonly finish: Pid | undefined;
      /** When it is killed; undefined if it may take as long as it likes, or has been. */
      readonly until: Instant | undefined;
    })
  /** The supervisor has left; nothing happens any more. */
  | (Always & { readonly at: "gone" });

export type Event =
  /** The supervisor is ready: lock, fifos and status are in place. `owed`: an earlier one may not have sent what was wished. */
  | { readonly on: "begin"; readonly owed?: boolean }
  | { readonly on: "command"; readonly command: Command }
  | { readonly on: "spawned"; readonly pid: Pid }
  /**
   * The start failed. `no-process`: there can be no further process now. `no-program`: `run` cannot be executed.
   * `jitter` is random, 0 to 1.
   */
  | { readonly on: "spawn-failed"; readonly why: "no-process" | "no-program"; readonly jitter: number }
  | { readonly on: "died"; readonly pid: Pid; readonly how?: WaitStatus | undefined }
  /** So many are left of the group of the dead process `run`. */
  | { readonly on: "looked"; readonly run: Pid; readonly left: number }
  | { readonly on: "finish-spawned"; readonly pid: Pid }
  /** `finish` cannot be executed: it is over. */
  | { readonly on: "finish-failed" }
  | { readonly on: "finish-ended"; readonly pid: Pid; readonly how: WaitStatus | undefined }
  /** The instant of the last `wake` has come. */
  | { readonly on: "timer" };

/** The signals that commands send, by the kernel's names. */
export type ServiceSignal = "SIGTERM" | "SIGCONT" | "SIGSTOP" | "SIGHUP" | "SIGALRM" | "SIGINT" | "SIGKILL";

export type Effect =
  | { readonly do: "spawn" }
  /** Starts `finish` for the dead process `run`. */
  | { readonly do: "finish"; readonly run: Pid; readonly how: WaitStatus | undefined }
  | { readonly do: "kill"; readonly pid: Pid; readonly signal: ServiceSignal | Signo }
  /** Counts who is left of the group of the dead process `run`. */
  | { readonly do: "look"; readonly run: Pid }
  /** Signals everyone in the group of `run`. */
  | { readonly do: "kill-group"; readonly run: Pid; readonly signal: ServiceSignal | Signo }
  /** The group of `run` does not become empty: names who is left. */
  | { readonly do: "warn-left"; readonly run: Pid }
  /** Writes supervise/status, from `statusOf` the new state. */
  | { readonly do: "announce" }
  /** Sends `timer` at that instant; replaces any earlier one. */
  | { readonly do: "wake"; readonly at: Instant }
  /** There was no process to be had; the next attempt is at `retry`. */
  | { readonly do: "warn-no-process"; readonly retry: Instant }
  /** `finish` took longer than it may. */
  | { readonly do: "warn-finish-slow" }
  /** The service is not started again, and this is why. */
  | { readonly do: "warn-failed"; readonly why: Failure }
  /** The supervisor lets go of the service directory. */
  | { readonly do: "leave" }
  /** An event that cannot happen in this state did. It changes nothing. */
  | { readonly do: "report"; readonly event: Event };

export type Step = { readonly state: State; readonly effects: readonly Effect[] };

/**
 * The state of a service that does not run. `want` is "down" where the directory has a down file; `throttle` is of the last
 * start, where that is known.
 */
export const initial = (want: Want, now: Now, throttle: Throttle = noThrottle): State => ({
  at: "down",
  want,
  exiting: false,
  since: now.stamp,
  throttle,
});

/**
 * The state of a service whose process an earlier supervisor started, `ageMs` milliseconds ago. Signals that may not have
 * reached it are sent again at `begin`.
 */
export const resumed = (
  process: { readonly pid: Pid; readonly ageMs: number; readonly since: Tai64n },
  want: Want,
  paused: boolean,
  now: Now,
  group = false,
): State => ({
  at: "up",
  pid: process.pid,
  paused,
  ...(group ? { group } : {}),
  want,
  exiting: false,
  since: process.since,
  throttle: throttled(later(now.at, -process.ageMs)),
});

/**
 * The state of a service whose process `run` ended, and whose `finish` has not been started, as far as is known; or has been,
 * by an earlier supervisor, `ageMs` milliseconds ago.
 */
export function resumedFinish(
  { run, how }: { readonly run: Pid; readonly how: WaitStatus | undefined },
  finish: { readonly pid: Pid; readonly ageMs: number } | undefined,
  base: State,
  now: Now,
  asks: Asks,
): State {
  const from = finish === undefined ? undefined : later(now.at, -finish.ageMs);
  const until = from === undefined ? undefined : finishUntil(from, asks);
  const failed = base.failed ?? failureOf(how, asks);
  return { ...always(base), failed, at: "finishing", run, how, finish: finish?.pid, until };
}

/** The state of a service whose process `run` ended, and that led a process group. Who is left of that is looked for at `begin`. */
export const resumedEmptying = (
  { run, how }: { readonly run: Pid; readonly how: WaitStatus | undefined },
  base: State,
  now: Now,
  asks: Asks,
): State => emptying({ ...always(base), failed: base.failed ?? failureOf(how, asks) }, run, how, now);

/** What supervise/status says in this state. */
export function statusOf(state: State): Status {
  const { since, want } = state;
  return state.at === "up"
    ? { since, pid: state.pid, paused: state.paused, want }
    : { since, pid: 0, paused: false, want };
}

/** @param asks what the service directory asks for at this moment */
export function step(state: State, event: Event, now: Now, asks: Asks = CLASSIC): Step {
  if (state.at === "gone") return impossible(state, event);
  switch (event.on) {
    case "begin":
      if (state.at === "up") return resume(state, event.owed === true, now, asks);
      if (state.at === "finishing") return resumeFinish(state);
      if (state.at === "emptying")
        return { state, effects: [{ do: "announce" }, { do: "look", run: state.run }] };
      if (state.at !== "down") return impossible(state, event);
      return state.want === "up" ? start(state, now) : { state, effects: [{ do: "announce" }] };
    case "command":
      return obey(state, event.command, now, asks);
    case "spawned":
      return spawned(state, event, now, asks);
    case "spawn-failed":
      return spawnFailed(state, event, now);
    case "died":
      return died(state, event, now, asks);
    case "looked":
      return looked(state, event, now, asks);
    case "finish-spawned": {
      if (state.at !== "finishing" || state.finish !== undefined) return impossible(state, event);
      const until = finishUntil(now.at, asks);
      return {
        state: { ...state, finish: event.pid, until },
        effects: until === undefined ? [] : [{ do: "wake", at: until }],
      };
    }
    case "finish-failed":
      if (state.at !== "finishing" || state.finish !== undefined) return impossible(state, event);
      return over(state, now);
    case "finish-ended": {
      if (state.at !== "finishing" || state.finish !== event.pid) return impossible(state, event);
      const { how } = event;
      const refuses = how !== undefined && "exited" in how && how.exited === REFUSES;
      return over(refuses ? { ...state, failed: "finish-125" } : state, now);
    }
    case "timer":
      if (state.at === "finishing") return finishTimer(state, now);
      if (state.at === "up") return killTimer(state, now);
      if (state.at === "emptying") return lookTimer(state, now);
      // Woken early, late or for a deadline that is no longer: only the state's own deadline counts.
      if (state.at !== "waiting") return { state, effects: [] };
      return state.until <= now.at
        ? { state: starting(state), effects: [{ do: "spawn" }] }
        : { state, effects: [{ do: "wake", at: state.until }] };
    default:
      return exhaustive(event);
  }
}

const impossible = (state: State, event: Event): Step => ({ state, effects: [{ do: "report", event }] });

type Living = Exclude<State, { at: "gone" }>;

const always = ({ want, exiting, since, throttle, failed }: State): Always => ({
  want,
  exiting,
  since,
  throttle,
  ...(failed === undefined ? {} : { failed }),
});
const starting = (state: State): State => ({ ...always(state), at: "starting" });
const down = (state: State): State => ({ ...always(state), at: "down" });

/** Starts the service, now or as soon as it may be. The status is written once the outcome is known. */
function start(state: State, now: Now): Step {
  const until = mayStartAt(state.throttle, now.at);
  if (until <= now.at) return { state: starting(state), effects: [{ do: "spawn" }] };
  return {
    state: { ...always(state), at: "waiting", until },
    effects: [{ do: "announce" }, { do: "wake", at: until }],
  };
}

function spawned(state: Living, event: Event & { on: "spawned" }, now: Now, asks: Asks): Step {
  if (state.at !== "starting") return impossible(state, event);
  const { pid } = event;
  const up: Up = {
    ...always(state),
    at: "up",
    pid,
    paused: false,
    since: now.stamp,
    throttle: throttled(now.at),
    ...(asks.group ? { group: true } : {}),
  };
  // A `d` that came while there was nobody to take it.
  return state.want === "down" ? bringDown(up, now, asks) : { state: up, effects: [{ do: "announce" }] };
}

type Up = State & { readonly at: "up" };

/** CONT, so that a stopped service takes its signal. Asked for again, it does not get more time. */
function bringDown(state: Up, now: Now, { downSignal, timeoutKillMs }: Asks): Step {
  const signals = send(state.pid, downSignal ?? "SIGTERM", "SIGCONT");
  const killAt = state.killAt ?? (timeoutKillMs === 0 ? undefined : later(now.at, timeoutKillMs));
  const wake: Effect[] = killAt === undefined ? [] : [{ do: "wake", at: killAt }];
  return {
    state: { ...state, paused: false, ...(killAt === undefined ? {} : { killAt }) },
    effects: [...signals, { do: "announce" }, ...wake],
  };
}

function killTimer(state: Up, now: Now): Step {
  const { killAt, ...rest } = state;
  if (killAt === undefined) return { state, effects: [] };
  if (killAt > now.at) return { state, effects: [{ do: "wake", at: killAt }] };
  return { state: rest.group ? { ...rest, killed: true } : rest, effects: send(state.pid, "SIGKILL") };
}

function spawnFailed(state: Living, event: Event & { on: "spawn-failed" }, now: Now): Step {
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
    effects: [{ do: "announce" }, { do: "warn-no-process", retry: until }, { do: "wake", at: until }],
  };
}

/** The exit code of `run` that says: do not start me again. As in daemontools-encore. */
const HOPELESS = 100;
/** The exit code of `finish` that says: do not start it again. As in s6. */
const REFUSES = 125;

/** Whether an end is one after which a service is not started again. In a classic directory there is none. */
const failureOf = (how: WaitStatus | undefined, asks: Asks): Failure | undefined =>
  asks.modern && how !== undefined && "exited" in how && how.exited === HOPELESS ? "run-100" : undefined;

const finishUntil = (from: Instant, { timeoutFinishMs }: Asks): Instant | undefined =>
  timeoutFinishMs === 0 ? undefined : later(from, timeoutFinishMs);

function died(state: Living, event: Event & { on: "died" }, now: Now, asks: Asks): Step {
  if (state.at !== "up" || state.pid !== event.pid) return impossible(state, event);
  const { how, pid: run } = event;
  const failed = failureOf(how, asks);
  const dead: State = { ...down(state), since: now.stamp, ...(failed === undefined ? {} : { failed }) };
  if (!state.group) return cleanUp(dead, run, how, now, asks);
  const killAt = state.killed ? now.at : state.killAt;
  return {
    state: { ...emptying(always(dead), run, how, now), ...(killAt === undefined ? {} : { killAt }) },
    effects: [{ do: "announce" }, { do: "look", run }],
  };
}

/** Nothing of the dead process `run` is left: `finish`, if there is one. */
function cleanUp(dead: State, run: Pid, how: WaitStatus | undefined, now: Now, asks: Asks): Step {
  if (!asks.finish) return over(dead, now);
  return {
    state: { ...always(dead), at: "finishing", run, how, finish: undefined, until: undefined },
    effects: [{ do: "announce" }, { do: "finish", run, how }],
  };
}

/** How soon a group is looked at again, at first and at most, in milliseconds: nobody tells when it becomes empty. */
const LOOK_FIRST_MS = 10;
const LOOK_MOST_MS = 1000;
/** How long after the end of its leader who is left is named, in milliseconds. */
const NAME_AFTER_MS = 1000;

type Emptying = State & { readonly at: "emptying" };

const emptying = (dead: Always, run: Pid, how: WaitStatus | undefined, now: Now): Emptying => ({
  ...dead,
  ...{ at: "emptying", run, how, from: now.at, next: undefined, pauseMs: 0, told: false },
});

/** Those who are left get what their leader would have got on `d`: the signal at once, KILL in the end. */
function looked(state: Living, event: Event & { on: "looked" }, now: Now, asks: Asks): Step {
  if (state.at !== "emptying" || state.run !== event.run || state.next !== undefined)
    return impossible(state, event);
  const { run, how } = state;
  if (event.left === 0) return cleanUp(down(state), run, how, now, asks);
  const first = state.pauseMs === 0;
  const { timeoutKillMs } = asks;
  const killAt = state.killAt ?? (timeoutKillMs === 0 ? undefined : later(now.at, timeoutKillMs));
  const due = killAt !== undefined && killAt <= now.at;
  const signals: (ServiceSignal | Signo)[] = due
    ? ["SIGKILL"]
    : first
      ? [asks.downSignal ?? "SIGTERM", "SIGCONT"]
      : [];
  const pauseMs = first ? LOOK_FIRST_MS : Math.min(state.pauseMs * 2, LOOK_MOST_MS);
  const again = later(now.at, pauseMs);
  const next = killAt !== undefined && !due && killAt < again ? killAt : again;
  const name = !state.told && later(state.from, NAME_AFTER_MS) <= now.at;
  return {
    state: { ...state, pauseMs, next, told: state.told || name, ...(killAt === undefined ? {} : { killAt }) },
    effects: [
      ...signals.map((signal): Effect => ({ do: "kill-group", run, signal })),
      ...(name ? [{ do: "warn-left", run } as const] : []),
      { do: "wake", at: next },
    ],
  };
}

function lookTimer(state: Emptying, now: Now): Step {
  const { next, run } = state;
  if (next === undefined) return { state, effects: [] };
  if (next > now.at) return { state, effects: [{ do: "wake", at: next }] };
  return { state: { ...state, next: undefined }, effects: [{ do: "look", run }] };
}

/** The service has ended and nothing of it is left to do: starts it again if it is wanted up and did not fail for good. */
function over(state: State, now: Now): Step {
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

function finishTimer(state: State & { at: "finishing" }, now: Now): Step {
  const { finish, until } = state;
  if (finish === undefined || until === undefined) return { state, effects: [] };
  if (until > now.at) return { state, effects: [{ do: "wake", at: until }] };
  return {
    state: { ...state, until: undefined },
    effects: [{ do: "warn-finish-slow" }, ...send(finish, "SIGKILL")],
  };
}

const leave = (state: State): Step => ({
  state: { ...always(state), at: "gone" },
  effects: [{ do: "announce" }, { do: "leave" }],
});

/** Commands that only send a signal; they change nothing and mean nothing to a service that is down. */
const SIGNALS = {
  hup: "SIGHUP",
  alarm: "SIGALRM",
  interrupt: "SIGINT",
  term: "SIGTERM",
  kill: "SIGKILL",
} as const satisfies Partial<Record<Command, ServiceSignal>>;

function obey(state: Living, command: Command, now: Now, asks: Asks): Step {
  const announce: Effect = { do: "announce" };
  switch (command) {
    case "up":
    case "once": {
      const wanted: State = { ...forgiven(state), want: command === "up" ? "up" : "once" };
      if (state.at === "down" || state.at === "waiting")
        return start({ ...wanted, throttle: impatient(state.throttle) }, now);
      return { state: wanted, effects: [announce] };
    }
    case "down": {
      const unwanted: State = { ...forgiven(state), want: "down" };
      if (unwanted.at === "waiting")
        return unwanted.exiting ? leave(unwanted) : { state: down(unwanted), effects: [announce] };
      if (unwanted.at !== "up") return { state: unwanted, effects: [announce] };
      return bringDown(unwanted, now, asks);
    }
    case "exit": {
      const exiting: State = { ...state, exiting: true };
      // A start that was asked for with `o` and has only its second to wait is still made: `-ox` means one run.
      const due = state.at === "waiting" && state.want === "once" && state.throttle.failures === 0;
      const busy = state.at === "up" || state.at === "starting" || !still(state);
      if (busy || due) return { state: exiting, effects: [announce] };
      return leave(exiting);
    }
    case "pause":
      if (state.at !== "up") return { state, effects: [] };
      return { state: { ...state, paused: true }, effects: [announce, ...send(state.pid, "SIGSTOP")] };
    case "continue":
      if (state.at !== "up") return { state, effects: [] };
      return { state: { ...state, paused: false }, effects: [announce, ...send(state.pid, "SIGCONT")] };
    case "hup":
    case "alarm":
    case "interrupt":
    case "term":
    case "kill":
      if (state.at === "emptying")
        return command === "kill"
          ? { state, effects: [{ do: "kill-group", run: state.run, signal: "SIGKILL" }] }
          : { state, effects: [] };
      return { state, effects: state.at === "up" ? send(state.pid, SIGNALS[command]) : [] };
    default:
      return exhaustive(command);
  }
}

/** Whether nothing of the service is there any more, nor of its `finish`. */
const still = ({ at }: State): boolean => at !== "emptying" && at !== "finishing";

/** Somebody has decided what is to become of it: that it failed is past. */
function forgiven<S extends State>(state: S): S {
  if (state.failed === undefined) return state;
  const { failed: _, ...rest } = state;
  return rest as S;
}

/** The `finish` of a service that ended under an earlier supervisor, which may have started it. */
function resumeFinish(state: State & { at: "finishing" }): Step {
  const { finish, until, run, how } = state;
  const effects: Effect[] = [{ do: "announce" }];
  if (finish === undefined) effects.push({ do: "finish", run, how });
  else if (until !== undefined) effects.push({ do: "wake", at: until });
  return { state, effects };
}

/** The earlier supervisor may have died between noting a wish and acting on it: then `owed`, and it is done again. */
function resume(state: Up, owed: boolean, now: Now, asks: Asks): Step {
  if (state.want === "down") {
    const again = bringDown(state, now, asks);
    if (owed || again.state.at !== "up") return again;
    // It has been told: what begins anew is the time it is given.
    const effects = again.effects.filter((effect) => effect.do !== "kill");
    return { state: { ...again.state, paused: state.paused }, effects };
  }
  const again = owed ? send(state.pid, state.paused ? "SIGSTOP" : "SIGCONT") : [];
  return { state, effects: [{ do: "announce" }, ...again] };
}

const send = (pid: Pid, ...signals: readonly (ServiceSignal | Signo)[]): Effect[] =>
  signals.map((signal) => ({ do: "kill", pid, signal }));

/** The instant at which the state wants a `timer`, if any. */
export const deadlineOf = (state: State): Instant | undefined =>
  state.at === "waiting" || state.at === "finishing"
    ? state.until
    : state.at === "up"
      ? state.killAt
      : state.at === "emptying"
        ? state.next
        : undefined;
