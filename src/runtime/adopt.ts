// Taking over what an earlier supervisor left: reads /proc, asks engine/adoption.ts, and holds the process by a pidfd, so
// that no signal can reach another one that got its number.
import {
  type Candidate,
  findUnrecorded,
  isRecorded,
  isStatusPid,
  isTimely,
  isTold,
  type Left,
  orphansOf,
  type Signs,
  UNTOLD,
} from "../engine/adoption.ts";
import { FormatError } from "../formats/format-error.ts";
import { decodeProcStat, type ProcStat } from "../formats/proc-stat.ts";
import { decodeStatus, type Status } from "../formats/status.ts";
import { bootTicks, TICKS_PER_SECOND, wallTime } from "../sys/clock.ts";
import { EMFILE, ENFILE, ENOMEM, ErrnoError, errnoOf } from "../sys/errno.ts";
import {
  AT_FDCWD,
  close,
  fstat,
  O_DIRECTORY,
  O_RDONLY,
  openat,
  readdir,
  readFile,
  statat,
} from "../sys/files.ts";
import { getpid, pidfdIsAlive, pidfdOpen, tagIn } from "../sys/process.ts";
import { type ByteString, bytesOf, type Errno, type Fd, type Pid, pid } from "../units/units.ts";
import { peekRecord } from "./record-file.ts";

/** A process found to be the service. */
export type Found = {
  readonly pid: Pid;
  /** What holds it; undefined for a child of this process, whose number is its own until it is waited for. */
  readonly pidfd: Fd | undefined;
  readonly started: number;
};

/** Where a service is, by which its process is known. */
export type Place = {
  readonly directory: Fd;
  /** The identity of the log pipe, where there is one. */
  readonly pipe: string | undefined;
  /** The boot of the machine, as World has it. */
  readonly boot: Uint8Array;
  /** What is noted for other services. */
  readonly others: () => readonly Left[];
};

/**
 * What `act` returns; undefined where a system call of it fails: a process can be gone, or another user's.
 * @throws {ErrnoError} EMFILE, ENFILE, ENOMEM: that says nothing of the process
 */
function ifThere<Result>(act: () => Result): Result | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof ErrnoError && !isScarcity(error.errno)) return undefined;
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

const isScarcity = (code: Errno): boolean => code === EMFILE || code === ENFILE || code === ENOMEM;

const statOf = (process: number): ProcStat | undefined =>
  ifThere(() => decodeProcStat(readFile(`/proc/${process}/stat`)));

/** When a process of ours started, as /proc counts; 0 if that is not to be had. */
export const startOf = (process: Pid): number => statOf(process)?.started ?? 0;

const identityOf = (path: ByteString): string | undefined => ifThere(() => statat(AT_FDCWD, path).identity);

function signsOf(number: number, { directory, pipe }: Place): Signs {
  const at = `/proc/${number}`;
  return {
    inDirectory: identityOf(`${at}/cwd`) === fstat(directory).identity,
    onPipe: pipe !== undefined && [0, 1].some((end) => identityOf(`${at}/fd/${end}`) === pipe),
    tag: ifThere(() => tagIn(Number(readFile(`${at}/timerslack_ns`)))),
  };
}

/**
 * Holds the process `number` if it is what `fits` takes it for. The pidfd is opened first: while its process lives, what
 * /proc says of the number is said of it. @throws {ErrnoError} EMFILE, ENFILE, ENOMEM
 */
function hold(number: number, fits: (process: ProcStat) => boolean): Found | undefined {
  const before = statOf(number);
  if (before?.parent === getpid()) {
    // Ended or not: if this process is a new image of its parent, it will be told how.
    return fits(before) ? { pid: pid(number), pidfd: undefined, started: before.started } : undefined;
  }
  let pidfd: Fd;
  try {
    pidfd = pidfdOpen(pid(number));
  } catch (error) {
    // Gone (ESRCH), or the number is a thread's of another process now (EINVAL, ENOENT).
    if (isScarcity(errnoOf(error))) throw error;
    return undefined;
  }
  try {
    const stat = statOf(number);
    if (stat !== undefined && fits(stat) && pidfdIsAlive(pidfd))
      return { pid: pid(number), pidfd, started: stat.started };
  } catch (error) {
    close(pidfd);
    throw error;
  }
  close(pidfd);
  return undefined;
}

