// What this process was given, and what the runtime changed of it before the first line of ours ran (Bun 1.4.5): it
// marks the descriptors from 4 up close-on-exec, ignores SIGPIPE and SIGXFSZ, and raises the soft limit of descriptors.
// A program that is started must see what the C program would have passed on.
import { type ByteString, type Fd, fd, pid } from "../units/units.ts";
import { EMFILE, ErrnoError, errnoOf } from "./errno.ts";
import {
  AT_FDCWD,
  close,
  closeOnExec,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  openat,
  readdir,
  readFile,
  readlinkat,
  setCloseOnExec,
} from "./files.ts";
import { latin1, libc, view } from "./libc.ts";
import { getrlimit, type Limit, setrlimit } from "./limits.ts";
import { getppid } from "./process.ts";
import { disposition, type SignalSet, setDisposition, signalSet } from "./signals.ts";

/**
 * The signals the runtime ignores. What they were before cannot be asked; a started program gets the default action.
 */
const IGNORED = ["SIGPIPE", "SIGXFSZ"] as const;
export const RUNTIME_IGNORES: SignalSet = signalSet(IGNORED);

/** The words of the command line, argv[0] first, byte for byte; where /proc is missing, as the runtime decoded them. */
export function commandLine(): ByteString[] {
  try {
    return readFile("/proc/self/cmdline").split("\0").slice(0, -1);
  } catch (error) {
    errnoOf(error);
    const utf8 = (text: string): ByteString => latin1(new TextEncoder().encode(text));
    return [process.argv0, ...process.argv.slice(2)].map(utf8);
  }
}

/**
 * The memory that holds the last word of the command line, without its NUL: /proc/PID/cmdline and ps(1) show what is
 * written there. proc(5) @throws {ErrnoError} where /proc is missing.
 */
