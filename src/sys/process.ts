// Processes: started, replaced, waited for, signalled. posix_spawn(3), execve(2), waitpid(2), kill(2), pidfd_open(2)
import {
  type ByteString,
  type Errno,
  errno,
  type Fd,
  fd,
  type Pid,
  pid,
  type Signo,
} from "../units/units.ts";
import { BaseEnvironment, type Environment, vectorSize } from "./environment.ts";
import { check, ECHILD, EINTR, EINVAL, ENOSYS, EPERM, ErrnoError, ESRCH, failure } from "./errno.ts";
import { AT_FDCWD, close, duplicate, O_CLOEXEC, O_DIRECTORY, O_PATH, openat, readableNow } from "./files.ts";
import { Arena, lastErrno, libc, scratch, view } from "./libc.ts";
import { putSignalSet, SIG_SETMASK, SIGNALS, SIGSET_SIZE, type Signal, type SignalSet } from "./signals.ts";
import { MOST_CALLS, SYS, type SystemCall, Vfork } from "./vfork.ts";

/** What the new process does before it becomes the program, in this order. */
export type FileAction =
  /** Makes `directory` the working directory. */
  | { readonly do: "fchdir"; readonly directory: Fd }
  /** Makes `to` the same open file as `from`, not close-on-exec. */
  | { readonly do: "dup2"; readonly from: Fd; readonly to: Fd }
  /** Opens `path`, relative to the working directory of that moment, as descriptor `to`. */
  | {
      readonly do: "open";
      readonly to: Fd;
      readonly path: ByteString;
      readonly flags: number;
      readonly mode?: number;
    }
  | { readonly do: "close"; readonly file: Fd };

/** What every process started by one `Spawner` has in common. */
export type SpawnAttributes = {
  /** Signals blocked in the new process. */
  readonly mask: SignalSet;
  /** Signals given their default action. Those ignored here and not named stay ignored; caught ones never do. */
  readonly defaults: SignalSet;
  /** The new process leads a session of its own: setsid(2). */
  readonly session?: boolean;
  /** The new process leads a process group of its own: setpgid(2). */
  readonly processGroup?: boolean;
  /**
   * No descriptor from this number up is for a started program: all are close-on-exec. Where it is given, a start does not
   * cost more the more are open; see vfork.ts.
   */
  readonly privateFrom?: Fd;
};

const POSIX_SPAWN_SETPGROUP = 0x02;
const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const POSIX_SPAWN_SETSID = 0x80;
/**
 * The two signals that glibc keeps for its threads, 32 and 33. posix_spawn leaves them ignored in the new process, where
 * fork and execve do not (__spawni_child, glibc 2.36), unless they are among those to be given the default action.
 */
const LIBC_SIGNALS: SignalSet = 0b11n << 31n;
/** At least sizeof(posix_spawnattr_t) and sizeof(posix_spawn_file_actions_t): 336 and 80 in glibc and musl. */
const ATTRIBUTES_SIZE = 512;
const ACTIONS_SIZE = 128;

/** Bytes for the arguments of one start; more are lent, and never given back, for one that has more. */
const SPAWN_MEMORY = 1 << 16;

/** What stands in the place of a pid that the kernel does not tell; see StartOptions. */
export const UNTOLD = 0xffffffff;

/** What one start has beside what all of its `Spawner` have. */
export type StartOptions = {
  /**
   * The address of 4 bytes, 0 in them: the kernel stores the pid there before the process makes its first step, even if
   * this one is killed meanwhile. UNTOLD is stored before a way is taken on which it does not.
   */
  readonly tell?: number | undefined;
  /** Variables in the place of those of the same name: each `NAME=VALUE`, or a `NAME` that is to go. */
  readonly variables?: readonly ByteString[];
  /** The variable of that name has the new process's pid for its value; it is not there where that cannot be. */
  readonly pidVariable?: ByteString;
  /** It is killed when this process ends, if that can be had. PR_SET_PDEATHSIG in prctl(2) */
  readonly diesWithUs?: boolean;
  /** It begins in that cgroup, which is open here, or not at all: the call that failed is clone3 then. */
  readonly cgroup?: Fd | undefined;
};

/** A pid takes up to 7 digits; what readlink of /proc/self writes is not terminated. */
const PID_ROOM = 15;

