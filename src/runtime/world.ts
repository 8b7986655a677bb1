// What every supervised service of one process shares: the loop, the one place children are started and reaped, and the
// way to say something.

import type { Now } from "../engine/service-state.ts";
import { type Queue, takePlace } from "../engine/start-budget.ts";
import { type Asks, CLASSIC } from "../formats/service-files.ts";
import type { Origin } from "../formats/service-record.ts";
import { EVENT_SIGNALS, type EventSignal, inheritedMask } from "../sys/boot.ts";
import { monotonic, wallTime } from "../sys/clock.ts";
import { type Environment, environment, getenv } from "../sys/environment.ts";
import { ESRCH, errnoOf, unless } from "../sys/errno.ts";
import { close } from "../sys/files.ts";
import {
  commandLine,
  DescriptorLimit,
  everyThreadBlocks,
  passOnDescriptors,
  privateAbove,
  RUNTIME_IGNORES,
} from "../sys/inherited.ts";
import {
  type FileAction,
  getpgrp,
  getpid,
  getsid,
  kill,
  pidfdExitStatus,
  pidfdIsAlive,
  pidfdSendSignal,
  reap,
  Spawner,
  type StartOptions,
  TAG_COUNT,
  tagChildren,
} from "../sys/process.ts";
import { type Signal, type SignalSet, setDisposition, signalSet } from "../sys/signals.ts";
import {
  type ByteString,
  type Fd,
  type Instant,
  instant,
  later,
  type Pid,
  pid,
  type Signo,
} from "../units/units.ts";
import { bootId, type Found } from "./adopt.ts";
import { Footprint } from "./footprint.ts";
import { becomeAnew, executablePath, Handover } from "./handover.ts";
import { Loop } from "./loop.ts";

/** Told the wait status of a process, once; undefined where the kernel does not tell. */
export type OnEnd = (status: number | undefined) => void;

/** A process we answer for: a child, or one that another supervisor started, which a pidfd stands for. */
type Ward = { readonly onEnd: OnEnd; readonly pidfd?: Fd };

/** The exit status of a process that is not our child is there once its parent has waited for it: asked so often, ... */
const STATUS_ATTEMPTS = 4;
/** ... at this interval, in milliseconds. After that it is taken for unknown, ... */
const STATUS_INTERVAL_MS = 5;
/** ... and asked for at longer and longer intervals, up to this one: a reaper may be slow. */
const STATUS_PATIENCE_MS = 10_000;

/** Looking for ended children is put off where it took longer than this, in milliseconds, by so many times as long. */
const SHORT_SWEEP_MS = 0.1;
const SWEEP_PAUSE = 9;
/** So many ended at once that it is cheaper to ask for each one there is. */
const MANY_ENDED = 16;

export class World {
  readonly loop: Loop;
  /** What an image before this one handed on. */
  readonly handover: Handover | undefined;
  /** The signals that a started program finds blocked, but for SIGCHLD. */
  private readonly mask: SignalSet;
  private readonly argv: readonly ByteString[];
  /** The name of this executable. */
  readonly executable: ByteString;
  /** Guards the opening of descriptors that this process keeps. */
  readonly descriptors: DescriptorLimit;
  readonly footprint = new Footprint();
  private readonly spawner: Spawner;
  /** The same for programs that lead a process group; made when the first is asked for. */
  private readonly makeLeaders: () => Spawner;
  private leaders: Spawner | undefined;
  private readonly wards = new Map<Pid, Ward>();
  /** All ended children are to be looked for; not before `sweepFrom`. The last time took `sweptMs` in the kernel. */
  private sweeping = false;
  private sweepFrom = instant(0);
  private sweptMs = 0;
  /** The session and the process group that every child begins in. */
  private readonly session = getsid();
  private readonly group = getpgrp();
  /** What the scan directory asks for services that do not ask otherwise. */
  scanAsks: Asks = CLASSIC;
  /** The queue of services that are to be started after an early end. */
  private queue: Queue;
  /** The boot of the machine, 16 bytes; zeros where it is not told. */
  readonly boot: Uint8Array = bootId() ?? new Uint8Array(16);

