// The C library, called through the runtime's FFI. This is the one place that loads a library. It knows the signatures, the
// memory that is lent to C, and errno; what the calls mean is said in the modules beside it.
//
// - A function is bound when it is first used (13 us each or more), so a program pays for those it calls.
// - Nothing given to C is garbage-collected memory: `ptr(buffer)` does not keep its buffer alive, and nested pointers
//   (argv, envp) then arrive as garbage. Everything lies in one block from malloc.
import type { ByteString } from "../units/units.ts";

/** A function's types, in the words of bun:ffi; and where it is, if it is not looked for by its name. */
type Signature = { readonly args: readonly string[]; readonly returns: string; readonly ptr?: number };
type Bound = { readonly symbols: { readonly [name: string]: (...args: number[]) => number } };

/**
 * What the module bun:ffi is made of (Bun 1.4.5). That module takes 0.2 ms of each start to be made, and the first call through
 * it as long again. An error is returned, not thrown; where bun:ffi was loaded before, thrown.
 */
const { dlopen, linkSymbols, toArrayBuffer } = (
  Bun as unknown as {
    readonly FFI: {
      dlopen(library: string, functions: { readonly [name: string]: Signature }): Bound | Error;
      linkSymbols(functions: { readonly [name: string]: Signature }): Bound | Error;
      toArrayBuffer(address: number, offset: number, length: number): ArrayBuffer;
    };
  }
).FFI;

const I = "i32";
const U = "u32";
const P = "ptr";
const S = "u64_fast";
const L = "i64_fast";

const signatures = {
  __errno_location: { args: [], returns: P },
  bind: { args: [I, P, U], returns: I },
  clock_gettime: { args: [I, P], returns: I },
  dlsym: { args: [P, P], returns: P },
  dup: { args: [I], returns: I },
  dup3: { args: [I, I, I], returns: I },
  dup2: { args: [I, I], returns: I },
  epoll_create1: { args: [I], returns: I },
  epoll_ctl: { args: [I, I, I, P], returns: I },
  epoll_wait: { args: [I, P, I, I], returns: I },
  faccessat: { args: [I, P, I, I], returns: I },
  fallocate: { args: [I, I, L, L], returns: I },
  fchmod: { args: [I, U], returns: I },
  fsync: { args: [I], returns: I },
  ftruncate: { args: [I, L], returns: I },
  getegid: { args: [], returns: U },
  geteuid: { args: [], returns: U },
  getenv: { args: [P], returns: P },
  getpid: { args: [], returns: I },
  getpgid: { args: [I], returns: I },
  getpwnam: { args: [P], returns: P },
  getsockname: { args: [I, P, P], returns: I },
  getsid: { args: [I], returns: I },
  inotify_add_watch: { args: [I, P, U], returns: I },
  inotify_init1: { args: [I], returns: I },
  inotify_rm_watch: { args: [I, I], returns: I },
  ioctl: { args: [I, S, P], returns: I },
  kill: { args: [I, I], returns: I },
  linkat: { args: [I, P, I, P, I], returns: I },
  localtime_r: { args: [P, P], returns: P },
  madvise: { args: [P, S, I], returns: I },
  malloc: { args: [S], returns: P },
  mmap: { args: [P, S, I, I, I, L], returns: P },
  mprotect: { args: [P, S, I], returns: I },
  munmap: { args: [P, S], returns: I },
  memfd_create: { args: [P, U], returns: I },
  mkdirat: { args: [I, P, U], returns: I },
  mkfifoat: { args: [I, P, U], returns: I },
  mlock: { args: [P, S], returns: I },
  pipe2: { args: [P, I], returns: I },
  poll: { args: [P, S, I], returns: I },
  posix_spawn: { args: [P, P, P, P, P, P], returns: I },
  posix_spawn_file_actions_addclose: { args: [P, I], returns: I },
  posix_spawn_file_actions_adddup2: { args: [P, I, I], returns: I },
  posix_spawn_file_actions_addfchdir_np: { args: [P, I], returns: I },
  posix_spawn_file_actions_addopen: { args: [P, I, P, I, U], returns: I },
  posix_spawn_file_actions_destroy: { args: [P], returns: I },
  posix_spawn_file_actions_init: { args: [P], returns: I },
  posix_spawnattr_init: { args: [P], returns: I },
  posix_spawnattr_setflags: { args: [P, "i16"], returns: I },
  posix_spawnattr_setpgroup: { args: [P, I], returns: I },
  posix_spawnattr_setsigdefault: { args: [P, P], returns: I },
  posix_spawnattr_setsigmask: { args: [P, P], returns: I },
  prctl: { args: [I, L, L, L, L], returns: I },
  pwrite: { args: [I, P, S, L], returns: L },
  recvmsg: { args: [I, P, I], returns: L },
  renameat2: { args: [I, P, I, P, U], returns: I },
  sendmsg: { args: [I, P, I], returns: L },
  setpgid: { args: [I, I], returns: I },
  setsockopt: { args: [I, I, I, P, U], returns: I },
  sigaction: { args: [I, P, P], returns: I },
  signalfd: { args: [I, P, I], returns: I },
  socket: { args: [I, I, I], returns: I },
  socketpair: { args: [I, I, I, P], returns: I },
  statfs: { args: [P, P], returns: I },
  strlen: { args: [P], returns: L },
  syscall: { args: [L, L, L, L, L, L, L], returns: L },
  tee: { args: [I, I, S, U], returns: L },
  umask: { args: [U], returns: U },
  unsetenv: { args: [P], returns: I },
  unlinkat: { args: [I, P, I], returns: I },
  waitid: { args: [I, U, P, I], returns: I },
  waitpid: { args: [I, P, I], returns: I },
} as const;