/** The service's process, by what a supervisor of ours noted; undefined if it is not there. @throws {ErrnoError} EMFILE */
export function findRecorded(left: Left, place: Place): Found | undefined {
  switch (left.phase) {
    case "running":
      return hold(left.pid, (process) => isRecorded(left, process));
    case "intent": {
      // Made by the kernel together with the process: none noted is none made.
      if (left.child !== UNTOLD)
        return hold(left.child, (process) => isTold(left, { ...process, ...signsOf(process.pid, place) }));
      const found = findUnrecorded(left, orphans(left, place));
      return found && hold(found.pid, ({ started }) => started === found.started);
    }
    default:
      return undefined;
  }
}

/** The script of a command that an earlier supervisor started, where it runs yet: the kernel noted its number. */
export const findScript = ({
  child,
  from,
}: {
  readonly child: number;
  readonly from: number;
}): Found | undefined =>
  child === 0 || child === UNTOLD
    ? undefined
    : hold(child, ({ started, state }) => state !== "Z" && isTimely(from, started));

function orphans(left: Left, place: Place): (Candidate & Signs)[] {
  const all = processes()
    .map((number) => statOf(number))
    // Ended, and not waited for yet.
    .filter((stat) => stat !== undefined)
    .filter(({ state, threads, parent }) => state !== "Z" || threads > 1 || parent === getpid());
  const found = orphansOf(left, getpid(), all);
  if (found.length === 0) return [];
  const others = place.others();
  return found
    .filter((process) => !others.some((other) => isRecorded(other, process)))
    .filter((process) => {
      // Noted by another supervisor, for the directory it stands in.
      const there = peekRecord(AT_FDCWD, `/proc/${process.pid}/cwd`, place.boot);
      return there === undefined || !isRecorded(there, process);
    })
    .map((process) => ({ ...process, ...signsOf(process.pid, place) }));
}

/**
 * A service left by a C supervise: what its status says, and who it is.
 * @param taken whether a process is known for something else; asked before anything is held @throws {ErrnoError} EMFILE
 */
export function findInStatus(
  bytes: Uint8Array,
  place: Place,
  taken: (process: number) => boolean,
): { found: Found; status: Status } | undefined {
  const status = ifThere(() => decodeStatus(bytes));
  if (status === undefined || status.pid === 0 || taken(status.pid)) return undefined;
  const now = wallTime();
  const seconds =
    Number(now.seconds - status.since.seconds) + (now.nanoseconds - status.since.nanoseconds) / 1e9;
  const found = hold(status.pid, (process) =>
    isStatusPid(
      status.pid,
      seconds * TICKS_PER_SECOND,
      { ...process, ...signsOf(process.pid, place) },
      bootTicks(),
    ),
  );
  return found && { found, status };
}

/** Since when a service is down, as its status says; undefined where that says anything else. */
export function downSince(bytes: Uint8Array): Status["since"] | undefined {
  const status = ifThere(() => decodeStatus(bytes));
  return status?.pid === 0 ? status.since : undefined;
}

function processes(): number[] {
  const directory = openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY);
  try {
    return readdir(directory).map(Number).filter(Number.isInteger);
  } finally {
    close(directory);
  }
}

/**
 * 16 bytes that name this boot of the machine, and in a pid namespace of its own (a container) its first process as well:
 * after either has ended, nothing that was there before is. Undefined where /proc is missing.
 */
export function bootId(): Uint8Array | undefined {
  const text = ifThere(() => readFile("/proc/sys/kernel/random/boot_id"));
  const hex = text?.replaceAll("-", "").trim();
  if (hex?.length !== 32) return undefined;
  const boot = bytesOf(hex.replace(/../g, (byte) => String.fromCharCode(Number.parseInt(byte, 16))));
  const view = new DataView(boot.buffer);
  view.setUint32(12, view.getUint32(12) ^ (statOf(1)?.started ?? 0));
  return boot;
}
