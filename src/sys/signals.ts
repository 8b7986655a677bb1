// Signals as events: blocked in every thread, and read from a descriptor. signalfd(2). No handler ever runs, so no call is
// cut short. The runtime starts threads (JIT, garbage collection) when it finds work for them, and each inherits the mask of
// the main thread: signals must be blocked before that, see boot.ts.
import { type Fd, fd, type Signo, signo } from "../units/units.ts";
import { check, EAGAIN, EINTR, failure } from "./errno.ts";
import { libc, scratch } from "./libc.ts";

/** Numbers on Linux, the same on every architecture Bun runs on. signal(7) */
export const SIGNALS = {
  SIGHUP: signo(1),
  SIGINT: signo(2),
  SIGQUIT: signo(3),
  SIGABRT: signo(6),
  SIGKILL: signo(9),
  SIGUSR1: signo(10),
  SIGUSR2: signo(12),
  SIGPIPE: signo(13),
  SIGALRM: signo(14),
  SIGTERM: signo(15),
  SIGCHLD: signo(17),
  SIGCONT: signo(18),
  SIGSTOP: signo(19),
  SIGXFSZ: signo(25),
} as const;
export type Signal = keyof typeof SIGNALS;

const SIG_BLOCK = 0;
export const SIG_SETMASK = 2;
const SFD_NONBLOCK = 0o4000;
const SFD_CLOEXEC = 0o2000000;
/** sizeof(sigset_t) in glibc and musl; the kernel reads the first 8 bytes. */
export const SIGSET_SIZE = 128;
/** What the kernel is told of that. */
const KERNEL_SIGSET_SIZE = 8;
const SIGINFO_SIZE = 128;
const SSI_PID = 12;

/** A set of signals: bit N-1 is signal N. */
export type SignalSet = bigint;

export function signalSet(signals: readonly Signal[]): SignalSet {
  let set = 0n;
  for (const name of signals) set |= 1n << BigInt(SIGNALS[name] - 1);
  return set;
}

/** Writes `set` as a sigset_t into `memory` at `address`. */
export function putSignalSet(memory: typeof scratch, address: number, set: SignalSet): void {
  memory.slice(address, SIGSET_SIZE).fill(0);
  memory.view.setBigUint64(address - memory.base, set, true);
}

/** Blocks `set` in this thread as well, and in every thread it starts from now on. @returns the set that was blocked before. @throws {ErrnoError} */
export function block(set: SignalSet): SignalSet {
  scratch.reset();
  const more = scratch.alloc(SIGSET_SIZE);
  const before = scratch.alloc(SIGSET_SIZE);
  putSignalSet(scratch, more, set);
  check(libc.rt_sigprocmask(SIG_BLOCK, more, before, KERNEL_SIGSET_SIZE), "sigprocmask");
  return scratch.u64(before);
}

/** Makes `set` the set of blocked signals. @throws {ErrnoError} */
export function setMask(set: SignalSet): void {
  const mask = scratch.reset().alloc(SIGSET_SIZE);
  putSignalSet(scratch, mask, set);
  check(libc.rt_sigprocmask(SIG_SETMASK, mask, 0, KERNEL_SIGSET_SIZE), "sigprocmask");
}

const SIG_DFL = 0;
const SIG_IGN = 1;

/** Gives the signal its default action, or ignores it. sigaction(2). @throws {ErrnoError} */
export function setDisposition(signal: Signal, disposition: "default" | "ignore"): void {
  // The kernel's struct sigaction begins with the handler; 0 in the rest is an empty mask and no flags.
  const action = scratch.reset().alloc(256);
  scratch.slice(action, 256).fill(0);
  scratch.setPointer(action, disposition === "default" ? SIG_DFL : SIG_IGN);
  check(libc.rt_sigaction(SIGNALS[signal], action, 0, KERNEL_SIGSET_SIZE), "sigaction");
}

/** What this process does about the signal. sigaction(2). @throws {ErrnoError} */
export function disposition(signal: Signal): "default" | "ignore" | "catch" {
  const action = scratch.reset().alloc(256);
  check(libc.rt_sigaction(SIGNALS[signal], 0, action, KERNEL_SIGSET_SIZE), "sigaction");
  const handler = scratch.u64(action);
  return handler === BigInt(SIG_DFL) ? "default" : handler === BigInt(SIG_IGN) ? "ignore" : "catch";
}

/** A descriptor that is readable while a signal of `set` is pending. Non-blocking. @throws {ErrnoError} */
export function signalfd(set: SignalSet): Fd {
  const mask = scratch.reset().alloc(SIGSET_SIZE);
  putSignalSet(scratch, mask, set);
  return fd(check(libc.signalfd(-1, mask, SFD_NONBLOCK | SFD_CLOEXEC), "signalfd"));
}

/** A signal that came, and from which process: with SIGCHLD the child. */
export type Received = { readonly signal: Signo; readonly from: number };

/** Takes the pending signals off a signalfd, at most 16 of them. @throws {ErrnoError} */
export function readSignals(file: Fd): Received[] {
  const buffer = scratch.reset().alloc(16 * SIGINFO_SIZE);
  const got = libc.read(file, buffer, 16 * SIGINFO_SIZE);
  if (got === -1) {
    const error = failure("read");
    if (error.errno === EAGAIN || error.errno === EINTR) return [];
    throw error;
  }
  const taken: Received[] = [];
  for (let at = buffer; at < buffer + got; at += SIGINFO_SIZE)
    taken.push({ signal: signo(scratch.u32(at)), from: scratch.u32(at + SSI_PID) });
  return taken;
}