export function lastArgument(): Uint8Array {
  // The second field is the name in parentheses, and may hold anything; arg_start and arg_end are the 48th and 49th.
  const stat = readFile("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const start = Number(fields[48 - 3]);
  const end = Number(fields[49 - 3]);
  const area = view(start, end - start);
  const last = area.length - 1;
  return area.subarray(area.lastIndexOf(0, last - 1) + 1, last);
}

/**
 * The descriptors above 2 that this process was given, in the order of their numbers: without the runtime's, which are its epoll
 * instance and the eventfd in it. To be called before this process opens any of its own. None without /proc.
 */
export const givenDescriptors = (): readonly Fd[] => descriptors().inherited;

/** Makes descriptors that were given survive exec again. */
export function passOn(given: readonly Fd[]): void {
  for (const file of given) setCloseOnExec(file, false);
}

/** The number from which on no descriptor survives exec: above those of `inherited` that still do. */
export function privateAbove(inherited: Iterable<Fd>): Fd {
  // The runtime leaves 3 as it was, and /proc may be missing.
  let last = fd(3);
  for (const file of inherited) if (file > last && passedOn(file)) last = file;
  return fd(last + 1);
}

function passedOn(file: Fd): boolean {
  try {
    return !closeOnExec(file);
  } catch (error) {
    errnoOf(error); // It was closed meanwhile.
    return false;
  }
}

/** What a descriptor of this process is. proc(5) */
export const targetOf = (file: Fd): ByteString => readlinkat(AT_FDCWD, `/proc/self/fd/${file}`);

/** The open descriptors above 2: those the runtime opened, and all others. */
function descriptors(): { readonly runtimes: readonly Fd[]; readonly inherited: readonly Fd[] } {
  const open: Fd[] = [];
  try {
    const directory = openat(AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY);
    for (const name of readdir(directory)) {
      const file = Number(name);
      if (file > 2 && file !== directory) open.push(fd(file));
    }
    close(directory);
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
  }
  for (const file of open) {
    if (targetOf(file) !== "anon_inode:[eventpoll]") continue;
    // One line for each descriptor in it, `tfd: NUMBER events: ...`.
    const [, watched, more] = readFile(`/proc/self/fdinfo/${file}`).split("tfd:");
    const inIt = fd(Number.parseInt(watched ?? "", 10));
    if (more !== undefined || !open.includes(inIt) || targetOf(inIt) !== "anon_inode:[eventfd]") continue;
    const runtimes = [file, inIt];
    const inherited: Fd[] = [];
    for (const one of open) if (!runtimes.includes(one)) inherited.push(one);
    return { runtimes, inherited };
  }
  return { runtimes: [], inherited: open };
}

/** How long a thread is waited for that has not its own mask in place, in milliseconds. */
const NASCENT_MS = 100;
/** mimalloc's thread, which blocks almost everything for good; Bun 1.4.5 starts it before the program begins, or after. */
const SCAVENGER = "mi-scavenger";

/**
 * Whether every thread of this process blocks all of `set`. One that blocks more than this one does is waited for: a thread
 * that has not run yet, or is just making another, has almost everything blocked, and goes over to the mask of its creator,
 * or back to its own. Of one that does not get so far the worst is taken. Without /proc it is taken to be so.
 */
export function everyThreadBlocks(set: SignalSet): boolean {
  for (let ms = 0; ; ms++) {
    const [own, ...others] = threads();
    if (own === undefined) return true;
    if (ms === NASCENT_MS || others.some(({ mask }) => (mask & set) !== set)) return false;
    if (others.every(({ mask, name }) => (mask & ~own.mask) === 0n || name === SCAVENGER)) return true;
    libc.poll(0, 0, 1);
  }
}

/** The threads of this process, the first one first: its name, and what it blocks. */
function threads(): { readonly name: string; readonly mask: SignalSet }[] {
  const unlessGone = <Result>(act: () => Result): Result | undefined => {
    try {
      return act();
    } catch (error) {
      if (error instanceof ErrnoError) return undefined;
      throw error;
    }
  };
  const tasks = unlessGone(() => openat(AT_FDCWD, "/proc/self/task", O_RDONLY | O_DIRECTORY));
  if (tasks === undefined) return [];
  const names = (unlessGone(() => readdir(tasks)) ?? []).filter((name) => !name.startsWith("."));
  close(tasks);
  return names.flatMap((thread) => {
    const status = unlessGone(() => readFile(`/proc/self/task/${thread}/status`)) ?? "";
    const blocked = /^SigBlk:\s*([0-9a-f]+)/m.exec(status)?.[1];
    const name = /^Name:\s*(.*)$/m.exec(status)?.[1] ?? "";
    return blocked === undefined ? [] : [{ name, mask: BigInt(`0x${blocked}`) }];
  });
}

/**
 * The soft limit of open descriptors that this process was most likely given: its parent's, since the runtime raises
 * our own at start. Undefined where the parent cannot be asked (another user's, or outside this pid namespace), and where
 * its hard limit is not ours: then somebody has set limits after the parent started us, and the usual way to do that
 * (`ulimit -n` in a run script) makes both the same, so what we have is what we were given.
 */
function inheritedNofile(now: Limit): bigint | undefined {
  const parent = getppid();
  if (parent <= 0) return undefined;
  try {
    const { soft, hard } = getrlimit("NOFILE", pid(parent));
    return hard === now.hard ? soft : undefined;
  } catch (error) {
    if (error instanceof ErrnoError) return undefined;
    throw error;
  }
}

/** Puts the soft limit of descriptors back to what it was before the runtime raised it. */
export function restoreNofile(): void {
  const now = getrlimit("NOFILE");
  const soft = inheritedNofile(now);
  if (soft !== undefined && soft < now.soft) setrlimit("NOFILE", { soft, hard: now.hard });
}

/**
 * Makes this process what it would be without the runtime, as far as that can be known: for one that becomes another
 * program, or waits for one, and needs no event loop. What is opened from now on has the number it would have in C.
 */
export function restoreInherited(): void {
  const { runtimes, inherited } = descriptors();
  for (const file of runtimes) close(file);
  for (const file of inherited) setCloseOnExec(file, false);
  restoreNofile();
  for (const signal of IGNORED) setDisposition(signal, "default");
  // On a terminal the runtime catches SIGINT. Most of those who ignore it ignore SIGQUIT as well: a shell does for a program
  // that it puts in the background without job control.
  if (disposition("SIGQUIT") === "ignore" && disposition("SIGINT") === "catch") {
    setDisposition("SIGINT", "ignore");
  }
}

/**
 * The limit of descriptors for a process that may hold more of them than those it starts. Between two calls the soft
 * limit is the inherited one, so that is what every child gets, and what a child of ours that asks its parent sees.
 */
export class DescriptorLimit {
  private needed = false;
  /** The inherited soft limit, once it was raised for good. */
  private low: bigint | undefined;
  /** Held back for `briefly`. */
  private spare: Fd | undefined;
  /** Lets go of descriptors that can be done without. @returns whether there were any */
  relieve: () => boolean = () => false;
  /** What is open stays so. */
  private fixed = false;

  constructor() {
    restoreNofile();
    this.holdBack();
  }

  private holdBack(): void {
    this.spare = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
  }

  /**
   * Runs `act`, which opens one descriptor and closes it again: there is always one for that.
   * @throws {unknown} what `act` throws
   */
  briefly<Result>(act: () => Result): Result {
    try {
      return this.open(act);
    } catch (error) {
      if (this.spare === undefined || errnoOf(error) !== EMFILE) throw error;
      close(this.spare);
      this.spare = undefined;
      try {
        return this.open(act);
      } finally {
        this.open(() => this.holdBack());
      }
    }
  }

  /** From now on the soft limit is as high as the hard one, except in `inherited`. */
  raise(): void {
    const { soft, hard } = getrlimit("NOFILE");
    this.low = soft;
    setrlimit("NOFILE", { soft: hard, hard });
  }

  /** Runs `act`, which starts a program, with the inherited soft limit. */
  inherited<Result>(act: () => Result): Result {
    const { low } = this;
    if (low === undefined) return act();
    const limit = getrlimit("NOFILE");
    // The hard one may have been lowered meanwhile.
    setrlimit("NOFILE", low < limit.hard ? { ...limit, soft: low } : limit);
    try {
      return act();
    } finally {
      setrlimit("NOFILE", limit);
    }
  }

  /**
   * Runs `act`, which opens descriptors, with the soft limit as high as the hard one, if it was ever found too low.
   * @throws {unknown} what `act` throws; EMFILE only when the hard limit is reached.
   */
  open<Result>(act: () => Result): Result {
    if (!this.needed) {
      try {
        return act();
      } catch (error) {
        if (errnoOf(error) !== EMFILE) throw error;
        this.needed = true;
      }
    }
    // Asked each time: it can be changed from outside, by prlimit(1).
    const limit = getrlimit("NOFILE");
    setrlimit("NOFILE", { soft: limit.hard, hard: limit.hard });
    try {
      return this.withRelief(act);
    } finally {
      setrlimit("NOFILE", limit);
    }
  }

  /**
   * Runs `act`, in which no descriptor is let go for another, and which leaves `room` that may be opened afterwards.
   * @throws {ErrnoError} EMFILE: there is no such room @throws {unknown} what `act` throws
   */
  withRoom<Result>(room: number, act: () => Result): Result {
    const held: Fd[] = [];
    try {
      while (held.length < room) this.open(() => held.push(openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY)));
      this.fixed = true;
      return act();
    } finally {
      this.fixed = false;
      for (const file of held) close(file);
    }
  }

  private withRelief<Result>(act: () => Result): Result {
    for (;;) {
      try {
        return act();
      } catch (error) {
        if (errnoOf(error) !== EMFILE || this.fixed || !this.relieve()) throw error;
      }
    }
  }
}
