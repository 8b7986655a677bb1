// Whether a service that runs is ready, and whether it is alive: what it tells, what `check` finds, and the time it may take
// for either. A part of the state `up`, of services whose directory asks for it. service-directory(5), sd_notify(3)
import type { Condemnation, Doing, Ways } from "../formats/readiness-record.ts";
import type { Notification } from "../formats/sd-notify.ts";
import type { Asks } from "../formats/service-files.ts";
import type { Tai64n } from "../formats/tai64n.ts";
import type { WaitStatus } from "../formats/wait-status.ts";
import { type Instant, later, type Pid } from "../units/units.ts";
import type { Effect, Now } from "./service-state.ts";

/** The first `check` is run so long after the start, in milliseconds; each failure doubles the pause before the next, up to the second. */
const CHECK_FIRST_MS = 50;
const CHECK_MOST_MS = 2000;
/** A `check` may take so long. */
export const CHECK_MS = 5000;

/** When `check` is run next, or until when the one that runs may; undefined once it has been killed. */
type Check =
  | { readonly at: "waiting"; readonly next: Instant; readonly pauseMs: number }
  | { readonly at: "starting"; readonly pauseMs: number }
  | {
      readonly at: "running";
      readonly pid: Pid;
      readonly until: Instant | undefined;
      readonly pauseMs: number;
    };

export type Readiness = {
  readonly ways: Ways;
  /** It can send datagrams, if only for its watchdog. */
  readonly socket: boolean;
  /** Undefined where nothing asks it. */
  readonly ready: boolean | undefined;
  /** When it became ready. */
  readonly since: Tai64n | undefined;
  readonly doing: Doing;
  /** What it said last of itself. */
  readonly text: string;
  readonly check: Check | undefined;
  /** How often it must give a sign of life, in milliseconds; 0 for never. */
  readonly watchdogMs: number;
  /** It must be ready by then, and give a sign of life by then; undefined while it need not. */
  readonly readyBy: Instant | undefined;
  readonly aliveBy: Instant | undefined;
};

/** What an event leads to; `condemned`: the run is to be ended, and why. */
export type Outcome = {
  readonly readiness: Readiness;
  readonly effects: readonly Effect[];
  readonly condemned?: Condemnation;
};

const same = (readiness: Readiness): Outcome => ({ readiness, effects: [] });

/** Of a run that begins; undefined where the directory asks for nothing of that. */
export function beginReadiness(asks: Asks): Readiness | undefined {
  const { notificationFd, sdNotify, check, watchdogMs } = asks;
  const ways = { descriptor: notificationFd !== undefined, datagram: sdNotify, check };
  const asked = ways.descriptor || ways.datagram || ways.check;
  if (!asked && watchdogMs === 0) return undefined;
  return {
    ways,
    socket: sdNotify || watchdogMs > 0,
    ready: asked ? false : undefined,
    since: undefined,
    doing: undefined,
    text: "",
    check: undefined,
    watchdogMs,
    readyBy: undefined,
    aliveBy: undefined,
  };
}

/** Of a run that an earlier supervisor began: each time that it is given begins anew. */
export const resumedReadiness = (
  told: Pick<Readiness, "ways" | "socket" | "ready" | "since" | "doing" | "text" | "watchdogMs">,
): Readiness => ({
  ...told,
  check: undefined,
  readyBy: undefined,
  aliveBy: undefined,
});

const nextCheck = (now: Now, pauseMs: number): Check => ({
  at: "waiting",
  next: later(now.at, pauseMs),
  pauseMs,
});

/** The deadlines of it. */
export const readinessDeadlines = (readiness: Readiness | undefined): readonly (Instant | undefined)[] => {
  if (readiness === undefined) return [];
  const { check, readyBy, aliveBy } = readiness;
  const checkAt = check?.at === "waiting" ? check.next : check?.at === "running" ? check.until : undefined;
  return [checkAt, readyBy, aliveBy];
};

/**
 * Sets each clock going that is to run, and stops each that is not to. `judged`: the service is to be up, is not paused, and
 * has not been told to end.
 */
