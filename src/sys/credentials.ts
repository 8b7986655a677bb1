// Who a process is: user, group, supplementary groups. setuid(2), setgroups(2), getpwnam(3)
//
// The three that change it are the system calls themselves, which change the calling thread: the main one, whose ids the
// program that is run gets, while exec ends all others. The C library's functions would change every thread of the runtime,
// and each would count as one more process of the new user against RLIMIT_NPROC.
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

const SYS =
  process.arch === "arm64"
    ? { setgid: 144, setuid: 146, getgroups: 158, setgroups: 159, setfsuid: 151, setfsgid: 152 }
    : { setuid: 105, setgid: 106, getgroups: 115, setgroups: 116, setfsuid: 122, setfsgid: 123 };

const change = (call: keyof typeof SYS, first: number, second = 0): number =>
  check(libc.syscall(SYS[call], first, second, 0, 0, 0, 0), call);

/** Makes `groups` the only supplementary groups. setgroups(2). @throws {ErrnoError} EPERM */
export function setgroups(groups: readonly number[]): void {
  const list = scratch.reset().alloc(4 * groups.length);
  for (let i = 0; i < groups.length; i++) scratch.setU32(list + 4 * i, groups[i] as number);
  change("setgroups", groups.length, list);
}

/** The supplementary groups. getgroups(2) */
export function getgroups(): number[] {
  const count = change("getgroups", 0);
  const list = scratch.reset().alloc(4 * count);
  change("getgroups", count, list);
  return Array.from({ length: count }, (_, i) => scratch.u32(list + 4 * i));
}

/** setgid(2). @throws {ErrnoError} EPERM */
export const setgid = (gid: number): void => void change("setgid", gid);
/** setuid(2). @throws {ErrnoError} EPERM, EAGAIN */
export const setuid = (uid: number): void => void change("setuid", uid);
export const geteuid = (): number => libc.geteuid();
export const getegid = (): number => libc.getegid();

/** The supplementary groups of before, while files are somebody else's. */
let ownGroups: readonly number[] | undefined;

/**
 * From now on the files this thread makes are `account`'s, and it may open what that may: user, group, and no
 * supplementary group. Signals, limits and everything else stay as they are. Undefined: as it was. Needs to be root.
 * setfsuid(2), setfsgid(2)
 */
export function setFileIds(account: Account | undefined): void {
  ownGroups ??= getgroups();
  if (account === undefined) {
    change("setfsuid", geteuid());
    change("setfsgid", getegid());
    setgroups(ownGroups);
  } else {
    setgroups([account.gid]);
    change("setfsgid", account.gid);
    change("setfsuid", account.uid);
  }
}
