// The state of one supervised service, what may happen to it, and what is to be done about it. engine/supervise.ts has the
// rules; runtime/service-host.ts performs the effects and reports what came of them.
import type { Command } from "../formats/control.ts";
import type { Condemnation } from "../formats/readiness-record.ts";
import type { Notification } from "../formats/sd-notify.ts";
import type { Failure, SetKind } from "../formats/service-record.ts";
import type { Status, Want } from "../formats/status.ts";
import type { Tai64n } from "../formats/tai64n.ts";
import type { WaitStatus } from "../formats/wait-status.ts";
import { exhaustive, type Instant, type Pid, type Signo } from "../units/units.ts";
import type { ControlStep, Script } from "./control-scripts.ts";
import { type Readiness, readinessDeadlines } from "./readiness.ts";
import type { Fare, Pause } from "./restart-policy.ts";
import type { Throttle } from "./throttle.ts";

/** The moment an event is taken: for deadlines, and for the status file. */
export type Now = { readonly at: Instant; readonly stamp: Tai64n };

export type Always = {
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
  /** The run that is there, or has ended and is not over yet, was told to end because it was not ready, or not alive. */
  readonly condemned?: Condemnation | undefined;
  /** Somebody had it end, or wants it up since it ended: it is started again, whatever `restart` says. */
  readonly again?: boolean | undefined;
  /** What its ends so far mean for the next start, where the directory asks for that. */
  readonly fare?: Fare | undefined;
};

export type State =
  /** Not running, and no start is due. */
  | (Always & { readonly at: "down" })
  /** Not running; to be started at `until`. */
  | (Always & {
      readonly at: "waiting";
      /** Undefined while its place in the queue of the whole scan is awaited. */
      readonly until: Instant | undefined;
      /** Why it waits for longer than the second between starts. */
      readonly why?: Pause | undefined;
      /** Somebody asked for this start: it does not stand in the queue. */
      readonly asked?: boolean;
    })
  /** The start has been asked for; its outcome is the next event. */
  | (Always & { readonly at: "starting" })
  | (Always & {
      readonly at: "up";
      readonly pid: Pid;
      readonly paused: boolean;
      /** It was told to go down; if it has not by then, it is killed. */
      readonly killAt?: Instant | undefined;
      /** It leads a process group or session, whose number is its pid, or is in a control group of its own. */
      readonly set?: SetKind | undefined;
      /** It was killed because it had not ended in time; what it leaves of its set gets no more time. */
      readonly killed?: boolean;
      /** Whether it is ready and alive, where the directory asks for that. */
      readonly readiness?: Readiness | undefined;
    })
  /** The process `run` has ended, and of its set somebody may be left: the service is not down yet. */
  | (Always & {
      readonly at: "emptying";
      readonly run: Pid;
      readonly how: WaitStatus | undefined;
      readonly set: SetKind;
      /** One of those that are left, as far as is known. */
      readonly member?: Pid | undefined;
      /** When it ended, as far as this supervisor knows. */
      readonly from: Instant;
      /** When the set is looked at again; undefined while the answer is awaited. */
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
      /** Undefined while its start is being asked for, or could not be made. */
      readonly finish: Pid | undefined;
      /** When it is killed; undefined if it may take as long as it likes, or has been. When it is tried again, if it is not there. */
      readonly until: Instant | undefined;
    })
  /** The supervisor has left; nothing happens any more. */
  | (Always & { readonly at: "gone" });

export type Event =
  /**
   * The supervisor is ready: lock, fifos and status are in place. `owed`: an earlier one may not have sent what was wished.
   * `ended`: the service ended while there was no supervisor, or that one did no more than note it.
   */
  | {
      readonly on: "begin";
      readonly owed?: boolean;
      readonly ended?: { readonly how: WaitStatus | undefined } | undefined;
    }
  | { readonly on: "command"; readonly command: Command }
  | { readonly on: "spawned"; readonly pid: Pid; readonly set?: SetKind | undefined }
  /**
   * The start failed. `not-wanted`: it was not made, as nobody wants it any more. `no-process`: there can be no further process now. `no-program`: `run` cannot be executed.
   * `jitter` is random, 0 to 1.
   */
  | {
      readonly on: "spawn-failed";
      readonly why: "no-process" | "no-program" | "not-wanted";
      readonly jitter: number;
    }
  /** The place in the queue that `queue` asked for. */
  | { readonly on: "placed"; readonly at: Instant }
  | { readonly on: "died"; readonly pid: Pid; readonly how?: WaitStatus | undefined }
  /**
   * So many are left of the set of the dead process `run`, of which `member` is one. `watched`: the kernel tells when there may
   * be nobody any more: `stirred`.
   */
  | {
      readonly on: "looked";
      readonly run: Pid;
      readonly left: number;
      readonly member?: Pid | undefined;
      readonly watched?: boolean;
    }
  | { readonly on: "stirred"; readonly run: Pid }
  | { readonly on: "finish-spawned"; readonly pid: Pid }
  /** `finish` cannot be executed: it is over. Or there can be no further process now: it is tried again. */
  | { readonly on: "finish-failed"; readonly why: "no-process" | "no-program" }
  | { readonly on: "finish-ended"; readonly pid: Pid; readonly how: WaitStatus | undefined }
  /** The service has told something of itself. */
  | { readonly on: "notified"; readonly said: Notification }
  | { readonly on: "check-started"; readonly pid: Pid }
  /** `check` cannot be executed. */
  | { readonly on: "check-failed" }
  | { readonly on: "check-ended"; readonly pid: Pid; readonly how: WaitStatus | undefined }
  /** A script has done what the signal of its command would have: that was not sent. */
  | { readonly on: "withheld"; readonly script: Script }
  /** The instant has come that `deadlineOf` the state tells. */
  | { readonly on: "timer" };

