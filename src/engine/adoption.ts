// What a new supervisor makes of what an earlier one left: which process, if any, is the service. No I/O: the facts are
// given. docs/architecture.md says why these rules leave no gap; a number alone never identifies a process.
import type { Phase, Ticks } from "../formats/service-record.ts";
import type { Want } from "../formats/status.ts";

/** A process that is there now. */
export type Candidate = {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  readonly group: number;
  /** Clock ticks since the machine started. */
  readonly started: number;
  /** Its working directory is the service directory. */
  readonly inDirectory: boolean;
  /** Its standard output is the service's log pipe, or its standard input the logger's. */
  readonly onPipe: boolean;
};

/** What a supervisor of ours wrote in this boot, and did not take back by leaving in order. */
export type Left = {
  /** It is of `finish` that the rest is said; the phase is then as for a service that is started, or runs. */
  readonly finish?: boolean;
  readonly phase: Phase;
  readonly pid: number;
  readonly ticks: Ticks;
  readonly session: number;
  readonly group: number;
  readonly want: Want | undefined;
  readonly paused: boolean;
};

/** A process that shows nothing of the service but its moment must have started within so many ticks of the intent. */
const INTENT_TICKS = 2;

/** How many ticks a noted start may lie beside the one that /proc tells: two clocks are read, each rounded down. */
const TICK_SLACK = 1;

/** Whether the process with the number that was noted is the one that was noted. */
export const isRecorded = (left: Left, process: Candidate): boolean =>
  left.phase === "running" &&
  process.pid === left.pid &&
  process.started >= left.ticks.from - TICK_SLACK &&
  process.started <= Math.max(left.ticks.from, left.ticks.to) + TICK_SLACK;

/**
 * The process that was started and not noted, because the supervisor was killed in between. It is an orphan of the
 * supervisor's session and group, no older than the intent, that nobody else has noted. One that stands in the service
 * directory or holds its pipe is taken before one that does not, then the oldest: what the service started itself is younger.
 * @param candidates without those noted for another service, and without those that have a living supervisor for parent
 */
export function findUnrecorded(left: Left, candidates: readonly Candidate[]): Candidate | undefined {
  if (left.phase !== "intent" && !(left.phase === "running" && left.pid === 0)) return undefined;
  const rank = (process: Candidate): number => (process.inDirectory || process.onPipe ? 0 : 1);
  return candidates
    .filter(
      ({ session, group, started }) =>
        session === left.session && group === left.group && started >= left.ticks.from - TICK_SLACK,
    )
    .filter((process) => rank(process) === 0 || process.started <= left.ticks.from + INTENT_TICKS)
    .sort((a, b) => rank(a) - rank(b) || a.started - b.started)[0];
}

/**
 * A C supervise noted only a number and the time of the start, to the second on another clock: the process must stand in
 * the service directory as well, and have started within two seconds of it.
 */
export const isStatusPid = (
  pid: number,
  startedAgoTicks: number,
  process: Candidate,
  nowTicks: number,
): boolean =>
  process.pid === pid && process.inDirectory && Math.abs(nowTicks - process.started - startedAgoTicks) <= 200;
