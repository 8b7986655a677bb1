// A new process whose first system calls are ours to choose. posix_spawn(3) does almost all a supervisor needs, but its
// child copies this process's whole table of descriptors and closes the copy again at exec: with 5000 of them open that is
// 0.55 ms of a start of 0.65 ms. Here the child shares the table (CLONE_FILES), and the first thing it does is to take a
// table of its own without the part that is nobody's business: close_range(2) with CLOSE_RANGE_UNSHARE. That costs the
// same whatever is open. A started program takes 0.1 ms, one of 500 bytes.
//
// No function of the C library forks so, and a child that shares its parent's memory cannot run JavaScript. So this module
// brings 101 bytes of machine code, which know nothing but "clone3, and in the child make these calls one after the other".
// When the child has become the program, the kernel wakes this process, which on the same processor takes the place of the program
// before that has executed an instruction, and keeps it until it sleeps again: 0.2 ms of a restart of 1.0. So the program
// is let run first (sched_yield), unless others want the processor too: they would come first as well, for 3 ms each.
//
// On a machine it has none for, or where the kernel (before 5.9) or a seccomp filter refuses, there is posix_spawn.
import { type Instant, instant, later } from "../units/units.ts";
import { monotonic } from "./clock.ts";
import { Arena, codeAt, libc } from "./libc.ts";
import { executable } from "./machine-code.ts";

/**
 * `long vfork_and_call(struct clone_args *args, size_t size, struct call *calls)` for x86-64. In the parent it returns what
 * clone3 returned, after a sched_yield if the byte behind the 88 of `args` is not 0. A call is eight words of 8 bytes: its number and six arguments, one unused. The child makes them in order,
 * until one fails: that one's number is replaced by the negative error number, and the child exits with code 127.
 * It touches no stack, so it needs none of its own.
 */
const X86_64 = [
  ...[0x49, 0x89, 0xd1], //             mov  r9, rdx          ; calls (clone3 keeps all but rax, rcx, r11)
  ...[0xb8, 0xb3, 0x01, 0x00, 0x00], // mov  eax, 435         ; clone3
  ...[0x0f, 0x05], //                   syscall
  ...[0x48, 0x85, 0xc0], //             test rax, rax
  ...[0x74, 0x14], //                   jz   child
  ...[0x80, 0x7f, 0x58, 0x00], //       cmp  byte ptr [rdi+88], 0 ; may it run first?
  ...[0x74, 0x0d], //                   je   done
  ...[0x49, 0x89, 0xc0], //             mov  r8, rax
  ...[0xb8, 0x18, 0x00, 0x00, 0x00], // mov  eax, 24          ; sched_yield
  ...[0x0f, 0x05], //                   syscall
  ...[0x4c, 0x89, 0xc0], //             mov  rax, r8
  ...[0xc3], //                   done: ret
  ...[0x4d, 0x89, 0xcc], //      child: mov  r12, r9          ; the child never returns: r12 is free
  ...[0x49, 0x8b, 0x04, 0x24], // next: mov  rax, [r12]
  ...[0x49, 0x8b, 0x7c, 0x24, 0x08], // mov  rdi, [r12+8]
  ...[0x49, 0x8b, 0x74, 0x24, 0x10], // mov  rsi, [r12+16]
  ...[0x49, 0x8b, 0x54, 0x24, 0x18], // mov  rdx, [r12+24]
  ...[0x4d, 0x8b, 0x54, 0x24, 0x20], // mov  r10, [r12+32]
  ...[0x4d, 0x8b, 0x44, 0x24, 0x28], // mov  r8,  [r12+40]
  ...[0x4d, 0x8b, 0x4c, 0x24, 0x30], // mov  r9,  [r12+48]
  ...[0x0f, 0x05], //                   syscall
  ...[0x48, 0x85, 0xc0], //             test rax, rax
  ...[0x78, 0x06], //                   js   failed
  ...[0x49, 0x83, 0xc4, 0x40], //       add  r12, 64
  ...[0xeb, 0xd1], //                   jmp  next
  ...[0x49, 0x89, 0x04, 0x24], // failed: mov [r12], rax
  ...[0xbf, 0x7f, 0x00, 0x00, 0x00], // mov  edi, 127
  ...[0xb8, 0x3c, 0x00, 0x00, 0x00], // mov  eax, 60          ; exit
  ...[0x0f, 0x05], //                   syscall
];