/** Starts programs. Holds the memory that C sees, so it is made once and used again. */
export class Spawner {
  private readonly attributes: number;
  private readonly memory = new Arena(SPAWN_MEMORY);
  private readonly actions: number;
  private readonly pidCell: number;
  private readonly lasting: Arena;
  private lean: LeanStart | undefined;
  /** `env`, once a start has changed something in it. */
  private base: BaseEnvironment | undefined;

  constructor(
    attributes: SpawnAttributes,
    private readonly env: Environment,
  ) {
    this.lasting = new Arena(ATTRIBUTES_SIZE + ACTIONS_SIZE + 2 * SIGSET_SIZE + 64);
    this.attributes = this.lasting.alloc(ATTRIBUTES_SIZE);
    this.actions = this.lasting.alloc(ACTIONS_SIZE);
    this.pidCell = this.lasting.alloc(8);
    const set = this.lasting.alloc(SIGSET_SIZE);
    libc.posix_spawnattr_init(this.attributes);
    putSignalSet(this.lasting, set, attributes.defaults | LIBC_SIGNALS);
    libc.posix_spawnattr_setsigdefault(this.attributes, set);
    putSignalSet(this.lasting, set, attributes.mask);
    libc.posix_spawnattr_setsigmask(this.attributes, set);
    let flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    if (attributes.session) flags |= POSIX_SPAWN_SETSID;
    if (attributes.processGroup) {
      flags |= POSIX_SPAWN_SETPGROUP;
      libc.posix_spawnattr_setpgroup(this.attributes, 0);
    }
    libc.posix_spawnattr_setflags(this.attributes, flags);
    this.lean = LeanStart.make(attributes);
  }

  /** Whether `tell` of `spawn` is told by the kernel, as far as is known. */
  get tells(): boolean {
    return this.lean !== undefined;
  }

  /**
   * Starts `path` with `argv`; the new process runs that program when this returns. As posix_spawn(3), which it is where
   * there is nothing better.
   * @throws {ErrnoError} what exec says of `path` (ENOENT, EACCES, ENOEXEC, ...) or what an action failed with;
   *   EAGAIN or ENOMEM if there can be no further process now.
   */
  spawn(
    path: ByteString,
    argv: readonly ByteString[],
    actions: readonly FileAction[],
    options: StartOptions = {},
  ): Pid {
    const start = this.prepare(path, argv, options);
    return this.outcome(this.lean?.spawn(start, actions), start, actions);
  }

  /**
   * As spawn, but the new process may not run the program yet when this returns, and has the use of what is open here: nothing that
   * the actions name may be closed, and nothing else be started by this Spawner, before what this returns was called.
   * @returns what waits until the program runs, and returns or throws as spawn; undefined if it has to be spawn: nothing was
   *   done then
   */
  begin(
    path: ByteString,
    argv: readonly ByteString[],
    actions: readonly FileAction[],
    options: StartOptions = {},
  ): (() => Pid) | undefined {
    if (this.lean === undefined) return undefined;
    const start = this.prepare(path, argv, options);
    const finish = this.lean.begin(start, actions);
    return finish && (() => this.outcome(finish(), start, actions));
  }

  private prepare(path: ByteString, argv: readonly ByteString[], options: StartOptions): Start {
    const { tell = 0, variables = [], pidVariable, diesWithUs = false, cgroup } = options;
    const changes =
      pidVariable === undefined ? variables : [...variables, `${pidVariable}=${"\0".repeat(PID_ROOM)}`];
    const changing = changes.length > 0;
    if (changing) this.base ??= new BaseEnvironment(this.env);
    const size = path.length + vectorSize(argv) + (changing ? (this.base?.size(changes) ?? 0) : 0);
    // Room for the actions beside it: paths of the suite's own, short.
    const memory = size < SPAWN_MEMORY / 2 ? this.memory.reset() : new Arena(size + SPAWN_MEMORY / 2);
    const name = memory.cstring(path);
    const args = memory.vector(argv);
    const changed = changing ? this.base?.with(changes, memory) : undefined;
    const pidAt = changed?.at.at(-1);
    const pidText = pidVariable === undefined || pidAt === undefined ? 0 : pidAt + pidVariable.length + 1;
    const env = changed?.env ?? this.env;
    return { path, name, args, env, pidText, memory, tell, diesWithUs, cgroup, variables, pidVariable };
  }