/**
 * System calls that the C library only passes on, with the same arguments: their numbers on x86_64 and arm64. They are made through
 * one function of it, `syscall`, which is bound once: so a start is 0.15 to 0.3 ms shorter. `_exit` is exit_group(2).
 */
const CALLS = {
  _exit: [231, 94],
  chdir: [80, 49],
  close: [3, 57],
  execve: [59, 221],
  fchdir: [81, 50],
  fcntl: [72, 25],
  flock: [73, 32],
  getdents64: [217, 61],
  getppid: [110, 173],
  lseek: [8, 62],
  openat: [257, 56],
  prlimit: [302, 261],
  read: [0, 63],
  readlinkat: [267, 78],
  rt_sigaction: [13, 134],
  rt_sigprocmask: [14, 135],
  setsid: [112, 157],
  statx: [332, 291],
  write: [1, 64],
} as const;

type Name = keyof typeof signatures | keyof typeof CALLS;
type Library = { readonly [N in Name]: (...args: number[]) => number };

const arm = process.arch === "arm64";

/** glibc, then musl. */
const LIBRARIES = ["libc.so.6", `libc.musl-${arm ? "aarch64" : "x86_64"}.so.1`] as const;

function made(name: Name): (...args: number[]) => number {
  if (name in CALLS) return call(CALLS[name as keyof typeof CALLS][arm ? 1 : 0]);
  return bind(name as keyof typeof signatures);
}

function call(number: number): (...args: number[]) => number {
  const { syscall } = libc;
  return (a = 0, b = 0, c = 0, d = 0, e = 0) => syscall(number, a, b, c, d, e, 0);
}

function bind(name: keyof typeof signatures): (...args: number[]) => number {
  let reason: unknown;
  for (const library of LIBRARIES) {
    try {
      return theOne(name, dlopen(library, { [name]: signatures[name] }));
    } catch (error) {
      reason ??= error;
    }
  }
  throw reason;
}

/** @throws {Error} what was returned in its place */
function theOne(name: string, bound: Bound | Error): (...args: number[]) => number {
  if (bound instanceof Error) throw bound;
  return bound.symbols[name] as (...args: number[]) => number;
}

/**
 * The C library's functions. Pointers are numbers, 0 is NULL; results are what C returns, errors included. A function becomes
 * a property when it is first asked for. Nothing is done for the others, not even in a loop: the runtime starts a JIT thread
 * for the first one that runs long enough, and boot.ts must have come before that.
 */
export const libc: Library = Object.create(
  new Proxy(
    {},
    {
      get(_, name: Name) {
        const value = made(name);
        Object.defineProperty(libc, name, { value });
        return value;
      },
    },
  ),
);

// Bytes to characters and back, in machine code: what a loop does here makes the runtime compile it, in a thread. Buffer has
// what is wanted, but takes 0.1 ms to be made. The first conversions of a start are of ASCII, most likely, which is UTF-8 too:
// that is found by comparing lengths, since every other character of UTF-8 has more bytes than a string has places for it.

/** How many conversions are still tried as ASCII; there are some 60 in a start, and Buffer is the better one for many. */
let asAscii = 100;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

type Latin1 = {
  latin1Slice(this: Uint8Array, from: number, to: number): ByteString;
  latin1Write(this: Uint8Array, text: ByteString, at: number, length: number): number;
};
/** A function of its own: the runtime makes Buffer when it first looks at code that names it. */
const buffer = (): Latin1 => Buffer.prototype as unknown as Latin1;