/** Numbers of the calls a child may make. */
export const SYS = {
  close: 3,
  rt_sigaction: 13,
  rt_sigprocmask: 14,
  execve: 59,
  fcntl: 72,
  fchdir: 81,
  setpgid: 109,
  setsid: 112,
  prctl: 157,
  openat: 257,
  readlinkat: 267,
  dup3: 292,
  close_range: 436,
} as const;

const CLONE_VM = 0x100;
const CLONE_FILES = 0x400;
const CLONE_VFORK = 0x4000;
const CLONE_PARENT_SETTID = 0x100000;
/** At `child_tid` the kernel stores 0 once the child no longer shares our memory, and wakes who waits for that. */
const CLONE_CHILD_CLEARTID = 0x200000;
/** The same number on every architecture there is code for. */
const SYS_FUTEX = 202;
const FUTEX_WAIT = 0;
/** Handlers become the default action at once: none of the runtime's ever runs in the child. */
const CLONE_CLEAR_SIGHAND_HIGH = 1;
const SIGCHLD = 17;
/** The child begins in a cgroup that is open here. Linux 5.7 */
const CLONE_INTO_CGROUP_HIGH = 2;
// CLONE_ARGS_SIZE_VER0: flags 8, pidfd 8, child_tid 8, parent_tid 8, exit_signal 8, stack 8, stack_size 8, tls 8; and _VER2:
// set_tid 8, set_tid_size 8, cgroup 8.
const CLONE_ARGS_SIZE = 64;
const CLONE_ARGS_SIZE_CGROUP = 88;

/** After clone_args: 1 if the new program is to run first; and 1 as long as a child shares our memory. */
const YIELD_AT = 88;
const SHARING_AT = 92;
const ARGS_SIZE = 96;

const CALL_WORDS = 16;
/** The most calls a child makes. */
export const MOST_CALLS = 32;

/** A system call: its number, and up to six arguments. */
export type SystemCall = readonly [number: number, ...args: number[]];

/** A start that takes longer than this, in milliseconds, is one among others who want the processor, or has to wait for a disk. */
const CONTENDED_MS = 1;
/** For so long after the first of those no program is let run first, in milliseconds; ... */
const FIRST_PAUSE_MS = 10;
/** ... for so many times as long after each that follows, ... */
const PAUSE_TIMES = 4;
/** ... but no longer than this. */
const MOST_PAUSE_MS = 60_000;

/**
 * Whether a program that was started is let run first. Where others want the processor too, that costs a start 3 ms and more;
 * so it is tried, and where it takes long tried less and less often.
 */
export class Precedence {
  private until: Instant = instant(0);
  private pauseMs = 0;

  /** Whether the next program may run first, at `now`. */
  allowed(now: Instant): boolean {
    return now >= this.until;
  }

  /** One ran first: from `from` to `to` it was started, and had the processor. */
  had(from: Instant, to: Instant): void {
    if (to - from <= CONTENDED_MS) {
      this.pauseMs = Math.floor(this.pauseMs / PAUSE_TIMES);
      return;
    }
    this.pauseMs = Math.min(Math.max(this.pauseMs * PAUSE_TIMES, FIRST_PAUSE_MS), MOST_PAUSE_MS);
    this.until = later(to, this.pauseMs);
  }
}

/** The calls that a child is to make, in memory, and the code that makes them. */
export class Vfork {
  private readonly args: number;
  private readonly table: number;
  private readonly words: Uint32Array;
  private readonly memory: Arena;
  private readonly precedence = new Precedence();