export function keepClocks(readiness: Readiness, judged: boolean, now: Now, asks: Asks): Readiness {
  const { ready, ways, watchdogMs, check } = readiness;
  const going = judged && readiness.doing !== "stopping";
  const clock = (runs: boolean, running: Instant | undefined, ms: number): Instant | undefined =>
    going && runs && ms > 0 ? (running ?? later(now.at, ms)) : undefined;
  const readyBy = clock(ready === false, readiness.readyBy, asks.timeoutReadyMs);
  // As in systemd: from the moment it is ready.
  const aliveBy = clock(ready !== false, readiness.aliveBy, watchdogMs);
  // One that runs is left to its end.
  const checking = check?.at === "running" || check?.at === "starting" ? check : undefined;
  const waiting =
    going && ways.check && ready === false ? (check ?? nextCheck(now, CHECK_FIRST_MS)) : undefined;
  const next = checking ?? waiting;
  if (readyBy === readiness.readyBy && aliveBy === readiness.aliveBy && next === check) return readiness;
  return { ...readiness, readyBy, aliveBy, check: next };
}

const becomeReady = (readiness: Readiness, now: Now): Readiness =>
  readiness.ready === false ? { ...readiness, ready: true, since: now.stamp } : readiness;

/** The service says something. */
export function told(readiness: Readiness, said: Notification, now: Now): Outcome {
  let after = readiness;
  if (said.status !== undefined) after = { ...after, text: said.status };
  if (said.reloading) after = { ...after, doing: "reloading" };
  if (said.stopping)
    after = { ...after, doing: "stopping", ...(after.ready ? { ready: false, since: undefined } : {}) };
  if (said.ready) after = becomeReady({ ...after, doing: undefined }, now);
  if (said.watchdogMs !== undefined) after = { ...after, watchdogMs: said.watchdogMs, aliveBy: undefined };
  // The clock begins anew.
  if (said.watchdog === "alive") after = { ...after, aliveBy: undefined };
  if (said.extendMs !== undefined && after.readyBy !== undefined)
    after = { ...after, readyBy: latest(after.readyBy, later(now.at, said.extendMs)) };
  return said.watchdog === "trigger" && readiness.aliveBy !== undefined
    ? { readiness: after, effects: [], condemned: "watchdog" }
    : same(after);
}

export const latest = (a: Instant, b: Instant): Instant => (a > b ? a : b);

/** `check` runs. */
export const checkStarted = (readiness: Readiness, pid: Pid, now: Now): Outcome =>
  readiness.check?.at === "starting"
    ? same({
        ...readiness,
        check: { at: "running", pid, until: later(now.at, CHECK_MS), pauseMs: readiness.check.pauseMs },
      })
    : same(readiness);

/** `check` cannot be run: as if it had failed. */
export const checkFailed = (readiness: Readiness, now: Now): Outcome =>
  readiness.check?.at === "starting"
    ? same(failed(readiness, readiness.check.pauseMs, now))
    : same(readiness);

/** `check` has ended; one of an earlier run says nothing. */
export function checkEnded(readiness: Readiness, pid: Pid, how: WaitStatus | undefined, now: Now): Outcome {
  const { check } = readiness;
  if (check?.at !== "running" || check.pid !== pid) return same(readiness);
  if (how === undefined || !("exited" in how) || how.exited !== 0)
    return same(failed(readiness, check.pauseMs, now));
  return same(becomeReady({ ...readiness, check: undefined }, now));
}

const failed = (readiness: Readiness, pauseMs: number, now: Now): Readiness => ({
  ...readiness,
  check: nextCheck(now, Math.min(pauseMs * 2, CHECK_MOST_MS)),
});

/** A deadline of it may have come. */
export function readinessTimer(readiness: Readiness, now: Now): Outcome {
  const { check, readyBy, aliveBy } = readiness;
  const due = (at: Instant | undefined): boolean => at !== undefined && at <= now.at;
  if (check?.at === "running" && due(check.until)) {
    const { effects, ...rest } = readinessTimer({ ...readiness, check: { ...check, until: undefined } }, now);
    return {
      ...rest,
      effects: [{ do: "warn-check-slow" }, { do: "kill-helper", pid: check.pid }, ...effects],
    };
  }
  if (due(aliveBy)) return { readiness, effects: [], condemned: "watchdog" };
  if (due(readyBy)) return { readiness, effects: [], condemned: "not-ready" };
  if (check?.at !== "waiting" || !due(check.next)) return same(readiness);
  return {
    readiness: { ...readiness, check: { at: "starting", pauseMs: check.pauseMs } },
    effects: [{ do: "check" }],
  };
}

/** What is to be done when the service has ended. */
export const endReadiness = (readiness: Readiness | undefined): readonly Effect[] =>
  readiness?.check?.at === "running" ? [{ do: "kill-helper", pid: readiness.check.pid }] : [];
