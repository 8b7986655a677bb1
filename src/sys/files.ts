// Files, directories, fifos and locks. Sections 2 and 3 of the manual; names, order and constants are theirs.
// Every descriptor made here is close-on-exec. Paths are ByteStrings, relative to the directory `at`.
import { type ByteString, type Fd, fd } from "../units/units.ts";
import { check, EINTR, EINVAL, ENOENT, ENOSYS, errnoOf, failure } from "./errno.ts";
import { latin1, libc, scratch } from "./libc.ts";

/** The working directory, as the `at` of a call. */
export const AT_FDCWD: Fd = fd(-100);

const arm = process.arch === "arm64";
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000;
export const O_DIRECTORY = arm ? 0o40000 : 0o200000;
export const O_NOFOLLOW = arm ? 0o100000 : 0o400000;
export const O_PATH = 0o10000000;
export const O_CLOEXEC = 0o2000000;

/**
 * Opens `path`. open(2). The descriptor is close-on-exec.
 * @param mode permission bits of a file that is created, before the umask
 * @throws {ErrnoError}
 */
export function openat(at: Fd, path: ByteString, flags: number, mode = 0): Fd {
  const name = scratch.reset().cstring(path);
  for (;;) {
    const result = libc.openat(at, name, flags | O_CLOEXEC, mode);
    if (result !== -1) return fd(result);
    const error = failure("open", path);
    if (error.errno !== EINTR) throw error;
  }
}

/** close(2); errors are ignored, the descriptor is gone either way. */
export const close = (file: Fd): void => void libc.close(file);

/** Another descriptor of the same open file, the lowest that is free, not close-on-exec. dup(2). @throws {ErrnoError} */
export const dup = (file: Fd): Fd => fd(check(libc.dup(file), "dup"));

/** mkdir(2). @throws {ErrnoError} EEXIST if there is anything of that name. */
export const mkdirat = (at: Fd, path: ByteString, mode: number): void =>
  void check(libc.mkdirat(at, scratch.reset().cstring(path), mode), "mkdir", path);

/** mkfifo(3). @throws {ErrnoError} EEXIST if there is anything of that name. */
export const mkfifoat = (at: Fd, path: ByteString, mode: number): void =>
  void check(libc.mkfifoat(at, scratch.reset().cstring(path), mode), "mkfifo", path);

/** unlink(2). @throws {ErrnoError} */
export const unlinkat = (at: Fd, path: ByteString): void =>
  void check(libc.unlinkat(at, scratch.reset().cstring(path), 0), "unlink", path);

/** The same where it may not be there, or cannot be removed: a directory, a file system that is read-only. */
export function unlinkIfThere(at: Fd, path: ByteString): void {
  try {
    unlinkat(at, path);
  } catch (error) {
    errnoOf(error);
  }
}

/** rmdir(2). @throws {ErrnoError} ENOTEMPTY, EBUSY */
export const rmdirat = (at: Fd, path: ByteString): void =>
  void check(libc.unlinkat(at, scratch.reset().cstring(path), AT_REMOVEDIR), "rmdir", path);
const AT_REMOVEDIR = 0x200;

/** rename(2), replacing what `to` names. @throws {ErrnoError} */
export function renameat(at: Fd, from: ByteString, to: ByteString): void {
  scratch.reset();
  check(libc.renameat2(at, scratch.cstring(from), at, scratch.cstring(to), 0), "rename", from);
}

const RENAME_NOREPLACE = 1;

/**
 * rename(2) that replaces nothing, where the kernel and the file system can: elsewhere link(2) and unlink(2), which for a
 * moment leave both names, and do not take a directory.
 * @throws {ErrnoError} EEXIST if `to` exists.
 */
export function renameNew(at: Fd, from: ByteString, to: ByteString): void {
  scratch.reset();
  const old = scratch.cstring(from);
  if (libc.renameat2(at, old, at, scratch.cstring(to), RENAME_NOREPLACE) === 0) return;
  const error = failure("rename", from);
  if (error.errno !== EINVAL && error.errno !== ENOSYS) throw error;
  linkat(at, from, to);
  unlinkat(at, from);
}