  /** What spawn returns or throws, `started` being what came of the lean way. */
  private outcome(started: Lean | undefined, start: Start, actions: readonly FileAction[]): Pid {
    const { path, name, args, tell, cgroup } = start;
    if (started instanceof ErrnoError)
      throw new ErrnoError(started.errno, cgroup === undefined ? "posix_spawn" : started.call, path);
    if (started === "never") this.lean = undefined;
    else if (started !== undefined) return started;
    if (cgroup !== undefined) throw new ErrnoError(ENOSYS, "clone3", path);
    if (tell !== 0) new DataView(view(tell, 4).buffer).setUint32(0, UNTOLD, true);
    libc.posix_spawn_file_actions_init(this.actions);
    try {
      for (const action of actions) this.add(start.memory, action);
      const env = this.withoutPid(start);
      const code = libc.posix_spawn(this.pidCell, name, this.actions, this.attributes, args, env);
      if (code !== 0) throw new ErrnoError(errno(code), "posix_spawn", path);
    } finally {
      libc.posix_spawn_file_actions_destroy(this.actions);
    }
    return pid(this.lasting.i32(this.pidCell));
  }

  /** The environment of a start, without the variable that would have the pid. */
  private withoutPid({ env, pidVariable, variables, memory }: Start): Environment {
    if (pidVariable === undefined) return env;
    return this.base?.with([...variables, pidVariable], memory).env ?? env;
  }

  private add(memory: Arena, action: FileAction): void {
    let code: number;
    switch (action.do) {
      case "fchdir":
        code = libc.posix_spawn_file_actions_addfchdir_np(this.actions, action.directory);
        break;
      case "dup2":
        code = libc.posix_spawn_file_actions_adddup2(this.actions, action.from, action.to);
        break;
      case "open":
        code = libc.posix_spawn_file_actions_addopen(
          this.actions,
          action.to,
          memory.cstring(action.path),
          action.flags,
          action.mode ?? 0,
        );
        break;
      case "close":
        code = libc.posix_spawn_file_actions_addclose(this.actions, action.file);
        break;
    }
    if (code !== 0) throw new ErrnoError(errno(code), "posix_spawn_file_actions");
  }
}

/** One start. What is put into memory is an address; 0 for nothing. */
type Start = {
  readonly path: ByteString;
  readonly name: number;
  readonly args: number;
  readonly env: Environment;
  /** Where the digits of the new process's pid go. */
  readonly pidText: number;
  /** There is room in it. */
  readonly memory: Arena;
  readonly tell: number;
  readonly diesWithUs: boolean;
  readonly cgroup: Fd | undefined;
  readonly variables: readonly ByteString[];
  readonly pidVariable: ByteString | undefined;
};

/** What comes of a lean start: undefined if these actions need posix_spawn, "never" if everything does; an error if it failed. */
type Lean = Pid | ErrnoError | "never" | undefined;

/** The calls of one start: the first of them, how many stand before the unsharing of descriptors, and how many slots they use. */
type Plan = {
  readonly from: number;
  readonly calls: readonly SystemCall[];
  readonly shared: number;
  readonly taken: number;
};

const CLOSE_RANGE_UNSHARE = 2;
const F_SETFD = 2;
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
/** Descriptors under the private ones through which a child reaches some of those. */
const SLOTS = 2;

/** Starts programs by vfork.ts: what SpawnAttributes and FileActions say, as system calls. */
class LeanStart {
  /** Where the calls that are always made begin, after those of the actions. */
  private readonly tail: number;
  private readonly always: SystemCall[] = [];

  private constructor(
    private readonly vfork: Vfork,
    { mask, defaults, session, processGroup }: SpawnAttributes,
    /** Any open file, to lie in the slots while they are not used. */
    private readonly nothing: Fd,
    private readonly slots: readonly Fd[],
  ) {
    // The kernel's struct sigaction of 32 bytes: the default action, no flags, an empty mask.
    const memory = new Arena(64);
    const byDefault = memory.alloc(32);
    memory.slice(byDefault, 32).fill(0);
    const set = memory.alloc(8);
    memory.view.setBigUint64(set - memory.base, mask, true);
    if (session) this.always.push([SYS.setsid]);
    if (processGroup) this.always.push([SYS.setpgid, 0, 0]);
    for (let number = 1; number <= 64; number++)
      if ((defaults >> BigInt(number - 1)) & 1n)
        this.always.push([SYS.rt_sigaction, number, byDefault, 0, 8]);
    this.always.push([SYS.rt_sigprocmask, SIG_SETMASK, set, 0, 8]);
    this.tail = MOST_CALLS - this.always.length - 1;
    this.putAlways();
  }