/** The signals that commands and the watchdog send, by the kernel's names. */
export type ServiceSignal =
  | "SIGTERM"
  | "SIGCONT"
  | "SIGSTOP"
  | "SIGHUP"
  | "SIGALRM"
  | "SIGINT"
  | "SIGABRT"
  | "SIGKILL";

export type Effect =
  | { readonly do: "spawn" }
  /** Asks for a place in the queue of the whole scan: `placed`. */
  | { readonly do: "queue" }
  /** Starts `finish` for the dead process `run`. */
  | { readonly do: "finish"; readonly run: Pid; readonly how: WaitStatus | undefined }
  /** Runs the scripts of a command, or sends its signals to the service's process: control-scripts.ts. */
  | { readonly do: "control"; readonly pid: Pid; readonly steps: readonly ControlStep[] }
  | { readonly do: "kill"; readonly pid: Pid; readonly signal: ServiceSignal | Signo }
  /** Kills the script of a command that runs, if one does. */
  | { readonly do: "kill-script" }
  /** Counts who is left of the set of the dead process `run`. */
  | { readonly do: "look"; readonly run: Pid }
  /** Signals everyone in the set of `run`. */
  | { readonly do: "kill-set"; readonly run: Pid; readonly signal: ServiceSignal | Signo }
  /** The set of `run` does not become empty: names who is left. */
  | { readonly do: "warn-left"; readonly run: Pid }
  /** Writes supervise/status, from `statusOf` the new state. */
  | { readonly do: "announce" }
  /** There was no process to be had; the next attempt is at `retry`. */
  | { readonly do: "warn-no-process"; readonly retry: Instant }
  /** Starts `check`. */
  | { readonly do: "check" }
  /** Kills `check` or `finish`, with what they started. */
  | { readonly do: "kill-helper"; readonly pid: Pid }
  /** `check` took longer than it may. */
  | { readonly do: "warn-check-slow" }
  /** The service is told to end because it is not ready in time, or gave no sign of life. */
  | { readonly do: "warn-condemned"; readonly why: Condemnation }
  /** `finish` took longer than it may. */
  | { readonly do: "warn-finish-slow" }
  /** The service ended early, or too often, for the first time in a row: it is started again after `ms`. */
  | {
      readonly do: "warn-pause";
      readonly why: Exclude<Pause, "queue">;
      readonly how: WaitStatus | undefined;
      readonly ms: number;
    }
  /** The service is not started again, and this is why. */
  | { readonly do: "warn-failed"; readonly why: Failure }
  /** The supervisor lets go of the service directory. */
  | { readonly do: "leave" }
  /** An event that cannot happen in this state did. It changes nothing. */
  | { readonly do: "report"; readonly event: Event };

export type Step = { readonly state: State; readonly effects: readonly Effect[] };

export type Living = Exclude<State, { at: "gone" }>;

export type Up = State & { readonly at: "up" };

export type Emptying = State & { readonly at: "emptying" };
export type Finishing = State & { readonly at: "finishing" };

/** What supervise/status says in this state. */
export function statusOf(state: State): Status {
  const { since, want } = state;
  if (state.at === "up") return { since, pid: state.pid, paused: state.paused, want };
  // What its process has left behind is the service still.
  const pid = state.at === "emptying" ? (state.member ?? 0) : 0;
  return { since, pid, paused: false, want };
}

/** The instant at which the state wants a `timer`, if any: whoever holds the state sees to it. */
export function deadlineOf(state: State): Instant | undefined {
  switch (state.at) {
    case "waiting":
    case "finishing":
      return state.until;
    case "up":
      return soonest(state.killAt, ...readinessDeadlines(state.readiness));
    case "emptying":
      return state.next;
    case "down":
    case "starting":
    case "gone":
      return undefined;
    default:
      return exhaustive(state);
  }
}

/** The first of several deadlines, those that there are. */
function soonest(...instants: readonly (Instant | undefined)[]): Instant | undefined {
  let first: Instant | undefined;
  for (const at of instants) if (at !== undefined && (first === undefined || at < first)) first = at;
  return first;
}

/** What every state has. */
export function always({ want, exiting, since, throttle, failed, fare, condemned, again }: State): Always {
  // Not spread into each other: that alone is a tenth of what a death costs the engine.
  const kept: { -readonly [Key in keyof Always]: Always[Key] } = { want, exiting, since, throttle };
  if (failed !== undefined) kept.failed = failed;
  if (fare !== undefined) kept.fare = fare;
  if (condemned !== undefined) kept.condemned = condemned;
  if (again !== undefined) kept.again = again;
  return kept;
}
export const starting = (state: State): State => ({ ...always(state), at: "starting" });
export const down = (state: State): State => ({ ...always(state), at: "down" });

export const impossible = (state: State, event: Event): Step => ({
  state,
  effects: [{ do: "report", event }],
});

export const send = (pid: Pid, ...signals: readonly (ServiceSignal | Signo)[]): Effect[] =>
  signals.map((signal) => ({ do: "kill", pid, signal }));