const RENAME_EXCHANGE = 2;

/**
 * Exchanges two names in one step. renameat2(2) with RENAME_EXCHANGE.
 * @returns false where the kernel or the file system cannot
 * @throws {ErrnoError} ENOENT if either name is missing.
 */
export function exchange(at: Fd, a: ByteString, b: ByteString): boolean {
  scratch.reset();
  try {
    check(libc.renameat2(at, scratch.cstring(a), at, scratch.cstring(b), RENAME_EXCHANGE), "rename", a);
    return true;
  } catch (error) {
    const code = errnoOf(error);
    if (code === EINVAL || code === ENOSYS) return false;
    throw error;
  }
}

/** link(2). @throws {ErrnoError} EEXIST if `to` exists. */
export function linkat(at: Fd, from: ByteString, to: ByteString): void {
  scratch.reset();
  check(libc.linkat(at, scratch.cstring(from), at, scratch.cstring(to), 0), "link", to);
}

/** fsync(2). @throws {ErrnoError} */
export const fsync = (file: Fd): void => void check(libc.fsync(file), "fsync");

/** ftruncate(2). @throws {ErrnoError} */
export const ftruncate = (file: Fd, length: number): void =>
  void check(libc.ftruncate(file, length), "ftruncate");

/** fchmod(2). @throws {ErrnoError} */
export const fchmod = (file: Fd, mode: number): void => void check(libc.fchmod(file, mode), "fchmod");

/** chdir(2). @throws {ErrnoError} */
export const chdir = (path: ByteString): void =>
  void check(libc.chdir(scratch.reset().cstring(path)), "chdir", path);

/** fchdir(2). @throws {ErrnoError} */
export const fchdir = (directory: Fd): void => void check(libc.fchdir(directory), "fchdir");

/** umask(2): sets it, and returns the one before. */
export const umask = (mask: number): number => libc.umask(mask);

const LOCK_EX = 2;
const LOCK_NB = 4;

/**
 * Locks an open file for this open file description alone. flock(2)
 * @throws {ErrnoError} EWOULDBLOCK if `nonblocking` and another holds the lock.
 */
export function flock(file: Fd, nonblocking: boolean): void {
  check(libc.flock(file, nonblocking ? LOCK_EX | LOCK_NB : LOCK_EX), "flock");
}

const IO_SIZE = 65536;

/**
 * At most `length` bytes, which `scratch` must have room for, from `file`; none at its end. read(2). The result is a view of
 * memory that the next call of this layer uses again: copy what is to be kept.
 * @throws {ErrnoError} EAGAIN if the descriptor is non-blocking and nothing is there.
 */
export function read(file: Fd, length = IO_SIZE): Uint8Array {
  const buffer = scratch.reset().alloc(length);
  for (;;) {
    const got = libc.read(file, buffer, length);
    if (got >= 0) return scratch.slice(buffer, got);
    const error = failure("read");
    if (error.errno !== EINTR) throw error;
  }
}

/** All of an open file, from where it stands. @throws {ErrnoError} */
export function readAll(file: Fd): ByteString {
  let text = "";
  for (;;) {
    const piece = read(file);
    if (piece.length === 0) return text;
    text += latin1(piece);
  }
}

/** All of the file at `path`. @throws {ErrnoError} */
export function readFile(path: ByteString): ByteString {
  const file = openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
  try {
    return readAll(file);
  } finally {
    close(file);
  }
}

/**
 * Writes `text` with one call. write(2)
 * @returns how many bytes were taken
 * @throws {ErrnoError} EPIPE if nobody reads (SIGPIPE is ignored by the runtime).
 */
export function write(file: Fd, text: ByteString): number {
  const buffer = scratch.reset().cstring(text);
  for (;;) {
    const put = libc.write(file, buffer, text.length);
    if (put >= 0) return put;
    const error = failure("write");
    if (error.errno !== EINTR) throw error;
  }
}

/**
 * At most `length` bytes from `file` into C memory at `address`. read(2)
 * @returns how many were read, 0 at its end
 * @throws {ErrnoError} EAGAIN if the descriptor is non-blocking and nothing is there.
 */
