// The state in which the supervisor of a service begins: with what an earlier one left, if it did not leave in order. Who the
// processes are is found by adopt.ts.
import type { Left } from "../engine/adoption.ts";
import { afterEnd, counts, type Fare } from "../engine/restart-policy.ts";
import { initial, resumed, resumedEmptying, resumedFinish } from "../engine/resuming.ts";
import type { Now, State } from "../engine/service-state.ts";
import { throttled } from "../engine/throttle.ts";
import type { Asks } from "../formats/service-files.ts";
import type { ServiceRecord } from "../formats/service-record.ts";
import type { Want } from "../formats/status.ts";
import type { Tai64n } from "../formats/tai64n.ts";
import type { WaitStatus } from "../formats/wait-status.ts";
import { bootTicks, MS_PER_TICK } from "../sys/clock.ts";
import { type ByteString, type Fd, type Instant, later, type Pid, pid } from "../units/units.ts";
import { downSince, type Found, findInStatus, findRecorded } from "./adopt.ts";
import { processSet } from "./process-set.ts";
import { leftBy } from "./record-file.ts";
import type { ServicePlace } from "./service-host.ts";
import type { World } from "./world.ts";

/** The service whose supervisor begins, and who is told of the ends of what it takes over. */
export type Supervised = {
  readonly world: World;
  readonly place: ServicePlace;
  readonly directory: Fd;
  /** Undefined where there can be none. */
  readonly record: ServiceRecord | undefined;
  readonly normallyUp: boolean;
  /** supervise/status as it was left. */
  readonly readStatus: () => Uint8Array;
  readonly asks: Asks;
  /** Who is in the service's cgroup, asked if nothing of the service is noted. */
  readonly strays: () => { readonly cgroup: ByteString; readonly member: Pid } | undefined;
  /** @returns the number of the end in the history, for `amend` */
  readonly died: (pid: Pid, status: number | undefined) => number | undefined;
  readonly amend: (end: number, status: number) => void;
  readonly finishEnded: (pid: Pid, status: number | undefined) => void;
};

/** What `takeOver` finds. */
export type TakenOver = {
  readonly state: State;
  readonly once: boolean;
  readonly owed: boolean;
  readonly finishOver?: boolean;
  /** The service's process has ended while nobody looked, and how, where that was noted. */
  readonly ended?: { readonly how: WaitStatus | undefined } | undefined;
};

/**
 * The state to begin in: that of an earlier supervisor that did not leave in order, with the process it left, if any.
 * `once`: a start was asked for with `o` and not made. `owed`: what is wished may not have reached the process.
 * `finishOver`: `finish` has ended, nobody knows how.
 * @throws {ErrnoError} EMFILE
 */
export function takeOver(service: Supervised): TakenOver {
  const { world, place, directory, record } = service;
  const now = world.now();
  const left = record && leftBy(record, world.boot);
  const where = { directory, pipe: place.pipe(), boot: world.boot, others: place.others };
  let found = left && findRecorded(left, where);
  // One that had been told to leave would have been followed by one that begins afresh. A new image of the same is told still.
  const exiting = left?.exiting === true && world.handover?.started === true;
  const asked = left?.exiting === true && !exiting ? undefined : left?.want;
  let want = asked ?? (service.normallyUp ? "up" : "down");
  let paused = left?.paused ?? false;
  if (found === undefined) {
    const taken = (process: number) => world.has(process) || isLeft(process, left, record);
    const stranger = findInStatus(service.readStatus(), where, taken);
    if (stranger !== undefined) {
      found = stranger.found;
      ({ want, paused } = stranger.status);
    }
  }
  if (left === undefined) record?.reset(world.boot);
  // A start that was noted keeps the next one a second away.
  const last = left?.ticks.from ? later(now.at, (left.ticks.from - bootTicks()) * MS_PER_TICK) : undefined;
  let fare = record && fareOf(record, now, service.asks);
  if (left?.finish && record !== undefined)
    return takeOverFinish(service, record, left, found, want, exiting, now, fare);
  if (found === undefined) {
    let ended: { readonly how: WaitStatus | undefined } | undefined;
    if (left?.emptying && record !== undefined)
      return takeOverGroup(service, record, pid(left.pid), want, exiting, now, fare);
    if (left?.phase === "running") {
      // It ended while nobody looked.
      const started = earlier(now.stamp, (bootTicks() - left.ticks.from) * MS_PER_TICK);
      if (record?.lastEnded !== left.pid)
        record?.end({
          ...{ pid: left.pid, started, ended: now.stamp, status: undefined },
          condemned: record.readiness.told?.condemned,
        });
      fare = afterEnd(fare, now.at - (last ?? now.at), false, now.at, service.asks);
      if (record?.set !== undefined)
        return takeOverGroup(service, record, pid(left.pid), want, exiting, now, fare);
      if (record !== undefined && service.asks.finish) {
        const before: Left = { ...left, phase: "intent" };
        return takeOverFinish(service, record, before, undefined, want, exiting, now, fare);
      }
      ended = { how: record?.history.at(-1)?.status };
    }
    const once =
      asked === "once" && left !== undefined && (left.phase === "pending" || left.phase === "intent");
    const fresh = initial(want, now, last === undefined ? undefined : throttled(last));
    // It was down before, and is.
    const since = left === undefined || ended !== undefined ? undefined : downSince(service.readStatus());
    const state = since === undefined ? fresh : { ...fresh, since };
    const condemned = ended && record?.history.at(-1)?.condemned;
    const strays = service.strays();
    if (strays !== undefined) {
      if (record !== undefined) record.cgroup = strays.cgroup;
      record?.resume(strays.member, 0, "emptying", "cgroup");
      const run = { run: strays.member, how: undefined };
      const emptying = resumedEmptying(run, "cgroup", { ...state, exiting, fare }, now, service.asks);
      return { state: emptying, once, owed: false };
    }
    return {
      state: { ...state, exiting, failed: left && record?.failed, fare, condemned },
      ...{ once, owed: false, ended },
    };
  }
  const { started } = found;
  const ageMs = (bootTicks() - started) * MS_PER_TICK;
  const since = earlier(now.stamp, ageMs);
  if (found.pidfd !== undefined) record?.adopt(found.pid, started, now.stamp);
  let end: number | undefined;
  world.adopt(
    found,
    (status) => {
      end = service.died(found.pid, status);
    },
    (status) => {
      if (end !== undefined) service.amend(end, status);
    },
  );
  const noted = left !== undefined ? record : undefined;
  const told = noted?.readiness.told;
  const traits = { set: noted?.set, readiness: told, condemned: told?.condemned };
  const state = resumed({ pid: found.pid, ageMs, since }, want, paused, now, traits);
  return { state: { ...state, exiting, fare }, once: false, owed: left?.owed === true };
}

