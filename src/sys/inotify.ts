// Being told when names come and go in a directory, and when files are written to. inotify(7)
import { type ByteString, type Fd, fd } from "../units/units.ts";
import { check, EAGAIN, ENOENT, errnoOf, failure } from "./errno.ts";
import { read } from "./files.ts";
import { lastErrno, libc, scratch } from "./libc.ts";

const IN_CLOEXEC_NONBLOCK = 0o2004000;
const IN_MODIFY = 0x2;
const IN_ATTRIB = 0x4;
const IN_MOVED = 0xc0;
const IN_CREATE = 0x100;
const IN_DELETE = 0x200;
const IN_DELETE_SELF = 0x400;
const IN_MOVE_SELF = 0x800;
const IN_ONLYDIR = 0x1000000;
const IN_ONESHOT = 0x80000000;
const IN_IGNORED = 0x8000;

/** A descriptor with nothing to watch yet; readable when something is to be told. Non-blocking, close-on-exec. @throws {ErrnoError} */
export const inotify = (): Fd => fd(check(libc.inotify_init1(IN_CLOEXEC_NONBLOCK), "inotify_init"));

/** A descriptor that is readable when a name in `directory` came, went or changed. @throws {ErrnoError} */
export function watchNames(directory: ByteString): Fd {
  const watch = inotify();
  try {
    add(watch, directory, IN_MOVED | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_ONLYDIR);
    return watch;
  } catch (error) {
    libc.close(watch);
    throw error;
  }
}

/**
 * Tells once when a name in the directory `path` came, went or changed, or the directory itself did.
 * @throws {ErrnoError} ENOTDIR if it is none, ENOSPC if there are too many watches
 */
export const watchNamesOnce = (watch: Fd, path: ByteString): void =>
  void add(
    watch,
    path,
    IN_MOVED | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_ONESHOT,
  );

/** Tells once when the file `path` is written to, cut short, removed or moved, if it is there. @throws {ErrnoError} ENOSPC */
export function watchFileOnce(watch: Fd, path: ByteString): void {
  const mask = IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONESHOT;
  if (libc.inotify_add_watch(watch, scratch.reset().cstring(path), mask) !== -1) return;
  // Not by an exception: of thousands of services most have no logger.
  if (lastErrno() !== ENOENT) throw failure("inotify_add_watch", path);
}

/** File systems that nobody changes but this kernel, as statfs(2) calls them. Others: NFS, FUSE, 9p, ... */
const LOCAL = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0x01021994, // tmpfs
  0x858458f6, // ramfs
  0xf2f52010, // F2FS
  0x794c7630, // overlayfs
  0x2fc12fc1, // ZFS
  0xca451a4e, // bcachefs
  0x3153464a, // JFS
]);

/** Whether inotify tells of every change on the file system that `path` is on. statfs(2) */
export function tellsAll(path: ByteString): boolean {
  scratch.reset();
  const name = scratch.cstring(path);
  const out = scratch.alloc(256);
  return libc.statfs(name, out) === 0 && LOCAL.has(scratch.u32(out));
}

/** Tells of each write to the file `path`. @returns its number at `watch` @throws {ErrnoError} ENOSPC if there are too many */
export const watchWrites = (watch: Fd, path: ByteString): number => add(watch, path, IN_MODIFY);

const add = (watch: Fd, path: ByteString, mask: number): number =>
  check(libc.inotify_add_watch(watch, scratch.reset().cstring(path), mask), "inotify_add_watch", path);

/** Tells of that file no more; what waits to be told of it is. */
export function unwatchWrites(watch: Fd, number: number): void {
  // The file may be gone already, and its number with it.
  if (libc.inotify_rm_watch(watch, number) === -1) failure("inotify_rm_watch");
}

/** The numbers of the files that were written to since it was asked last, each once. @throws {ErrnoError} */
export function writtenTo(watch: Fd): number[] {
  const numbers = new Set<number>();
  for (;;) {
    const events = take(watch);
    if (events === undefined) return [...numbers];
    const view = new DataView(events.buffer, events.byteOffset, events.length);
    // struct inotify_event: wd 4, mask 4, cookie 4, len 4, name.
    for (let at = 0; at < events.length; at += 16 + view.getUint32(at + 12, true)) {
      if ((view.getUint32(at + 4, true) & IN_IGNORED) === 0) numbers.add(view.getInt32(at, true));
    }
  }
}

/** Takes everything off a descriptor of `watchNames`. @throws {ErrnoError} */
export function drainWatch(watch: Fd): void {
  while (take(watch) !== undefined);
}

function take(watch: Fd): Uint8Array | undefined {
  try {
    const events = read(watch);
    return events.length === 0 ? undefined : events;
  } catch (error) {
    if (errnoOf(error) !== EAGAIN) throw error;
    return undefined;
  }
}