export function readTo(file: Fd, address: number, length: number): number {
  for (;;) {
    const got = libc.read(file, address, length);
    if (got >= 0) return got;
    const error = failure("read");
    if (error.errno !== EINTR) throw error;
  }
}

/** Writes all of the `length` bytes of C memory at `address`. write(2). @throws {ErrnoError} some may have been taken then */
export function writeFrom(file: Fd, address: number, length: number): void {
  for (let put = 0; put < length; ) {
    const taken = libc.write(file, address + put, length - put);
    if (taken >= 0) put += taken;
    else {
      const error = failure("write");
      if (error.errno !== EINTR) throw error;
    }
  }
}

/** Writes `bytes` at `offset` with one call. pwrite(2). @returns how many were taken @throws {ErrnoError} */
export function pwrite(file: Fd, bytes: Uint8Array, offset: number): number {
  const buffer = scratch.reset().alloc(bytes.length);
  scratch.slice(buffer, bytes.length).set(bytes);
  return check(libc.pwrite(file, buffer, bytes.length, offset), "pwrite");
}

/** A pipe: its read end and its write end, both close-on-exec. pipe(2). @throws {ErrnoError} */
export function pipe(): [Fd, Fd] {
  const ends = scratch.reset().alloc(8);
  check(libc.pipe2(ends, O_CLOEXEC), "pipe");
  return [fd(scratch.i32(ends)), fd(scratch.i32(ends + 4))];
}

const MFD_CLOEXEC = 1;

/** A new file that has no name and is gone with its last descriptor; `label` shows in /proc. memfd_create(2). @throws {ErrnoError} */
export const memfdCreate = (label: ByteString): Fd =>
  fd(check(libc.memfd_create(scratch.reset().cstring(label), MFD_CLOEXEC), "memfd_create"));

/** Goes to `offset` from the start of an open file. lseek(2). @throws {ErrnoError} */
export const seek = (file: Fd, offset: number): void => void check(libc.lseek(file, offset, 0), "lseek");

const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const FD_CLOEXEC = 1;
const F_DUPFD_CLOEXEC = 1030;

/** The lowest free descriptor from `lowest` up, for the same open file. fcntl(2). @throws {ErrnoError} */
export const duplicate = (file: Fd, lowest: number): Fd =>
  fd(check(libc.fcntl(file, F_DUPFD_CLOEXEC, lowest), "fcntl"));

/** Makes `to` the same open file as `from`, not close-on-exec. dup2(2). @throws {ErrnoError} */
export const dup2 = (from: Fd, to: Fd): void => void check(libc.dup2(from, to), "dup2");

/** Whether `file` is closed by exec. @throws {ErrnoError} */
export const closeOnExec = (file: Fd): boolean =>
  (check(libc.fcntl(file, F_GETFD, 0), "fcntl") & FD_CLOEXEC) !== 0;

/** Says whether `file` is to be closed by exec. fcntl(2). @throws {ErrnoError} */
export const setCloseOnExec = (file: Fd, on: boolean): void =>
  void check(libc.fcntl(file, F_SETFD, on ? FD_CLOEXEC : 0), "fcntl");

/** Makes reads and writes of this open file wait, or not. fcntl(2). @throws {ErrnoError} */
export function setNonblocking(file: Fd, on: boolean): void {
  const flags = check(libc.fcntl(file, F_GETFL, 0), "fcntl");
  check(libc.fcntl(file, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK), "fcntl");
}

const FIONREAD = 0x541b;

const TCGETS = 0x5401;

/** Whether the descriptor is a terminal. isatty(3) */
export function isTerminal(file: Fd): boolean {
  return libc.ioctl(file, TCGETS, scratch.reset().alloc(256)) === 0;
}

/** How many bytes a pipe holds unread. ioctl_pipe(2) FIONREAD. @throws {ErrnoError} */
export function bytesWaiting(file: Fd): number {
  const count = scratch.reset().alloc(8);
  check(libc.ioctl(file, FIONREAD, count), "ioctl");
  return scratch.i32(count);
}

