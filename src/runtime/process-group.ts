// The process group of a service whose leader has ended: who is left of it, and a signal for them.
import { FormatError } from "../formats/format-error.ts";
import { decodeProcStat } from "../formats/proc-stat.ts";
import { EPERM, ErrnoError, ESRCH, unless } from "../sys/errno.ts";
import { AT_FDCWD, close, O_DIRECTORY, O_RDONLY, openat, readdir, readFile } from "../sys/files.ts";
import { groupExists, killGroup } from "../sys/process.ts";
import type { Signal } from "../sys/signals.ts";
import type { ByteString, Pid, Signo } from "../units/units.ts";

export type Member = { readonly pid: number; readonly name: ByteString };

/**
 * Who is left of the group that the dead process `leader` led. The kernel gives its number to nobody while there is a group
 * of that number; a process that has it is a stranger, and the group is his.
 */
export function membersLeft(leader: Pid): readonly Member[] {
  if (!groupExists(leader)) return [];
  const members: Member[] = [];
  for (const number of processes()) {
    const stat = statOf(number);
    if (stat === undefined || stat.group !== leader) continue;
    if (stat.state === "Z" || stat.state === "X") continue;
    if (number === leader) return [];
    members.push({ pid: number, name: stat.name });
  }
  return members;
}

/** Signals who is left. */
export function signalLeft(leader: Pid, signal: Signal | Signo): void {
  if (membersLeft(leader).length > 0) unless([ESRCH, EPERM], () => killGroup(leader, signal));
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
