// The states in which a supervisor begins: afresh, or with what an earlier one left. runtime/service-host.ts finds that out.
import type { Condemnation } from "../formats/readiness-record.ts";
import type { Asks } from "../formats/service-files.ts";
import type { SetKind } from "../formats/service-record.ts";
import type { Want } from "../formats/status.ts";
import type { Tai64n } from "../formats/tai64n.ts";
import type { WaitStatus } from "../formats/wait-status.ts";
import { later, type Pid } from "../units/units.ts";
import { condemn } from "./attending.ts";
import { failureOf, finishUntil, resumeFinish } from "./finishing.ts";
import { resumedReadiness } from "./readiness.ts";
import { always, type Event, type Now, type State, type Step, send, type Up } from "./service-state.ts";
import { over, start } from "./starting.ts";
import { bringDown, emptying } from "./stopping.ts";
import { noThrottle, type Throttle, throttled } from "./throttle.ts";

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

/** What else is known of a process that an earlier supervisor started. */
export type ResumedTraits = {
  /** What it leads, or is in. */
  readonly set?: SetKind | undefined;
  readonly readiness?: Parameters<typeof resumedReadiness>[0] | undefined;
  readonly condemned?: Condemnation | undefined;
};

/**
 * The state of a service whose process an earlier supervisor started, `ageMs` milliseconds ago. Signals that may not have
 * reached it are sent again at `begin`.
 */
export const resumed = (
  process: { readonly pid: Pid; readonly ageMs: number; readonly since: Tai64n },
  want: Want,
  paused: boolean,
  now: Now,
  { set, readiness, condemned }: ResumedTraits = {},
): State => ({
  at: "up",
  pid: process.pid,
  paused,
  ...(set === undefined ? {} : { set }),
  ...(readiness === undefined ? {} : { readiness: resumedReadiness(readiness) }),
  ...(condemned === undefined ? {} : { condemned }),
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

/** The state of a service whose process `run` ended, and that had a set of its own. Who is left of that is looked for at `begin`. */
export const resumedEmptying = (
  { run, how }: { readonly run: Pid; readonly how: WaitStatus | undefined },
  set: SetKind,
  base: State,
  now: Now,
  asks: Asks,
): State => emptying({ ...always(base), failed: base.failed ?? failureOf(how, asks) }, run, how, set, now);

/** The supervisor begins. */
export function begin(
  state: State,
  { owed = false, ended }: Event & { on: "begin" },
  now: Now,
  asks: Asks,
): Step | undefined {
  switch (state.at) {
    case "up":
      return resume(state, owed, now, asks);
    case "finishing":
      return resumeFinish(state);
    case "emptying":
      return { state, effects: [{ do: "announce" }, { do: "look", run: state.run }] };
    case "down":
      if (ended !== undefined) {
        const failed = failureOf(ended.how, asks);
        return over(failed === undefined ? state : { ...state, failed }, ended.how, now, asks);
      }
      return state.want === "up" ? start(state, now, asks) : { state, effects: [{ do: "announce" }] };
    default:
      return undefined;
  }
}

/** The earlier supervisor may have died between noting a wish and acting on it: then `owed`, and it is done again. */
function resume(state: Up, owed: boolean, now: Now, asks: Asks): Step {
  if (state.condemned !== undefined && state.want !== "down") {
    const again = condemn(state, state.condemned, now, asks);
    const effects = again.effects.filter(({ do: what }) => owed && what === "kill");
    return { state: again.state, effects: [{ do: "announce" }, ...effects] };
  }
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