/** Whether the process that the status tells of is one that the service's dead process has left behind. */
const isLeft = (number: number, left: Left | undefined, record: ServiceRecord | undefined): boolean =>
  left?.emptying === true &&
  processSet(record?.set ?? "group", pid(left.pid), record?.cgroup ?? "")
    .members()
    .some((member) => member.pid === number);

/** The same for a service whose process `run` ended, of whose set somebody may be left. */
function takeOverGroup(
  { asks }: Supervised,
  record: ServiceRecord,
  run: Pid,
  want: Want,
  exiting: boolean,
  now: Now,
  fare: Fare | undefined,
): TakenOver {
  const throttle = throttled(later(now.at, (record.ticks.from - bootTicks()) * MS_PER_TICK));
  const end = record.history.at(-1);
  const since = end?.ended ?? now.stamp;
  const { failed } = record;
  const base = { ...initial(want, now, throttle), since, exiting, failed, fare, condemned: end?.condemned };
  const state = resumedEmptying({ run, how: end?.status }, record.set ?? "group", base, now, asks);
  return { state, once: false, owed: false };
}

/**
 * The same for a service that ended, as the last entry of the history says, and whose `finish` was about to be started
 * (phase `intent`), or was: `found` if it is there yet.
 */
function takeOverFinish(
  service: Supervised,
  record: ServiceRecord,
  left: Left,
  found: Found | undefined,
  want: Want,
  exiting: boolean,
  now: Now,
  fare: Fare | undefined,
): TakenOver {
  const { world, asks } = service;
  const end = record.history.at(-1);
  const ended = { run: pid(end?.pid ?? 0), how: end?.status };
  const msSince = (ticks: number) => (bootTicks() - ticks) * MS_PER_TICK;
  const base = {
    ...initial(want, now, throttled(later(now.at, -msSince(left.ticks.from)))),
    since: end?.ended ?? now.stamp,
    failed: record.failed,
    condemned: end?.condemned,
    fare,
    exiting,
  };
  if (found === undefined && left.phase === "intent")
    return {
      state: resumedFinish(ended, undefined, base, now, asks),
      once: false,
      owed: false,
      finishOver: false,
    };
  const finish = found?.pid ?? pid(left.pid);
  if (found !== undefined) {
    if (found.pidfd !== undefined) record.adopt(finish, found.started, now.stamp, "finishing");
    world.adopt(found, (status) => service.finishEnded(finish, status));
  }
  const ageMs = msSince(found?.started ?? left.ticks.from);
  const state = resumedFinish(ended, { pid: finish, ageMs }, base, now, asks);
  return { state, once: false, owed: false, finishOver: found === undefined };
}

/** No file can ask for a longer pause: 49 days, in milliseconds. */
const MOST_PAUSE_MS = 2 ** 32;

/** How the service fared under the supervisor before, as far as it is noted and still asked for. */
function fareOf({ fare }: ServiceRecord, now: Now, asks: Asks): Fare | undefined {
  if (fare === undefined || !counts(asks)) return undefined;
  const instantOf = (ticks: number): Instant => later(now.at, (ticks - bootTicks()) * MS_PER_TICK);
  const { early, starts, limited, why } = fare;
  const from = instantOf(fare.from);
  const until = instantOf(fare.until);
  // What a record says that nobody could have meant.
  if (!(from <= now.at) || !(until <= later(now.at, MOST_PAUSE_MS))) return undefined;
  const pause = why === undefined || why === "queue" ? {} : { until, why };
  return { early, starts, limited, from, ...pause };
}

/** The moment `ms` milliseconds before `stamp`. */
function earlier({ seconds, nanoseconds }: Tai64n, ms: number): Tai64n {
  const total = seconds * 1_000_000_000n + BigInt(nanoseconds) - BigInt(Math.round(ms * 1e6));
  const rest = ((total % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { seconds: (total - rest) / 1_000_000_000n, nanoseconds: Number(rest) };
}
