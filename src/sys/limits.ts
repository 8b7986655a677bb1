// Resource limits. getrlimit(2), prlimit(2)
import type { Pid } from "../units/units.ts";
import { check } from "./errno.ts";
import { Arena, libc, scratch } from "./libc.ts";

/** Which limit, by its number on Linux (every architecture Bun runs on). */
export const RLIMIT = {
  CPU: 0,
  FSIZE: 1,
  DATA: 2,
  STACK: 3,
  CORE: 4,
  RSS: 5,
  NPROC: 6,
  NOFILE: 7,
  MEMLOCK: 8,
  AS: 9,
} as const;
export type Resource = keyof typeof RLIMIT;

const ALL = Object.keys(RLIMIT) as readonly Resource[];

/** The value that means no limit. */
export const RLIM_INFINITY = 2n ** 64n - 1n;

export type Limit = { readonly soft: bigint; readonly hard: bigint };

/** The limit of process `of`, 0 for this one. @throws {ErrnoError} EPERM for another user's, ESRCH if it is gone. */
export function getrlimit(resource: Resource, of: Pid | 0 = 0): Limit {
  const out = scratch.reset().alloc(16);
  check(libc.prlimit(of, RLIMIT[resource], 0, out), "getrlimit");
  return { soft: scratch.u64(out), hard: scratch.u64(out + 8) };
}

/** Sets this process's limit. @throws {ErrnoError} EPERM if it raises `hard` without the right to. */
export function setrlimit(resource: Resource, limit: Limit): void {
  const value = scratch.reset().alloc(16);
  scratch.setU64(value, limit.soft);
  scratch.setU64(value + 8, limit.hard);
  check(libc.prlimit(0, RLIMIT[resource], value, 0), "setrlimit");
}

/**
 * Soft limits that a JavaScript runtime cannot live under, held back until a call that has to be made under them. The hard
 * limits are not touched, so they can always be taken back.
 */
export class HeldLimits {
  private readonly memory = new Arena(32 * Object.keys(RLIMIT).length);
  private readonly held = new Map<Resource, Held>();

  /** Holds `soft` back, at most the hard limit, in place of what was held for `resource` before. */
  hold(resource: Resource, soft: bigint): void {
    const entry = this.held.get(resource) ?? this.place(resource);
    this.memory.setU64(entry.wanted, soft);
  }

  private place(resource: Resource): Held {
    const { soft, hard } = getrlimit(resource);
    const wanted = this.memory.alloc(16);
    const present = this.memory.alloc(16);
    for (const at of [wanted, present]) this.memory.setU64(at + 8, hard);
    this.memory.setU64(present, soft);
    const entry = { number: RLIMIT[resource], wanted, present };
    this.held.set(resource, entry);
    return entry;
  }

  /** What is held back, in no particular order. */
  entries(): readonly (readonly [Resource, bigint])[] {
    return [...this.held].map(([resource, { wanted }]) => [resource, this.memory.u64(wanted)]);
  }

  /** What `act` returns, called under the limits held for `resources`: it must do little more than one system call. */
  under<Result>(act: () => Result, resources = ALL): Result {
    const entries: Held[] = [];
    for (const [resource, entry] of this.held) if (resources.includes(resource)) entries.push(entry);
    // Nothing is allocated from here on: there may be no memory to be had.
    for (let i = 0; i < entries.length; i++) set(entries[i] as Held, "wanted");
    try {
      return act();
    } finally {
      for (let i = 0; i < entries.length; i++) set(entries[i] as Held, "present");
    }
  }
}

/** A limit by its number, and the addresses of a struct rlimit with and without it. */
type Held = { readonly number: number; readonly wanted: number; readonly present: number };

const set = (entry: Held, which: "wanted" | "present"): void =>
  void libc.prlimit(0, entry.number, entry[which], 0);