  static make(attributes: SpawnAttributes): LeanStart | undefined {
    const { privateFrom } = attributes;
    const vfork = privateFrom === undefined ? undefined : Vfork.make();
    if (privateFrom === undefined || vfork === undefined) return undefined;
    const held: Fd[] = [];
    const hold = (file: Fd): Fd => {
      held.push(file);
      return file;
    };
    try {
      const nothing = hold(openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY));
      const slots = Array.from({ length: SLOTS }, () => hold(duplicate(nothing, privateFrom)));
      return new LeanStart(vfork, attributes, nothing, slots);
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      // Descriptors were inherited whose numbers the limit does not reach (EINVAL), or none is left (EMFILE).
      for (const file of held) close(file);
      return undefined;
    }
  }

  private putAlways(): void {
    for (const [i, call] of this.always.entries()) this.vfork.put(this.tail + i, call);
  }

  spawn(start: Start, actions: readonly FileAction[]): Lean {
    const plan = this.plan(start, actions);
    if (plan === undefined) return undefined;
    return this.outcome(this.vfork.run(plan.from, start.tell, start.cgroup), plan, start);
  }

  /** As spawn, but waits for nothing. @returns what waits and tells what came of it; undefined if nothing was done */
  begin(start: Start, actions: readonly FileAction[]): (() => Lean) | undefined {
    const { vfork } = this;
    const plan = this.plan(start, actions);
    if (plan === undefined) return undefined;
    const child = vfork.begin(plan.from, start.tell, start.cgroup);
    if (child < 0) return undefined;
    return () => {
      vfork.join();
      return this.outcome(child, plan, start);
    };
  }

  /** Puts down what the child is to do; undefined if it takes more than this can. */
  private plan(
    { name, args, env, pidText, diesWithUs, memory }: Start,
    actions: readonly FileAction[],
  ): Plan | undefined {
    const { vfork, slots, tail } = this;
    const hole = Math.max(...slots) + 1;
    const before: SystemCall[] = [];
    const after: SystemCall[] = [];
    let taken = 0;
    /** The number of `file` in the child's own table. */
    const reach = (file: Fd): number => {
      const slot = slots[taken];
      if (file < hole || slot === undefined) return file;
      taken++;
      before.push([SYS.dup3, file, slot, O_CLOEXEC]);
      return slot;
    };
    for (const action of actions) {
      switch (action.do) {
        case "fchdir":
          if (before.length === 0 && after.length === 0) before.push([SYS.fchdir, action.directory]);
          else after.push([SYS.fchdir, reach(action.directory)]);
          break;
        case "dup2": {
          if (action.from === action.to) return undefined;
          const from = reach(action.from);
          // It may be there already, but to be closed by exec.
          after.push(from === action.to ? [SYS.fcntl, from, F_SETFD, 0] : [SYS.dup3, from, action.to, 0]);
          break;
        }
        case "open":
          // The lowest free number is the right one only while all below are open, as the runtime sees to.
          if (action.to > 2) return undefined;
          after.push([SYS.close, action.to]);
          after.push([SYS.openat, AT_FDCWD, memory.cstring(action.path), action.flags, action.mode ?? 0]);
          break;
        default:
          return undefined;
      }
    }
    if (pidText !== 0)
      after.push([SYS.readlinkat, AT_FDCWD, memory.cstring("/proc/self"), pidText, PID_ROOM - 1]);
    if (diesWithUs) after.push([SYS.prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0]);
    if (before.length + 1 + after.length > tail) return undefined;
    const unshare: SystemCall = [SYS.close_range, hole, 2 ** 32 - 1, CLOSE_RANGE_UNSHARE];
    const calls = [...before, unshare, ...after];
    const from = tail - calls.length;
    calls.forEach((call, i) => void vfork.put(from + i, call));
    vfork.put(MOST_CALLS - 1, [SYS.execve, name, args, env]);
    return { from, calls, shared: before.length, taken };
  }

  /** What came of `child`, which is no longer busy with its calls; the error number where there was none. */
  private outcome(child: number, { from, calls, shared, taken }: Plan, { cgroup }: Start): Lean {
    for (const slot of this.slots.slice(0, taken)) libc.dup3(this.nothing, slot, O_CLOEXEC);
    if (child < 0) {
      // A kernel before 5.5, or a filter of system calls.
      if (cgroup === undefined && (child === -ENOSYS || child === -EINVAL || child === -EPERM))
        return "never";
      return new ErrnoError(errno(-child), "clone3");
    }
    const failed = this.vfork.failure(from);
    if (failed === undefined) return pid(child);
    waitFor(pid(child));
    this.putAlways();
    if (failed.at === from + shared) return "never";
    return calls[failed.at - from]?.[0] === SYS.close
      ? undefined
      : new ErrnoError(errno(failed.errno), "exec");
  }
}

