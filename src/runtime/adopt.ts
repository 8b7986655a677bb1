// Taking over what an earlier supervisor left: reads /proc, asks engine/adoption.ts, and holds the process by a pidfd, so
// that no signal can reach another one that got its number.
import { type Candidate, findUnrecorded, isRecorded, isStatusPid, type Left } from "../engine/adoption.ts";
import { FormatError } from "../formats/format-error.ts";
import { decodeProcStat, type ProcStat } from "../formats/proc-stat.ts";
import { decodeStatus, type Status } from "../formats/status.ts";
import { bootTicks, TICKS_PER_SECOND, wallTime } from "../sys/clock.ts";
import { ErrnoError, ESRCH } from "../sys/errno.ts";
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
import { getpid, pidfdIsAlive, pidfdOpen } from "../sys/process.ts";
import { type ByteString, bytesOf, type Fd, type Pid, pid } from "../units/units.ts";

/** A process found to be the service, held by `pidfd`. */
export type Found = {
  readonly pid: Pid;
  readonly pidfd: Fd;
  readonly started: number;
  readonly parent: number;
};

/** Where a service is, by which its process is known. */
export type Place = {
  readonly directory: Fd;
  /** The identity of the log pipe, where there is one. */
  readonly pipe: string | undefined;
  /** The processes that are noted for other services. */
  readonly others: () => ReadonlySet<number>;
};

/** What `act` returns; undefined where a system call of it fails: a process can be gone, or another user's. */
function ifThere<Result>(act: () => Result): Result | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof ErrnoError || error instanceof FormatError) return undefined;
    throw error;
  }
}

const statOf = (process: number): ProcStat | undefined => {
  const stat = ifThere(() => decodeProcStat(readFile(`/proc/${process}/stat`)));
  if (stat === undefined || stat.state === "X") return undefined;
  // Ended, and not waited for yet: if it is our child (this process is a new image of its parent), we will be told how.
  return stat.state === "Z" && stat.parent !== getpid() ? undefined : stat;
};

const identityOf = (path: ByteString): string | undefined => ifThere(() => statat(AT_FDCWD, path).identity);

function candidate(stat: ProcStat, place: Place): Candidate {
  const { directory, pipe } = place;
  const at = `/proc/${stat.pid}`;
  const onPipe = pipe !== undefined && [0, 1].some((end) => identityOf(`${at}/fd/${end}`) === pipe);
  return { ...stat, inDirectory: identityOf(`${at}/cwd`) === fstat(directory).identity, onPipe };
}

/**
 * Holds the process `number` if it is what `fits` takes it for. The pidfd is opened first: while its process lives, what
 * /proc says of the number is said of it. @throws {ErrnoError} EMFILE
 */
function hold(number: number, place: Place, fits: (process: Candidate) => boolean): Found | undefined {
  let pidfd: Fd;
  try {
    pidfd = pidfdOpen(pid(number));
  } catch (error) {
    if (error instanceof ErrnoError && error.errno === ESRCH) return undefined;
    throw error;
  }
  const stat = statOf(number);
  if (stat !== undefined && fits(candidate(stat, place)) && (stat.state === "Z" || pidfdIsAlive(pidfd))) {
    return { pid: pid(number), pidfd, started: stat.started, parent: stat.parent };
  }
  close(pidfd);
  return undefined;
}

/** The service's process, by what a supervisor of ours noted; undefined if it is not there. @throws {ErrnoError} EMFILE */
export function findRecorded(left: Left, place: Place): Found | undefined {
  if (left.phase === "running" && left.pid !== 0) {
    return hold(left.pid, place, (process) => isRecorded(left, process));
  }
  const others = left.phase === "intent" ? place.others() : new Set<number>();
  const reapers = ancestors();
  const orphans = (left.phase === "intent" ? processes() : [])
    .map((number) => statOf(number))
    .filter((stat) => stat !== undefined)
    .filter(({ pid, parent }) => reapers.has(parent) && !others.has(pid));
  const found = findUnrecorded(
    left,
    orphans.filter(({ started }) => started + 1 >= left.ticks.from).map((stat) => candidate(stat, place)),
  );
  return found && hold(found.pid, place, ({ started }) => started === found.started);
}

/** A service left by a C supervise: what its status says, and who it is. @throws {ErrnoError} EMFILE */
export function findInStatus(bytes: Uint8Array, place: Place): { found: Found; status: Status } | undefined {
  const status = ifThere(() => decodeStatus(bytes));
  if (status === undefined || status.pid === 0) return undefined;
  const now = wallTime();
  const seconds =
    Number(now.seconds - status.since.seconds) + (now.nanoseconds - status.since.nanoseconds) / 1e9;
  const found = hold(status.pid, place, (process) =>
    isStatusPid(status.pid, seconds * TICKS_PER_SECOND, process, bootTicks()),
  );
  return found && { found, status };
}

/** Who takes in a process whose parent is gone: process 1, this process, or one of those it comes from. */
function ancestors(): Set<number> {
  const seen = new Set<number>([1]);
  for (let at: number | undefined = getpid(); at !== undefined && !seen.has(at); at = statOf(at)?.parent)
    seen.add(at);
  return seen;
}

function processes(): number[] {
  const directory = openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY);
  try {
    return readdir(directory).map(Number).filter(Number.isInteger);
  } finally {
    close(directory);
  }
}

/** The 16 bytes that name this boot of the machine; undefined where /proc is missing. */
export function bootId(): Uint8Array | undefined {
  const text = ifThere(() => readFile("/proc/sys/kernel/random/boot_id"));
  const hex = text?.replaceAll("-", "").trim();
  if (hex?.length !== 32) return undefined;
  return bytesOf(hex.replace(/../g, (byte) => String.fromCharCode(Number.parseInt(byte, 16))));
}