  private constructor(private readonly start: (args: number, size: number, calls: number) => number) {
    const memory = new Arena(ARGS_SIZE + MOST_CALLS * CALL_WORDS * 4 + 64);
    this.memory = memory;
    this.args = memory.alloc(ARGS_SIZE);
    this.table = memory.alloc(MOST_CALLS * CALL_WORDS * 4);
    memory.slice(this.args, ARGS_SIZE).fill(0);
    memory.setPointer(this.args + 16, this.args + SHARING_AT);
    memory.setU32(this.args + 32, SIGCHLD);
    this.words = new Uint32Array(
      memory.bytes.buffer,
      memory.bytes.byteOffset + (this.table - memory.base),
      MOST_CALLS * CALL_WORDS,
    );
  }

  /** Undefined where there is no code for this processor, or memory may not be made executable. */
  static make(): Vfork | undefined {
    const code = executable(X86_64);
    return code === undefined ? undefined : new Vfork(codeAt(code));
  }

  /** Makes `call` the child's call number `at`, 0 to 31. Arguments not named are whatever was there. */
  put(at: number, call: SystemCall): void {
    const { words } = this;
    for (let i = 0, word = at * CALL_WORDS; i < call.length; i++) {
      const value = call[i] as number;
      // Storing takes it modulo 2^32.
      words[word++] = value;
      words[word++] = value >= 0 && value < 2 ** 32 ? 0 : Math.floor(value / 2 ** 32);
    }
  }

  /**
   * Starts a process that makes the calls from number `from` on, the last of which must not return if it succeeds.
   * @param tell where the kernel stores its pid, 4 bytes, before it makes the first; 0 for nowhere
   * @param cgroup an open cgroup that it begins in; 0 for that of this process
   * @returns its pid once it has become another program or failed; the negative error number where there is no process
   */
  run(from: number, tell = 0, cgroup = 0): number {
    const before = monotonic();
    const first = this.precedence.allowed(before);
    this.memory.setU32(this.args + YIELD_AT, first ? 1 : 0);
    const child = this.clone(CLONE_VFORK, from, tell, cgroup);
    if (first) this.precedence.had(before, monotonic());
    return child;
  }

  /**
   * As run, but this process goes on at once. The child uses our memory and our descriptors: what is the calls' own, and nothing else,
   * must stay as it is until `join`, which is to be called before anything else is done here.
   * @returns the pid of the process; the negative error number where there is none, and `join` is not to be called
   */
  begin(from: number, tell = 0, cgroup = 0): number {
    this.memory.setU32(this.args + YIELD_AT, 0);
    this.memory.setU32(this.args + SHARING_AT, 1);
    return this.clone(CLONE_CHILD_CLEARTID, from, tell, cgroup);
  }

  /** Waits until what `begin` started has become another program or failed. */
  join(): void {
    const sharing = this.args + SHARING_AT;
    while (this.memory.u32(sharing) !== 0) libc.syscall(SYS_FUTEX, sharing, FUTEX_WAIT, 1, 0, 0, 0);
  }

  private clone(flags: number, from: number, tell: number, cgroup: number): number {
    const { memory, args } = this;
    memory.setU32(args, CLONE_VM | CLONE_FILES | flags | (tell === 0 ? 0 : CLONE_PARENT_SETTID));
    memory.setU32(args + 4, CLONE_CLEAR_SIGHAND_HIGH | (cgroup === 0 ? 0 : CLONE_INTO_CGROUP_HIGH));
    memory.setPointer(args + 24, tell);
    memory.setU32(args + 80, cgroup);
    const size = cgroup === 0 ? CLONE_ARGS_SIZE : CLONE_ARGS_SIZE_CGROUP;
    return this.start(args, size, this.table + from * CALL_WORDS * 4);
  }

  /** Which call from `from` on failed in the child that ran last, and its error number; undefined if none did. */
  failure(from: number): { readonly at: number; readonly errno: number } | undefined {
    for (let at = from; at < MOST_CALLS; at++) {
      const low = this.words[at * CALL_WORDS] as number;
      if (low >= 2 ** 31) return { at, errno: 2 ** 32 - low };
    }
    return undefined;
  }
}
