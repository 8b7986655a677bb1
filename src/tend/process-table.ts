// The processes there are, read once: which belong to a service, and what they take. proc_pid_stat(5)
import type { SetKind } from "../formats/service-record.ts";
import { membersOf } from "../runtime/cgroups.ts";
import { ErrnoError } from "../sys/errno.ts";
import { AT_FDCWD, close, O_DIRECTORY, O_RDONLY, openat, readdir, readFile } from "../sys/files.ts";
import type { ByteString } from "../units/units.ts";

const PAGE_SIZE = 4096;
const TICKS = 100;

type Process = {
  readonly pid: number;
  readonly command: ByteString;
  readonly group: number;
  readonly session: number;
  readonly memoryBytes: number;
  /** With those of its children that have ended and were waited for. */
  readonly cpuSeconds: number;
};

export type Usage = {
  readonly processes: readonly { readonly pid: number; readonly command: ByteString }[];
  /** Resident; a page that several of them share is counted for each. */
  readonly memoryBytes: number;
  readonly cpuSeconds: number;
};

export class ProcessTable {
  private readonly all = new Map<number, Process>();
  private readonly children = new Map<number, number[]>();

  constructor() {
    for (const name of names("/proc")) if (/^[0-9]+$/.test(name)) this.read(Number(name));
  }

  private read(pid: number): void {
    const text = unlessGone(() => readFile(`/proc/${pid}/stat`));
    if (text === undefined) return;
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return;
    const number = (index: number): number => Number(fields[index] ?? 0);
    const ticks = number(11) + number(12) + number(13) + number(14);
    const command = text.slice(text.indexOf("(") + 1, text.lastIndexOf(")"));
    const process = {
      pid,
      command,
      group: number(2),
      session: number(3),
      memoryBytes: number(21) * PAGE_SIZE,
    };
    this.all.set(pid, { ...process, cpuSeconds: ticks / TICKS });
    const siblings = this.children.get(number(1));
    if (siblings === undefined) this.children.set(number(1), [pid]);
    else siblings.push(pid);
  }

  /**
   * What a service takes: the process `leader`, whoever is in the set of kind `kind` that it leads, and all their descendants.
   * Undefined where nobody is there.
   */
  usage(leader: number, kind: SetKind | undefined, cgroup: ByteString): Usage | undefined {
    const members = new Set<number>();
    const add = (pid: number): void => {
      if (members.has(pid) || !this.all.has(pid)) return;
      members.add(pid);
      for (const child of this.children.get(pid) ?? []) add(child);
    };
    add(leader);
    if (kind === "group" || kind === "session")
      for (const process of this.all.values()) if (process[kind] === leader) add(process.pid);
    if (kind === "cgroup") for (const pid of unlessGone(() => membersOf(cgroup)) ?? []) add(pid);
    if (members.size === 0) return undefined;
    const of = [...members].map((pid) => this.all.get(pid) as Process);
    return {
      processes: of.map(({ pid, command }) => ({ pid, command })),
      memoryBytes: of.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
      cpuSeconds: Math.round(of.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0) * TICKS) / TICKS,
    };
  }
}

function names(path: ByteString): readonly ByteString[] {
  const directory = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  try {
    return readdir(directory);
  } finally {
    close(directory);
  }
}

function unlessGone<Result>(act: () => Result): Result | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof ErrnoError) return undefined;
    throw error;
  }
}