const POLLIN = 1;
/** Writes at most `length` bytes of C memory at `address`, with one call. write(2). @returns how many were taken @throws {ErrnoError} */
export function writeSome(file: Fd, address: number, length: number): number {
  for (;;) {
    const put = libc.write(file, address, length);
    if (put >= 0) return put;
    const error = failure("write");
    if (error.errno !== EINTR) throw error;
  }
}

/** As writeSome, for whoever will try again and look at the error then. @returns less than 0 where the call failed */
export const tryWrite = (file: Fd, address: number, length: number): number =>
  libc.write(file, address, length);

/** Reserves the first `length` bytes of `file` on its disk, and makes it that long. fallocate(2). @throws {ErrnoError} ENOSPC, EOPNOTSUPP */
export const fallocate = (file: Fd, length: number): void =>
  void check(libc.fallocate(file, 0, 0, length), "fallocate");

const SPLICE_F_NONBLOCK = 2;

/**
 * Copies at most `length` bytes from the pipe `from` to the pipe `to`, leaving them in `from`; never waits. tee(2)
 * @returns how many; 0 if nothing is there and no writer is left
 * @throws {ErrnoError} EAGAIN if nothing is there now, EINVAL if either is no pipe.
 */
export const tee = (from: Fd, to: Fd, length: number): number =>
  check(libc.tee(from, to, length, SPLICE_F_NONBLOCK), "tee");
const F_SETPIPE_SZ = 1031;

/** Asks for a pipe that holds `size` bytes. fcntl(2). @throws {ErrnoError} EPERM above the system's limit. */
export const setPipeSize = (file: Fd, size: number): void =>
  void check(libc.fcntl(file, F_SETPIPE_SZ, size), "fcntl");

const POLLOUT = 4;

function poll(file: Fd, events: number, ms: number): boolean {
  const entry = scratch.reset().alloc(8);
  scratch.setU32(entry, file);
  scratch.setU32(entry + 4, events);
  return libc.poll(entry, 1, ms) === 1;
}

/** Whether a read of `file` would not wait. poll(2) */
export const readableNow = (file: Fd): boolean => poll(file, POLLIN, 0);

/** Whether it would not, waiting for that up to `ms` milliseconds, less if a signal arrives. poll(2) */
export const readableWithin = (file: Fd, ms: number): boolean => poll(file, POLLIN, ms);

/** Whether a write of up to PIPE_BUF (4096) bytes to `file` would be taken without waiting. poll(2) */
export const writableNow = (file: Fd): boolean => poll(file, POLLOUT, 0);

/** What stat(2) says of a file, as far as the suite asks. */
const STATX_BASIC_STATS = 0x7ff;
const AT_EMPTY_PATH = 0x1000;
/** S_IFREG, S_IFDIR, S_IFIFO. Not the keys of an object: Biome 2.6.8 mends octal keys, and reads them in base 7. */
const TYPES: ReadonlyMap<number, Stat["type"]> = new Map([
  [0o100000, "file"],
  [0o040000, "directory"],
  [0o010000, "fifo"],
]);

/** stat(2): follows links. @throws {ErrnoError} */
export const statat = (at: Fd, path: ByteString): Stat => statOf(at, path, 0);

/** fstat(2). @throws {ErrnoError} */
export const fstat = (file: Fd): Stat => statOf(file, "", AT_EMPTY_PATH);

/** As `fstat(file).change`, in a third of the time. @throws {ErrnoError} */
export function changeOf(file: Fd): number {
  const out = statxOf(file, "", AT_EMPTY_PATH);
  return changeAt(scratch.u32(out + 96), scratch.u32(out + 104));
}

const changeAt = (seconds: number, nanoseconds: number): number => (seconds % 2 ** 20) * 1e9 + nanoseconds;

// statx(2) has one layout on every architecture; struct stat has not.
function statxOf(at: Fd, path: ByteString, flags: number): number {
  scratch.reset();
  const name = scratch.cstring(path);
  const out = scratch.alloc(256);
  check(libc.statx(at, name, flags, STATX_BASIC_STATS, out), "stat", path);
  return out;
}

const statOf = (at: Fd, path: ByteString, flags: number): Stat => new Stat(statxOf(at, path, flags));