/** What a program is run with: `argv` as C sees it, made once, so that trying several paths costs one call each. */
export class Arguments {
  private readonly argv: number;
  /** Bound here: the call itself may come at a moment when there is no memory, or no thread to be had. */
  private readonly execve = libc.execve;

  constructor(argv: readonly ByteString[]) {
    this.argv = new Arena(vectorSize(argv)).vector(argv);
  }

  /**
   * What becomes the program `path` when it is called, while nothing else needs `scratch`; it returns only if that fails, the
   * error number. It takes no memory then. execve(2)
   */
  becoming(path: ByteString, env: Environment): () => Errno {
    const name = scratch.reset().cstring(path);
    return () => {
      this.execve(name, this.argv, env);
      return errno(lastErrno());
    };
  }
}

/** Becomes the program `path`; returns only by throwing. execve(2). @throws {ErrnoError} */
export function execve(path: ByteString, argv: readonly ByteString[], env: Environment): never {
  throw new ErrnoError(new Arguments(argv).becoming(path, env)(), "execve", path);
}

const WNOHANG = 1;

/** A child that ended: its pid, and its wait status as the kernel encodes it (formats/wait-status.ts reads it). */
export type Reaped = { readonly pid: Pid; readonly status: number };

/** Takes one ended child, `of` or any of them, without waiting; undefined if there is none now. waitpid(2) */
export function reap(of: Pid | -1 = -1): Reaped | undefined {
  return wait(of, WNOHANG);
}

/** Waits until the child `of` has ended. waitpid(2). @throws {ErrnoError} ECHILD if there is no such child. */
export function waitFor(of: Pid): Reaped {
  const reaped = wait(of, 0);
  if (reaped === undefined) throw new ErrnoError(ECHILD, "waitpid");
  return reaped;
}

function wait(of: number, options: number): Reaped | undefined {
  const status = scratch.reset().alloc(8);
  for (;;) {
    const result = libc.waitpid(of, status, options);
    if (result > 0) return { pid: pid(result), status: scratch.i32(status) };
    if (result === 0) return undefined;
    const error = failure("waitpid");
    if (error.errno === ECHILD) return undefined;
    if (error.errno !== EINTR) throw error;
  }
}

const P_ALL = 0;
const WEXITED = 4;
const WNOWAIT = 0x1000000;

/** Whether there is any child, ended or not. waitid(2) */
export const hasChildren = (): boolean => libc.waitid(P_ALL, 0, 0, WEXITED | WNOHANG | WNOWAIT) !== -1;

const PR_GET_CHILD_SUBREAPER = 37;

/** Whether orphans below this process become its children, though it is not process 1. prctl(2) */
export function isSubreaper(): boolean {
  const answer = scratch.reset().alloc(8);
  return libc.prctl(PR_GET_CHILD_SUBREAPER, answer, 0, 0, 0) === 0 && scratch.i32(answer) !== 0;
}

/**
 * Sends `signal` to the process `to`. kill(2). Only for a child that has not been waited for: its number cannot have
 * been given to another process. @throws {ErrnoError} ESRCH, EPERM
 */
export const kill = (to: Pid, signal: Signal | Signo): void =>
  void check(libc.kill(to, numberOf(signal)), "kill");

/** Sends `signal` to every process of the group. kill(2). @throws {ErrnoError} ESRCH if it has none, EPERM */
export const killGroup = (group: number, signal: Signal | Signo): void =>
  void check(libc.kill(-group, numberOf(signal)), "kill");

/** Whether a process of the group is there, if only as a zombie. */
export const groupExists = (group: number): boolean =>
  libc.kill(-group, 0) !== -1 || failure("kill").errno !== ESRCH;

const numberOf = (signal: Signal | Signo): number => (typeof signal === "number" ? signal : SIGNALS[signal]);

// The numbers of these calls are the same on every architecture.
const SYS_pidfd_send_signal = 424;
const SYS_pidfd_open = 434;

/** A descriptor for the process `of`, readable when it has ended. Close-on-exec. @throws {ErrnoError} ESRCH, EMFILE */
export const pidfdOpen = (of: Pid): Fd =>
  fd(check(libc.syscall(SYS_pidfd_open, of, 0, 0, 0, 0, 0), "pidfd_open"));

