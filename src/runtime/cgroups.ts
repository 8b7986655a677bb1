// Control groups of services, version 2: where they can be made, who is in one, and being told when it becomes empty.
// cgroups(7)
import { cgroupDirectory, cgroupMounts, cgroupOf, isPopulated, pidsIn } from "../formats/cgroup.ts";
import { EEXIST, ENOENT, ErrnoError } from "../sys/errno.ts";
import {
  AT_FDCWD,
  close,
  mkdirat,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  openat,
  readdir,
  readFile,
  rmdirat,
  statat,
  write,
} from "../sys/files.ts";
import { getpid, pidfdOpen, pidfdSendSignal } from "../sys/process.ts";
import { SIGNALS, type Signal } from "../sys/signals.ts";
import { type ByteString, type Fd, pid, type Signo } from "../units/units.ts";
import type { WriteWatch } from "./write-watch.ts";

/** So many rounds of killing who is there, where the kernel cannot kill all at once (before 5.14). */
const KILL_ROUNDS = 20;

/**
 * The directory of this process's own cgroup, in which those of services are made. It need not have a controller.
 * @throws {ErrnoError} ENOENT: no mount shows it, or it is not to be told
 */
export function ownCgroup(): ByteString {
  const path = cgroupOf(readFile("/proc/self/cgroup"));
  const self = getpid();
  for (const mount of path === undefined ? [] : cgroupMounts(readFile("/proc/self/mountinfo"))) {
    const directory = cgroupDirectory(mount, path ?? "");
    // In a namespace of cgroups the two may speak of different tops.
    if (
      directory !== undefined &&
      unlessGone([], () => pidsIn(readFile(`${directory}/cgroup.procs`))).includes(self)
    )
      return directory;
  }
  throw new ErrnoError(ENOENT, "stat", "cgroup.procs");
}

/** Makes the cgroup `path`, unless it is there. @returns it, open, to start a process in @throws {ErrnoError} */
export function openCgroup(path: ByteString): Fd {
  try {
    mkdirat(AT_FDCWD, path, 0o755);
  } catch (error) {
    if (!(error instanceof ErrnoError) || error.errno !== EEXIST) throw error;
  }
  return openat(AT_FDCWD, path, O_PATH | O_DIRECTORY);
}

/** Whether anybody is in the cgroup, or in one below it. */
export const populated = (path: ByteString): boolean =>
  unlessGone(false, () => isPopulated(readFile(`${path}/cgroup.events`)));

/** Who is in it, and in those below it. */
export function membersOf(path: ByteString): number[] {
  const own = unlessGone([], () => pidsIn(readFile(`${path}/cgroup.procs`)));
  return [...own, ...below(path).flatMap(membersOf)];
}

/** Removes it, with those below it, if nobody is in them. */
export function removeCgroup(path: ByteString): void {
  for (const child of below(path)) removeCgroup(child);
  unlessGone(undefined, () => rmdirat(AT_FDCWD, path));
}

/** Signals everybody in it. KILL reaches also those that are made meanwhile. */
export function signalCgroup(path: ByteString, signal: Signal | Signo): void {
  const kill = signal === "SIGKILL" || signal === SIGNALS.SIGKILL;
  if (kill && writeTo(`${path}/cgroup.kill`, "1")) return;
  for (let round = kill ? KILL_ROUNDS : 1; round > 0; round--) {
    const held: { readonly number: number; readonly pidfd: Fd }[] = [];
    for (const number of membersOf(path)) {
      const pidfd = unlessGone(undefined, () => pidfdOpen(pid(number)));
      if (pidfd !== undefined) held.push({ number, pidfd });
    }
    // Who is still in it is who is held: a number that was given again is another's.
    const members = new Set(membersOf(path));
    for (const { number, pidfd } of held) {
      if (members.has(number)) unlessGone(undefined, () => pidfdSendSignal(pidfd, signal));
      close(pidfd);
    }
    if (held.length === 0) return;
  }
}

function below(path: ByteString): ByteString[] {
  return unlessGone([], () => {
    const directory = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    try {
      return readdir(directory)
        .filter((name) => name !== "." && name !== "..")
        .map((name) => `${path}/${name}`)
        .filter((name) => unlessGone(false, () => statat(AT_FDCWD, name).type === "directory"));
    } finally {
      close(directory);
    }
  });
}

function writeTo(path: ByteString, text: ByteString): boolean {
  return unlessGone(false, () => {
    const file = openat(AT_FDCWD, path, O_WRONLY);
    try {
      return write(file, text) === text.length;
    } finally {
      close(file);
    }
  });
}

/** What `act` returns; `otherwise` where a system call of it fails: a cgroup or a process can be gone at any moment. */
function unlessGone<Result>(otherwise: Result, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    if (error instanceof ErrnoError) return otherwise;
    throw error;
  }
}

/**
 * Calls `handler` when the cgroup `path` may have become empty. @returns what ends that; undefined where it cannot be told
 */
export const watchCgroup = (
  writes: WriteWatch,
  path: ByteString,
  handler: () => void,
): (() => void) | undefined => unlessGone(undefined, () => writes.onWrite(`${path}/cgroup.events`, handler));
