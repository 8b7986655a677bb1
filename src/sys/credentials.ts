// Who a process is: user, group, supplementary groups. setuid(2), setgroups(2), getpwnam(3)
import type { ByteString } from "../units/units.ts";
import { check } from "./errno.ts";
import { libc, scratch, view } from "./libc.ts";

/** An entry of the user database: numbers from 0 to 2^32-1. */
export type Account = { readonly uid: number; readonly gid: number };

/** The account called `name`, through the C library's own databases; undefined if there is none. getpwnam(3) */
export function getpwnam(name: ByteString): Account | undefined {
  const entry = libc.getpwnam(scratch.reset().cstring(name));
  if (!entry) return undefined;
  // struct passwd: name, passwd (two pointers), uid, gid.
  const fields = new DataView(view(entry, 24).buffer);
  return { uid: fields.getUint32(16, true), gid: fields.getUint32(20, true) };
}

/** Makes `groups` the only supplementary groups. setgroups(2). @throws {ErrnoError} EPERM */
export function setgroups(groups: readonly number[]): void {
  const list = scratch.reset().alloc(4 * groups.length);
  for (const [i, gid] of groups.entries()) scratch.setU32(list + 4 * i, gid);
  check(libc.setgroups(groups.length, list), "setgroups");
}

/** setgid(2). @throws {ErrnoError} EPERM */
export const setgid = (gid: number): void => void check(libc.setgid(gid), "setgid");
/** setuid(2). @throws {ErrnoError} EPERM, EAGAIN */
export const setuid = (uid: number): void => void check(libc.setuid(uid), "setuid");
export const geteuid = (): number => libc.geteuid();
export const getegid = (): number => libc.getegid();
