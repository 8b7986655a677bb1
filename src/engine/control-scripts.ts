// Scripts that run in the place of a command's signal: control/t and the like. One runs at a time, what comes meanwhile waits
// in a queue, and a script that takes too long is killed. (state, event, now) -> (state, effects), as the service's own state
// machine, beside which it stands. service-directory(5), runsv(8)
import type { WaitStatus } from "../formats/wait-status.ts";
import { exhaustive, type Instant, later, type Pid, type Signo } from "../units/units.ts";
import type { ServiceSignal } from "./service-state.ts";

/** The names of scripts: those of runit that are a command of svc(8). */
export const SCRIPTS = ["u", "d", "x", "t", "h", "a", "i", "p", "c", "k"] as const;
export type Script = (typeof SCRIPTS)[number];

/** One step of a command: a script, and the signal that is sent where there is none or it does not exit 0. */
export type ControlStep = {
  readonly script?: Script;
  readonly signal?: ServiceSignal | Signo;
};

/** What waits or is being done. */
export type Control = {
  readonly running?: {
    readonly script: Script;
    readonly signal?: ServiceSignal | Signo | undefined;
    /** Undefined while its start is being asked for. */
    readonly pid: Pid | undefined;
    /** When it is killed; undefined if it may take as long as it likes, or has been. */
    readonly until: Instant | undefined;
  };
  readonly queue: readonly ControlStep[];
};

export const IDLE: Control = { queue: [] };

/** More steps do not wait: nobody can have meant them. */
export const MOST_STEPS = 64;

export type ControlEvent =
  | { readonly on: "asked"; readonly steps: readonly ControlStep[] }
  | { readonly on: "started"; readonly pid: Pid }
  /** What runs is not to be waited for. */
  | { readonly on: "hurried" }
  /** There is no such script, or it cannot be executed. */
  | { readonly on: "absent" }
  | { readonly on: "ended"; readonly pid: Pid; readonly how: WaitStatus | undefined }
  /** The service's process has ended: what waits was meant for that. */
  | { readonly on: "died" }
  | { readonly on: "timer" };

export type ControlEffect =
  | { readonly do: "run"; readonly script: Script }
  | { readonly do: "send"; readonly signal: ServiceSignal | Signo }
  /** The script succeeded: its signal is not sent. */
  | { readonly do: "withhold"; readonly script: Script }
  /** `late`: it has taken longer than it may. */
  | { readonly do: "kill"; readonly pid: Pid; readonly script: Script; readonly late: boolean }
  /** Nothing runs and nothing waits any more. */
  | { readonly do: "idle" }
  /** So many steps wait that no more are taken. */
  | { readonly do: "warn-full" };

export type ControlOutcome = { readonly control: Control; readonly effects: readonly ControlEffect[] };

/** @param timeoutMs how long a script may take; 0 for as long as it likes */
export function control(
  state: Control,
  event: ControlEvent,
  now: Instant,
  timeoutMs: number,
): ControlOutcome {
  const { running, queue } = state;
  switch (event.on) {
    case "asked": {
      // Who kills the service does not wait for a script that may hang, nor for what was to come after it.
      if (running !== undefined && event.steps[0]?.script === "k")
        return { control: { ...state, queue: event.steps }, effects: killOf(running) };
      const full = queue.length + event.steps.length > MOST_STEPS;
      const warning: ControlEffect[] = full ? [{ do: "warn-full" }] : [];
      // What ends the service is taken always, in the place of what waits.
      const taken = full && !isStop(event.steps) ? [] : event.steps;
      const waiting = full && isStop(event.steps) ? taken : [...queue, ...taken];
      return running === undefined
        ? next(waiting, [])
        : { control: { ...state, queue: waiting }, effects: warning };
    }
    case "started": {
      if (running === undefined) return { control: state, effects: [] };
      const until = timeoutMs === 0 ? undefined : later(now, timeoutMs);
      return { control: { ...state, running: { ...running, pid: event.pid, until } }, effects: [] };
    }
    case "absent":
      if (running === undefined) return { control: state, effects: [] };
      return next(queue, sent(running.signal));
    case "ended": {
      if (running?.pid !== event.pid) return { control: state, effects: [] };
      const { script, signal } = running;
      if (signal === undefined) return next(queue, []);
      return next(queue, refrains(script, event.how) ? [{ do: "withhold", script }] : sent(signal));
    }
    case "died": {
      if (running === undefined) return { control: IDLE, effects: [] };
      const { signal: _, ...rest } = running;
      return { control: { running: rest, queue: [] }, effects: [] };
    }
    case "hurried":
      return { control: state, effects: running === undefined ? [] : killOf(running) };
    case "timer": {
      if (running?.pid === undefined || running.until === undefined || running.until > now)
        return { control: state, effects: [] };
      const { pid, script } = running;
      return {
        control: { ...state, running: { ...running, until: undefined } },
        effects: [{ do: "kill", pid, script, late: true }],
      };
    }
    default:
      return exhaustive(event);
  }
}

const killOf = ({ pid, script }: NonNullable<Control["running"]>): ControlEffect[] =>
  pid === undefined ? [] : [{ do: "kill", pid, script, late: false }];

const isStop = ([first]: readonly ControlStep[]): boolean => first?.script === "t" || first?.script === "k";

/**
 * Whether a script that ended so has done what its signal would have. Where nobody knows how it ended, a stop is not given
 * up, and nothing else is sent twice.
 */
const refrains = (script: Script, how: WaitStatus | undefined): boolean =>
  how === undefined ? script !== "t" && script !== "k" : "exited" in how && how.exited === 0;

const sent = (signal: ServiceSignal | Signo | undefined): ControlEffect[] =>
  signal === undefined ? [] : [{ do: "send", signal }];

/** Takes steps up to the next one that has a script. */
function next(waiting: readonly ControlStep[], effects: readonly ControlEffect[]): ControlOutcome {
  const all = [...effects];
  for (const [at, { script, signal }] of waiting.entries()) {
    if (script === undefined) all.push(...sent(signal));
    else {
      const running = {
        script,
        ...(signal === undefined ? {} : { signal }),
        pid: undefined,
        until: undefined,
      };
      return { control: { running, queue: waiting.slice(at + 1) }, effects: [...all, { do: "run", script }] };
    }
  }
  return { control: IDLE, effects: [...all, { do: "idle" }] };
}

/** A script that an earlier supervisor started, and that runs still. */
export const resumedControl = (
  script: Script,
  signal: ServiceSignal | Signo | undefined,
  pid: Pid,
  now: Instant,
  timeoutMs: number,
): Control => ({
  running: { script, signal, pid, until: timeoutMs === 0 ? undefined : later(now, timeoutMs) },
  queue: [],
});
