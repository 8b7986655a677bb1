// Resource limits. getrlimit(2), prlimit(2)
import type { Pid } from "../units/units.ts";
import { check } from "./errno.ts";
import { libc, scratch } from "./libc.ts";

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
  scratch.view.setBigUint64(value - scratch.base, limit.soft, true);
  scratch.view.setBigUint64(value - scratch.base + 8, limit.hard, true);
  check(libc.prlimit(0, RLIMIT[resource], value, 0), "setrlimit");
}
