// All that belongs to a service: its process group, session or control group. Who is left of it when the process that led it
// has ended, and a signal for them.

import { FormatError } from "../formats/format-error.ts";
import { decodeProcStat } from "../formats/proc-stat.ts";
import type { SetKind } from "../formats/service-record.ts";
import { EPERM, ErrnoError, ESRCH, unless } from "../sys/errno.ts";
import { AT_FDCWD, close, O_DIRECTORY, O_RDONLY, openat, readdir, readFile } from "../sys/files.ts";
import { groupExists, killGroup, pidfdOpen, pidfdSendSignal } from "../sys/process.ts";
import type { Signal } from "../sys/signals.ts";
import { type ByteString, type Pid, pid, type Signo } from "../units/units.ts";
import { membersOf, populated, signalCgroup } from "./cgroups.ts";

export type Member = { readonly pid: number; readonly name: ByteString };

export type ProcessSet = {
  /** What messages call it. */
  readonly title: ByteString;
  /** Who is left, but for those that have ended and are not waited for. */
  readonly members: () => readonly Member[];
  /** Signals who is left. */
  readonly signal: (signal: Signal | Signo) => void;
};

/** The set of kind `kind` that the process `leader` led. @param cgroup the directory of a cgroup */
export function processSet(kind: SetKind, leader: Pid, cgroup: ByteString): ProcessSet {
  switch (kind) {
    case "group":
      return {
        title: `process group ${leader}`,
        members: () => (groupExists(leader) ? ledBy(leader, "group") : []),
        signal: (signal) => {
          if (ledBy(leader, "group").length > 0) unless([ESRCH, EPERM], () => killGroup(leader, signal));
        },
      };
    case "session":
      return {
        title: `session ${leader}`,
        members: () => ledBy(leader, "session"),
        signal: (signal) => {
          for (const { pid: number } of ledBy(leader, "session")) signalMember(number, leader, signal);
        },
      };
    case "cgroup":
      return {
        title: `cgroup ${cgroup.slice(cgroup.lastIndexOf("/") + 1)}`,
        members: () =>
          populated(cgroup)
            ? membersOf(cgroup).map((number) => ({ pid: number, name: statOf(number)?.name ?? "?" }))
            : [],
        signal: (signal) => signalCgroup(cgroup, signal),
      };
  }
}

/**
 * Who is left of the group or session that the dead process `leader` led. The kernel gives its number to nobody while there is
 * one of that number; a process that has it is a stranger, and the group is his.
 */
function ledBy(leader: Pid, kind: "group" | "session"): readonly Member[] {
  const members: Member[] = [];
  for (const number of processes()) {
    const stat = statOf(number);
    if (stat === undefined || stat[kind] !== leader) continue;
    if (stat.state === "Z" || stat.state === "X") continue;
    if (number === leader) return [];
    members.push({ pid: number, name: stat.name });
  }
  return members;
}

/** By a pidfd: who is of the session when it is open is signalled, and nobody else. */
function signalMember(number: number, leader: Pid, signal: Signal | Signo): void {
  unless([ESRCH, EPERM], () => {
    const pidfd = pidfdOpen(pid(number));
    try {
      if (statOf(number)?.session === leader) pidfdSendSignal(pidfd, signal);
    } finally {
      close(pidfd);
    }
  });
}

function statOf(number: number) {
  try {
    const text = readFile(`/proc/${number}/stat`);
    return { ...decodeProcStat(text), name: text.slice(text.indexOf("(") + 1, text.lastIndexOf(")")) };
  } catch (error) {
    if (error instanceof ErrnoError || error instanceof FormatError) return undefined;
    throw error;
  }
}

function processes(): number[] {
  try {
    const directory = openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY);
    try {
      return readdir(directory).map(Number).filter(Number.isInteger);
    } finally {
      close(directory);
    }
  } catch (error) {
    if (error instanceof ErrnoError) return [];
    throw error;
  }
}