/** What is known of a file. What takes long to put together is put together when it is asked for. */
export class Stat {
  private readonly mode: number;
  private readonly major: number;
  private readonly minor: number;
  private readonly high: number;
  private readonly low: number;
  private readonly seconds: number;
  private readonly nanoseconds: number;
  readonly links: number;
  readonly uid: number;
  readonly size: number;
  /** Disk space behind it, in units of 512 bytes. */
  readonly blocks: number;

  /** Of the struct statx at `at` in `scratch`. */
  constructor(at: number) {
    const words = new Uint32Array(scratch.bytes.buffer, at - scratch.base, 36);
    this.links = words[4] as number;
    this.uid = words[5] as number;
    this.mode = (words[7] as number) & 0xffff;
    this.low = words[8] as number;
    this.high = words[9] as number;
    this.size = (words[11] as number) * 2 ** 32 + (words[10] as number);
    this.blocks = (words[13] as number) * 2 ** 32 + (words[12] as number);
    this.seconds = (words[25] as number) * 2 ** 32 + (words[24] as number);
    this.nanoseconds = words[26] as number;
    this.major = words[34] as number;
    this.minor = words[35] as number;
  }

  get type(): "file" | "directory" | "fifo" | "other" {
    return TYPES.get(this.mode & 0o170000) ?? "other";
  }
  get permissions(): number {
    return this.mode & 0o7777;
  }
  get inode(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }
  /** `DEVICE:INODE`: the same text means the same file, as long as it is not removed. */
  get identity(): string {
    return `${this.major}:${this.minor}:${this.high === 0 ? this.low : this.inode}`;
  }
  /** When it last changed (ctime), in nanoseconds since 1970; of a directory, also when a name in it did. */
  get changed(): bigint {
    return BigInt(this.seconds) * 1_000_000_000n + BigInt(this.nanoseconds);
  }
  /** The same as a number that is only good for comparing. */
  get change(): number {
    return changeAt(this.seconds, this.nanoseconds);
  }
}

/** Whether `path` names something. stat(2). @throws {ErrnoError} if that cannot be told (EACCES, ELOOP, ...). */
export function existsat(at: Fd, path: ByteString): boolean {
  const name = scratch.reset().cstring(path);
  const out = scratch.alloc(256);
  if (libc.statx(at, name, 0, STATX_BASIC_STATS, out) === 0) return true;
  const error = failure("stat", path);
  if (error.errno === ENOENT) return false;
  throw error;
}

const X_OK = 1;
const AT_EACCESS = 0x200;

/** Whether this process may run `path`, by its effective ids. faccessat(2) */
export const executable = (at: Fd, path: ByteString): boolean =>
  libc.faccessat(at, scratch.reset().cstring(path), X_OK, AT_EACCESS) === 0;

/** readlink(2). @throws {ErrnoError} EINVAL if `path` is not a symbolic link. */
export function readlinkat(at: Fd, path: ByteString): ByteString {
  scratch.reset();
  const name = scratch.cstring(path);
  const buffer = scratch.alloc(4096);
  const length = check(libc.readlinkat(at, name, buffer, 4096), "readlink", path);
  return latin1(scratch.slice(buffer, length));
}

/**
 * The names in an open directory, from its start, in the directory's own order (readdir(3)'s), `.` and `..` with them.
 * @throws {ErrnoError} ENOTDIR if it is none.
 */
export function readdir(directory: Fd): ByteString[] {
  check(libc.lseek(directory, 0, 0), "lseek");
  const names: ByteString[] = [];
  const buffer = scratch.reset().alloc(IO_SIZE);
  for (;;) {
    const got = check(libc.getdents64(directory, buffer, IO_SIZE), "getdents");
    if (got === 0) return names;
    const bytes = scratch.slice(buffer, got);
    for (let at = 0; at < got; ) {
      // struct linux_dirent64: ino 8, off 8, reclen 2, type 1, name.
      const length = (bytes[at + 16] as number) | ((bytes[at + 17] as number) << 8);
      names.push(latin1(bytes.subarray(at + 19, bytes.indexOf(0, at + 19))));
      at += length;
    }
  }
}