/** `bytes` as a ByteString. */
export function latin1(bytes: Uint8Array): ByteString {
  return asciiText(bytes) ?? buffer().latin1Slice.call(bytes, 0, bytes.length);
}

/** Undefined if `bytes` may not be ASCII. */
function asciiText(bytes: Uint8Array): ByteString | undefined {
  if (asAscii === 0) return undefined;
  asAscii--;
  try {
    const text = decoder.decode(bytes);
    if (text.length === bytes.length) return text;
  } catch {
    // Not UTF-8.
  }
  asAscii = 0;
  return undefined;
}

/** Stores `text` in `bytes` from `at` on. */
function put(text: ByteString, bytes: Uint8Array, at: number): void {
  if (asAscii > 0) {
    asAscii--;
    const { read } = encoder.encodeInto(text, bytes.subarray(at, at + text.length));
    if (read === text.length) return;
    asAscii = 0;
  }
  buffer().latin1Write.call(bytes, text, at, text.length);
}

/** `length` bytes of memory at `address`, seen as bytes. The memory must never be freed. */
export function view(address: number, length: number): Uint8Array {
  // The runtime refuses a length of 0.
  return length === 0 ? new Uint8Array(0) : new Uint8Array(toArrayBuffer(address, 0, length));
}

/** The machine code at `address` as a function of three pointers or sizes, with a C function's calling convention. */
export function codeAt(address: number): (a: number, b: number, c: number) => number {
  return theOne("code", linkSymbols({ code: { ptr: address, args: [P, S, P], returns: L } }));
}

const errnoCell = new Int32Array(toArrayBuffer(libc.__errno_location(), 0, 4));

/** errno of the main thread, as the last call that failed left it. Read it before anything else is called. */
export const lastErrno = (): number => errnoCell[0] as number;

/**
 * A block of C memory that grows from its start and is given back all at once. Addresses are plain numbers: a double
 * holds every user-space address exactly.
 */
export class Arena {
  readonly base: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  private top = 0;

  /** @throws {Error} if there is no memory. */
  constructor(size: number) {
    this.base = libc.malloc(size);
    if (!this.base) throw new Error("out of memory");
    this.bytes = view(this.base, size);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Everything given out so far may be used again. */
  reset(): this {
    this.top = 0;
    return this;
  }

  /** The address of `size` bytes, aligned to 16, content undefined. @throws {RangeError} when the arena is full. */
  alloc(size: number): number {
    const at = this.top;
    if (at + size > this.bytes.length) throw new RangeError("arena is full");
    this.top = (at + size + 15) & ~15;
    return this.base + at;
  }

  /** How many bytes are left. */
  get room(): number {
    return this.bytes.length - this.top;
  }

  /** The address of `text`, NUL-terminated. */
  cstring(text: ByteString): number {
    const address = this.alloc(text.length + 1);
    const at = address - this.base;
    put(text, this.bytes, at);
    this.bytes[at + text.length] = 0;
    return address;
  }

  /** The address of a NULL-terminated array of pointers to `texts`, which lie one after the other: an argv or envp. */
  vector(texts: readonly ByteString[]): number {
    const address = this.alloc(8 * (texts.length + 1));
    const words = new Uint32Array(this.bytes.buffer, address - this.base, 2 * (texts.length + 1));
    let at = this.cstring(texts.join("\0"));
    for (let i = 0; i < texts.length; i++) {
      const low = at >>> 0;
      words[2 * i] = low;
      words[2 * i + 1] = (at - low) / 2 ** 32;
      at += (texts[i] as ByteString).length + 1;
    }
    words.fill(0, 2 * texts.length);
    return address;
  }

  setPointer(address: number, value: number): void {
    this.view.setBigUint64(address - this.base, BigInt(value), true);
  }
  setU32(address: number, value: number): void {
    this.view.setUint32(address - this.base, value, true);
  }
  setU64(address: number, value: bigint): void {
    this.view.setBigUint64(address - this.base, value, true);
  }
  i32(address: number): number {
    return this.view.getInt32(address - this.base, true);
  }
  u32(address: number): number {
    return this.view.getUint32(address - this.base, true);
  }
  u64(address: number): bigint {
    return this.view.getBigUint64(address - this.base, true);
  }
  slice(address: number, length: number): Uint8Array {
    return this.bytes.subarray(address - this.base, address - this.base + length);
  }
}

/**
 * Memory for one call: every function of this layer that needs some starts by resetting it, so it must not be held
 * across another call. Room for a path of any length the kernel takes and a buffer of 64 KiB.
 */
export const scratch = new Arena(1 << 18);