  /**
   * Takes over what this process inherited: nothing that it opens later reaches a child, and everything it was given
   * does. Construct before opening any descriptor.
   * @param signals what is taken as an event beside SIGCHLD
   * @param report says something to the administrator; must not block or throw
   * @param env what a started program gets
   */
  constructor(
    signals: readonly EventSignal[],
    onSignal: (signal: EventSignal) => void,
    readonly report: (line: ByteString) => void,
    env: Environment = environment(),
  ) {
    this.argv = commandLine();
    this.executable = executablePath(this.argv[0] ?? "", getenv("PATH"));
    const inherited = passOnDescriptors();
    this.handover = Handover.receive(inherited);
    this.mask = this.handover?.mask ?? inheritedMask;
    // A thread that the runtime started before boot.ts could block its signals would take them from us, and has them
    // unblocked for ever: a new image begins with them blocked.
    if (this.handover === undefined && !everyThreadBlocks(signalSet(EVENT_SIGNALS)))
      try {
        this.becomeAnew([], false);
      } catch (error) {
        // Not to be executed again: the signals that such a thread takes are missed, the rest is done.
        errnoOf(error);
      }
    this.descriptors = new DescriptorLimit();
    // Ignored, it would make the kernel throw exit statuses away.
    setDisposition("SIGCHLD", "default");
    this.loop = new Loop(
      ["SIGCHLD", ...signals],
      this.mask,
      (signal, from) => (signal === "SIGCHLD" ? this.childEnded(from) : onSignal(signal)),
      (error) =>
        report(`tend: warning: unexpected: ${error instanceof Error ? error.message : String(error)}`),
      () => this.footprint.rest(),
    );
    const mask = this.mask & ~signalSet(["SIGCHLD"]);
    const privateFrom = privateAbove(inherited.keys());
    const attributes = { mask, defaults: RUNTIME_IGNORES, privateFrom };
    this.spawner = new Spawner(attributes, env);
    this.makeLeaders = () =>
      this.descriptors.open(() => new Spawner({ ...attributes, processGroup: true }, env));
  }

  /**
   * Becomes a new image of this program, which may be another version of it; returns only by throwing.
   * @param held the descriptors of what must not be let go meanwhile
   * @param started the new image has nothing more to begin with
   * @throws {ErrnoError} as execve; nothing has changed then
   */
  becomeAnew(held: readonly Fd[], started: boolean): never {
    return becomeAnew(this.executable, this.argv, held, this.mask, started);
  }

  /** The directories of an earlier image are taken: what it handed on and nobody wanted is let go. */
  settled(): void {
    this.handover?.finish();
    // What ended while there was nobody to be told.
    this.reapAll();
  }

  /**
   * Starts a program. `onEnd` is called when it has ended. `leads`: it leads a process group of its own.
   * @throws {ErrnoError} as Spawner.spawn
   */
  spawn(
    path: ByteString,
    argv: readonly ByteString[],
    actions: readonly FileAction[],
    onEnd: OnEnd,
    { leads = false, ...options }: StartOptions & { readonly leads?: boolean } = {},
  ): Pid {
    if (leads) this.leaders ??= this.makeLeaders();
    const spawner = leads && this.leaders !== undefined ? this.leaders : this.spawner;
    const child = this.descriptors.inherited(() => spawner.spawn(path, argv, actions, options));
    this.wards.set(child, { onEnd });
    this.footprint.started();
    return child;
  }

  /**
   * Answers for a process that an earlier supervisor started, or that this one did before it was replaced. `onLate` is told the
   * wait status where the kernel tells it only after `onEnd` was told that it does not.
   */
  adopt({ pid, pidfd }: Found, onEnd: OnEnd, onLate: (status: number) => void = () => {}): void {
    if (pidfd === undefined) {
      this.wards.set(pid, { onEnd });
      return;
    }
    const ward = { onEnd, pidfd };
    this.wards.set(pid, ward);
    this.loop.watch(pidfd, () => {
      // An event that was under way for another descriptor of this number says nothing of this process.
      if (pidfdIsAlive(pidfd)) return;
      this.loop.unwatch(pidfd);
      this.endAdopted(pid, ward, STATUS_ATTEMPTS, onLate);
    });
  }

  /** Answers for it no more: nothing was done with it, and another attempt will adopt it. */
  disown(process: Pid): void {
    const pidfd = this.wards.get(process)?.pidfd;
    this.wards.delete(process);
    if (pidfd === undefined) return;
    this.loop.unwatch(pidfd);
    close(pidfd);
  }