/** Sends `signal` to the very process `pidfd` was opened for. @throws {ErrnoError} ESRCH if it has ended. */
export const pidfdSendSignal = (pidfd: Fd, signal: Signal | Signo): void =>
  void check(libc.syscall(SYS_pidfd_send_signal, pidfd, numberOf(signal), 0, 0, 0, 0), "pidfd_send_signal");

/** Whether the process of a pidfd has not ended. */
export const pidfdIsAlive = (pidfd: Fd): boolean => !readableNow(pidfd);

const PIDFD_GET_INFO = 0xc040ff0b; // _IOWR(0xff, 11, 64 bytes)
const PIDFD_INFO_EXIT = 1n << 3n;
const PIDFD_INFO_SIZE = 64;

/**
 * The wait status of the process of a pidfd that polls readable, where the kernel tells it: Linux 6.15, once its parent has
 * waited for it. Undefined otherwise. ioctl_pidfd(2)
 */
export function pidfdExitStatus(pidfd: Fd): number | undefined {
  const info = scratch.reset().alloc(PIDFD_INFO_SIZE);
  scratch.slice(info, PIDFD_INFO_SIZE).fill(0);
  scratch.view.setBigUint64(info - scratch.base, PIDFD_INFO_EXIT, true);
  if (libc.ioctl(pidfd, PIDFD_GET_INFO, info) === -1) return undefined;
  if ((scratch.u64(info) & PIDFD_INFO_EXIT) === 0n) return undefined;
  return scratch.i32(info + PIDFD_INFO_SIZE - 4);
}

export const getpid = (): Pid => pid(libc.getpid());
/** The parent's pid; 0 if it is in an outer pid namespace. */
export const getppid = (): number => libc.getppid();
/** The session of this process; 0 if its leader is in an outer pid namespace. getsid(2) */
export const getsid = (): number => libc.getsid(0);
/** The process group of this process. getpgrp(2) */
export const getpgrp = (): number => libc.getpgid(0);
/** Leads a new session. setsid(2). @throws {ErrnoError} EPERM if this process leads a process group already. */
export const setsid = (): void => void check(libc.setsid(), "setsid");
/** Leads a new process group. setpgid(2). @throws {ErrnoError} */
export const setpgid = (): void => void check(libc.setpgid(0, 0), "setpgid");

/** Ends this process at once, with nothing of the runtime's run. _exit(2) */
export function exit(code: number): never {
  libc._exit(code);
  throw new Error("_exit returned");
}

/** Sends `signal` to every process there is but this one and pid 1. kill(2) @throws {ErrnoError} ESRCH if there is none. */
export const killAll = (signal: Signal): void => void check(libc.kill(-1, SIGNALS[signal]), "kill");

const PR_SET_NAME = 15;

/** The name that ps(1) and pgrep(1) show, of which 15 bytes count: for a program that was not run by its name. */
export const setName = (name: ByteString): void => void prctl(PR_SET_NAME, scratch.reset().cstring(name));

/** prctl(2) with one argument. @throws {ErrnoError} */
export const prctl = (option: number, argument: number): number =>
  check(libc.prctl(option, argument, 0, 0, 0), "prctl");

const PR_SET_TIMERSLACK = 29;
const PR_GET_TIMERSLACK = 30;
/** Tags are the low 12 bits of a timer slack: at most 4 of the 50 microseconds that are usual. */
const TAGS = 4096;

/**
 * Gives every process that is started from now on the mark `tag`, 1 to 4095, which its own children inherit and nothing else
 * changes: the low bits of the nanoseconds by which the kernel may defer its timers. PR_SET_TIMERSLACK in prctl(2)
 * @returns false where there is no slack to be marked (0 in real time scheduling)
 */
export function tagChildren(tag: number): boolean {
  const slack = prctl(PR_GET_TIMERSLACK, 0);
  if (slack < TAGS) return false;
  prctl(PR_SET_TIMERSLACK, slack - (slack % TAGS) + tag);
  return true;
}

/** The tag in a timer slack, as /proc/PID/timerslack_ns tells it (to those with CAP_SYS_NICE); undefined if it has none. */
export const tagIn = (slack: number): number | undefined => (slack < TAGS ? undefined : slack % TAGS);

/** How many different tags there are, counted from 1. */
export const TAG_COUNT = TAGS - 1;
