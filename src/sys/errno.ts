// Errors of system calls: what failed, on which path, and djb's words for it. errno(3), reference: README section 2.
import { type ByteString, type Errno, errno } from "../units/units.ts";
import { lastErrno } from "./libc.ts";

export const EPERM = errno(1);
export const ENOENT = errno(2);
export const ESRCH = errno(3);
export const EINTR = errno(4);
export const EIO = errno(5);
export const ENXIO = errno(6);
export const ENOEXEC = errno(8);
export const EBADF = errno(9);
export const ECHILD = errno(10);
export const EAGAIN = errno(11);
export const ENOMEM = errno(12);
export const EACCES = errno(13);
export const EEXIST = errno(17);
export const ENOTDIR = errno(20);
export const EISDIR = errno(21);
export const EINVAL = errno(22);
export const ENFILE = errno(23);
export const EMFILE = errno(24);
export const ENOSPC = errno(28);
export const ESPIPE = errno(29);
export const EPIPE = errno(32);
export const ENAMETOOLONG = errno(36);
export const ENOSYS = errno(38);
export const ELOOP = errno(40);
export const EOVERFLOW = errno(75);
export const EWOULDBLOCK = EAGAIN;

/** daemontools' own words (error_str.c); the C library's are never shown. Made when the first is wanted. */
const texts = (): { readonly [errno: number]: string } => ({
  0: "no error",
  1: "permission denied",
  2: "file does not exist",
  3: "no such process",
  4: "interrupted system call",
  5: "input/output error",
  6: "device not configured",
  7: "argument list too long",
  8: "exec format error",
  9: "file descriptor not open",
  10: "no child processes",
  11: "temporary failure",
  12: "out of memory",
  13: "access denied",
  14: "bad address",
  15: "not a block device",
  16: "device busy",
  17: "file already exists",
  18: "cross-device link",
  19: "device does not support operation",
  20: "not a directory",
  21: "is a directory",
  22: "invalid argument",
  23: "system cannot open more files",
  24: "process cannot open more files",
  25: "not a tty",
  26: "text busy",
  27: "file too big",
  28: "out of disk space",
  29: "unseekable descriptor",
  30: "read-only file system",
  31: "too many links",
  32: "broken pipe",
  33: "input out of range",
  34: "output out of range",
  35: "operation would cause deadlock",
  36: "file name too long",
  37: "no locks available",
  38: "system call not available",
  39: "directory not empty",
  40: "symbolic link loop",
  42: "no message of desired type",
  43: "identifier removed",
  60: "not a stream device",
  62: "timer expired",
  63: "out of stream resources",
  64: "machine not on network",
  66: "too many levels of remote in path",
  67: "link severed",
  68: "advertise error",
  69: "srmount error",
  70: "communication error",
  71: "protocol error",
  72: "multihop attempted",
  74: "bad message type",
  78: "remote address changed",
  87: "too many users",
  88: "not a socket",
  89: "destination address required",
  90: "message too long",
  91: "incorrect protocol type",
  92: "protocol not available",
  93: "protocol not supported",
  94: "socket type not supported",
  95: "operation not supported",
  96: "protocol family not supported",
  97: "address family not supported",
  98: "address already used",
  99: "address not available",
  100: "network down",
  101: "network unreachable",
  102: "network reset",
  103: "connection aborted",
  104: "connection reset",
  105: "out of buffer space",
  106: "already connected",
  107: "not connected",
  108: "socket shut down",
  109: "too many references",
  110: "timed out",
  111: "connection refused",
  112: "host down",
  113: "host unreachable",
  114: "operation already in progress",
  115: "operation in progress",
  116: "stale NFS file handle",
  122: "disk quota exceeded",
});
let made: ReturnType<typeof texts> | undefined;

/** djb's words for `code`; `unknown error` for one he had none for. */
export function errorText(code: number): string {
  made ??= texts();
  return made[code] ?? "unknown error";
}

/** A system call failed. */
export class ErrnoError extends Error {
  constructor(
    readonly errno: Errno,
    /** The call's name, as in section 2 of the manual. */
    readonly call: string,
    /** The path it was given, where it takes one. */
    readonly path?: ByteString,
  ) {
    super(`${call}${path === undefined ? "" : ` ${path}`}: ${errorText(errno)}`);
    this.name = "ErrnoError";
  }

  /** djb's words for the error. */
  get text(): string {
    return errorText(this.errno);
  }
}

/** The error that errno names, for `call`, which has just failed. */
export const failure = (call: string, path?: ByteString): ErrnoError =>
  new ErrnoError(errno(lastErrno()), call, path);

/** `result`. @throws {ErrnoError} the error that errno names, if `result` is -1. */
export function check(result: number, call: string, path?: ByteString): number {
  if (result === -1) throw failure(call, path);
  return result;
}

/** The error number of `error`. @throws {unknown} `error` itself where it is not an ErrnoError. */
export function errnoOf(error: unknown): Errno {
  if (error instanceof ErrnoError) return error.errno;
  throw error;
}

/** Runs `act`; true, or false where it failed with one of `expected`. @throws {ErrnoError} any other error. */
export function unless(expected: readonly Errno[], act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (expected.includes(errnoOf(error))) return false;
    throw error;
  }
}

/** What `act` returns, or the error of the call that failed. */
export function resultOf<Result>(act: () => Result): Result | ErrnoError {
  try {
    return act();
  } catch (error) {
    if (error instanceof ErrnoError) return error;
    throw error;
  }
}
