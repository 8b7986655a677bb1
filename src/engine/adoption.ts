// What a new supervisor makes of what an earlier one left: which process, if any, is the service. No I/O: the facts are
// given. docs/architecture.md says why these rules leave no gap; a number alone never identifies a process.
import type { Origin, Phase, SetKind, Ticks } from "../formats/service-record.ts";
import type { Want } from "../formats/status.ts";

/** A process that is there now. */
export type Candidate = {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  readonly group: number;
  /** Clock ticks since the machine started. */
  readonly started: number;
};

/** What a process shows of the service it may be. */
export type Signs = {
  /** Its working directory is the service directory. */
  readonly inDirectory: boolean;
  /** Its standard output is the service's log pipe, or its standard input the logger's. */
  readonly onPipe: boolean;
  /** As Origin has it; undefined where it cannot be read, or has been changed on purpose. */
  readonly tag: number | undefined;
};

/** What a supervisor of ours wrote in this boot, and did not take back by leaving in order. */
export type Left = {
  /** It is of `finish` that the rest is said; the phase is then as for a service that is started, or runs. */
  readonly finish?: boolean;
  /** The process has ended, and somebody may be left of its set. */
  readonly emptying?: boolean;
  /** The process leads a group or session of its own, once it has run its first instruction. */
  readonly set?: SetKind | undefined;
  readonly phase: Phase;
  readonly pid: number;
  /** In the phase "intent": the process that it led to, 0 if to none, UNTOLD if the kernel did not tell. */
  readonly child: number;
  readonly ticks: Ticks;
  readonly origin: Origin;
  readonly want: Want | undefined;
  readonly paused: boolean;
  readonly exiting: boolean;
  readonly owed: boolean;
};

/** The kernel did not tell; as sys/process.ts has it. */
export const UNTOLD = 0xffffffff;

/** A process that shows nothing of the service but its moment must have started within so many ticks of the intent. */
const INTENT_TICKS = 10;
/** The one whose number the kernel noted must have, where it bears no tag: it was made when it came to this process. */
const TOLD_TICKS = 1000;

/** How many ticks a noted start may lie beside the one that /proc tells: two clocks are read, each rounded down. */
const TICK_SLACK = 1;

/** Whether the process is the one that was noted: a number is given again, but not with the same start. */
export const isRecorded = (left: Left, process: Candidate): boolean =>
  left.phase === "running" &&
  process.pid === left.pid &&
  process.started >= left.ticks.from - TICK_SLACK &&
  process.started <= Math.max(left.ticks.from, left.ticks.to) + TICK_SLACK;

/** Whether the process is the one whose number the kernel noted when it made it; the supervisor was killed before it could. */
export function isTold(left: Left, process: Candidate & Pick<Signs, "tag">): boolean {
  const { phase, child, ticks, origin } = left;
  if (phase !== "intent" || process.pid !== child || process.started < ticks.from - TICK_SLACK) return false;
  if (origin.tag !== 0 && process.tag !== undefined) return process.tag === origin.tag;
  return process.started <= ticks.from + TOLD_TICKS;
}

/** Whether a process whose number the kernel noted when it made it began when it was about to be made. */
export const isTimely = (from: number, started: number): boolean =>
  started >= from - TICK_SLACK && started <= from + TOLD_TICKS;

/**
 * Where the kernel did not tell: the processes among which the one is that was started and not noted. They are those
 * of the supervisor's session and group, no older than the intent, and nobody's child there. An orphan's new parent is
 * process 1, this process, or some reaper of another session or group; for a moment it is the dying supervisor yet.
 * @param self this process
 * @param all every process there is
 */
export function orphansOf(
  { origin, ticks, set }: Left,
  self: number,
  all: readonly Candidate[],
): Candidate[] {
  const beside = all.filter(
    ({ pid, session, group }) =>
      (session === origin.session && (group === origin.group || (set === "group" && group === pid))) ||
      (set === "session" && session === pid),
  );
  const parents = new Set(beside.map(({ pid }) => pid));
  for (const reaper of [1, self, origin.supervisor]) parents.delete(reaper);
  const lineage = ancestors(self, all);
  return beside.filter(
    ({ pid, parent, started }) =>
      !lineage.has(pid) && !parents.has(parent) && started >= ticks.from - TICK_SLACK,
  );
}

/** `self` and those it comes from. */
function ancestors(self: number, all: readonly Candidate[]): Set<number> {
  const parentOf = new Map(all.map(({ pid, parent }) => [pid, parent]));
  const seen = new Set<number>();
  for (let at: number | undefined = self; at !== undefined && !seen.has(at); at = parentOf.get(at))
    seen.add(at);
  return seen;
}

/**
 * Which of the orphans it is. One that bears the tag of the start is it, and one that bears another is not. Where tags
 * cannot be read, one that stands in the service directory or holds its pipe is taken, then one that started within a moment
 * of the intent. Of several it is the oldest: what the service started itself is younger.
 * @param orphans of `orphansOf`, without those that are noted for another service
 */
export function findUnrecorded(
  { origin, ticks }: Left,
  orphans: readonly (Candidate & Signs)[],
): Candidate | undefined {
  const rank = ({ tag, inDirectory, onPipe, started }: Candidate & Signs): number => {
    if (origin.tag !== 0 && tag !== undefined) return tag === origin.tag ? 0 : NOT_AT_ALL;
    if (inDirectory || onPipe) return 1;
    return started <= ticks.from + INTENT_TICKS ? 2 : NOT_AT_ALL;
  };
  return orphans
    .map((process) => ({ process, rank: rank(process) }))
    .filter(({ rank }) => rank !== NOT_AT_ALL)
    .sort((a, b) => a.rank - b.rank || a.process.started - b.process.started)[0]?.process;
}

const NOT_AT_ALL = 3;

/**
 * A C supervise noted only a number and the time of the start, to the second on another clock: the process must stand in
 * the service directory as well, and have started within two seconds of it.
 */
export const isStatusPid = (
  pid: number,
  startedAgoTicks: number,
  process: Candidate & Pick<Signs, "inDirectory">,
  nowTicks: number,
): boolean =>
  process.pid === pid && process.inDirectory && Math.abs(nowTicks - process.started - startedAgoTicks) <= 200;
