// The text files by which the kernel tells of control groups, version 2. cgroups(7)
import type { ByteString } from "../units/units.ts";

/** The directories in which a cgroup2 file system is mounted, from /proc/self/mountinfo, and which of its own is its top. */
export function cgroupMounts(mountinfo: ByteString): { readonly at: ByteString; readonly top: ByteString }[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , top, at] = before.split(" ");
    if (after.split(" ")[0] !== "cgroup2" || at === undefined || top === undefined) return [];
    return [{ at: plain(at), top: plain(top) }];
  });
}

/** Blanks and the like are written in octal. proc_pid_mountinfo(5) */
const plain = (text: ByteString): ByteString =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** The cgroup of version 2 that /proc/PID/cgroup tells of; undefined if it tells of none. */
export const cgroupOf = (text: ByteString): ByteString | undefined =>
  text
    .split("\n")
    .find((line) => line.startsWith("0::"))
    ?.slice(3);

/** Where the directory of the cgroup `path` is, under a mount that shows it. */
export function cgroupDirectory(
  { at, top }: { readonly at: ByteString; readonly top: ByteString },
  path: ByteString,
): ByteString | undefined {
  const below =
    top === "/" ? path : path === top ? "" : path.startsWith(`${top}/`) ? path.slice(top.length) : undefined;
  return below === undefined ? undefined : `${at}${below}`.replace(/\/+$/, "");
}

/** Whether cgroup.events says that somebody is in it, or in one below it. */
export const isPopulated = (events: ByteString): boolean => /^populated 1$/m.test(events);

/** The pids in cgroup.procs. 0 stands for processes of another pid namespace, which nothing can be done about. */
export const pidsIn = (procs: ByteString): number[] =>
  procs
    .split("\n")
    .map(Number)
    .filter((number) => Number.isInteger(number) && number > 0);