  private endAdopted(
    process: Pid,
    ward: Ward & { readonly pidfd: Fd },
    attempts: number,
    onLate: (status: number) => void,
  ): void {
    const { pidfd } = ward;
    const status = pidfdExitStatus(pidfd);
    if (status === undefined && attempts > 1) {
      const again = later(monotonic(), STATUS_INTERVAL_MS);
      this.loop.at(again, () => this.endAdopted(process, ward, attempts - 1, onLate));
      return;
    }
    if (status === undefined) this.awaitStatus(pidfd, 2 * STATUS_INTERVAL_MS, onLate);
    else close(pidfd);
    // Unless it became our child meanwhile and was waited for: the number may be another one's.
    if (this.wards.get(process) === ward) this.end(process, status);
  }

  private awaitStatus(pidfd: Fd, intervalMs: number, onLate: (status: number) => void): void {
    this.loop.at(later(monotonic(), intervalMs), () => {
      const status = pidfdExitStatus(pidfd);
      if (status === undefined && intervalMs < STATUS_PATIENCE_MS)
        return this.awaitStatus(pidfd, 2 * intervalMs, onLate);
      close(pidfd);
      if (status !== undefined) onLate(status);
    });
  }

  /** Signals a process we answer for, and no other that may have got its number. */
  kill(process: Pid, signal: Signal | Signo): void {
    const ward = this.wards.get(process);
    if (ward === undefined) return;
    const { pidfd } = ward;
    unless([ESRCH], () => (pidfd === undefined ? kill(process, signal) : pidfdSendSignal(pidfd, signal)));
  }

  /** Whether `process` is one we answer for. */
  has = (process: number): boolean => this.wards.has(pid(process));

  /**
   * Of the next process that is started. It has a tag of its own where the kernel does not tell its pid, and there are tags to
   * be had; where it does, a started program finds everything as it would from the C supervise.
   */
  nextOrigin(): Origin {
    const tag = this.spawner.tells ? 0 : 1 + Math.floor(Math.random() * TAG_COUNT);
    return {
      supervisor: getpid(),
      session: this.session,
      group: this.group,
      tag: tag !== 0 && tagChildren(tag) ? tag : 0,
    };
  }

  /** When a service that ended early may be started, at so many a second. */
  placeInQueue(perSecond: number): Instant {
    const { place, queue } = takePlace(this.queue, monotonic(), perSecond);
    this.queue = queue;
    return place;
  }

  now(): Now {
    return { at: monotonic(), stamp: wallTime() };
  }

  /** The kernel keeps one SIGCHLD until it is taken: others may have ended as well since. */
  private childEnded(child: number): void {
    // 0 is somebody outside of the pid namespace, who only says so.
    if (child > 0) this.reap(pid(child));
    if (this.sweeping) return;
    this.sweeping = true;
    const sweep = () => this.reapAll();
    if (this.sweepFrom <= monotonic()) this.loop.soon(sweep);
    else this.loop.at(this.sweepFrom, sweep);
  }

  /**
   * Takes all ended children. To find one the kernel looks at each that lives (70 ns): that is not done again before nine
   * times as long as it took.
   */
  private reapAll(): void {
    this.sweeping = false;
    this.sweptMs = 0;
    let found = 0;
    while (this.reap(-1)) {
      if (++found % MANY_ENDED === 0) for (const child of [...this.wards.keys()]) this.reap(child);
    }
    const pause = this.sweptMs < SHORT_SWEEP_MS ? 0 : this.sweptMs * SWEEP_PAUSE;
    this.sweepFrom = later(monotonic(), pause);
  }

  /** Takes `child`, or any, if it has ended. */
  private reap(child: Pid | -1): boolean {
    const before = monotonic();
    const ended = reap(child);
    this.sweptMs += monotonic() - before;
    if (ended !== undefined) this.end(ended.pid, ended.status);
    return ended !== undefined;
  }

  private end(process: Pid, status: number | undefined): void {
    const ward = this.wards.get(process);
    // Somebody else's child: taken in by this process as process 1 or as a subreaper.
    if (ward === undefined) return;
    this.wards.delete(process);
    ward.onEnd(status);
  }
}
