// What every supervised service of one process shares: the loop, the one place children are started, and the way to say
// something.

import type { Now } from "../engine/service-state.ts";
import { type Queue, takePlace } from "../engine/start-budget.ts";
import { type Asks, CLASSIC } from "../formats/service-files.ts";
import { MOST_CGROUP, type Origin } from "../formats/service-record.ts";
import { EVENT_SIGNALS, type EventSignal, inheritedMask } from "../sys/boot.ts";
import { monotonic, wallTime } from "../sys/clock.ts";
import { type Environment, environment, getenv } from "../sys/environment.ts";
import { ENOSYS, ErrnoError, ESRCH, errnoOf, resultOf, unless } from "../sys/errno.ts";
import { close } from "../sys/files.ts";
import {
  commandLine,
  DescriptorLimit,
  everyThreadBlocks,
  givenDescriptors,
  passOn,
  privateAbove,
  RUNTIME_IGNORES,
} from "../sys/inherited.ts";
import {
  type FileAction,
  getpgrp,
  getpid,
  getsid,
  killGroup,
  Spawner,
  type StartOptions,
  TAG_COUNT,
  tagChildren,
} from "../sys/process.ts";
import { type Signal, type SignalSet, setDisposition, signalSet } from "../sys/signals.ts";
import { receivesAt } from "../sys/socket.ts";
import { type ByteString, type Fd, type Instant, later, type Pid, type Signo } from "../units/units.ts";
import { bootId, type Found } from "./adopt.ts";
import { ownCgroup } from "./cgroups.ts";
import { Footprint } from "./footprint.ts";
import { becomeAnew, executablePath, type HandedHalf, type HandedOn, Handover } from "./handover.ts";
import { Loop } from "./loop.ts";
import { type OnEnd, Wards } from "./wards.ts";
import { WriteWatch } from "./write-watch.ts";

/** What a started program may lead. */
export type Leads = "group" | "session";

/** So many descriptors are given up at once where they are short. */
const SPARED_AT_ONCE = 64;

export class World {
  readonly loop: Loop;
  /** What an image before this one handed on. */
  readonly handover: Handover | undefined;
  /** The signals that a started program finds blocked, but for SIGCHLD. */
  private readonly mask: SignalSet;
  private readonly argv: readonly ByteString[];
  /** The descriptors that every program that is started gets. */
  private readonly given: readonly Fd[];
  /** Handed on, and not claimed yet. */
  private socket: Fd | undefined;
  /** The name of this executable. */
  readonly executable: ByteString;
  /** Guards the opening of descriptors that this process keeps. */
  readonly descriptors: DescriptorLimit;
  readonly footprint = new Footprint();
  /** Tells who wrote to which file. */
  readonly writes: WriteWatch;
  /** Children that are to end with this image. */
  private readonly mortals = new Set<Pid>();
  /** What is left to do of the last start, of which nobody has been told yet. */
  private unfinished: (() => void) | undefined;
  private readonly spawner: Spawner;
  /** The same for programs that lead a process group or a session; made when the first is asked for. */
  private readonly makeLeaders: (kind: Leads) => Spawner;
  private readonly leaders = new Map<Leads, Spawner>();
  /** Where the cgroups of services are made, or why they are not; asked when the first is asked for. */
  private cgroups: { readonly directory?: ByteString; readonly problem?: ByteString } | undefined;
  private readonly wards: Wards;
  /** Of every child, but for a tag of its own. */
  private readonly origin: Origin = { supervisor: getpid(), session: getsid(), group: getpgrp(), tag: 0 };
  /** What the scan directory asks for services that do not ask otherwise. */
  scanAsks: Asks = CLASSIC;
  /** The queue of services that are to be started after an early end. */
  private queue: Queue;
  /** Those that can do without a descriptor where they are short. */
  readonly sparing = new Set<{ readonly spare: () => boolean }>();
  /** Those that can do without their directories' meanwhile: open it again when it is needed. */
  readonly lending = new Set<{ readonly inUse: boolean; readonly lend: () => boolean }>();
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
    // Else what is done here would be compiled: two threads, and a millisecond in all.
    this.footprint.compileSeldom();
    this.argv = commandLine();
    this.executable = executablePath(this.argv[0] ?? "", getenv("PATH"));
    this.handover = Handover.receive();
    this.given = this.handover?.given ?? givenDescriptors();
    passOn(this.given);
    this.mask = this.handover?.mask ?? inheritedMask;
    // A thread that the runtime started before boot.ts could block its signals would take them from us, and has them
    // unblocked for ever: a new image begins with them blocked.
    if (this.handover === undefined && !everyThreadBlocks(signalSet(EVENT_SIGNALS)))
      try {
        this.becomeAnew();
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
      (signal, from) => (signal === "SIGCHLD" ? this.wards.ended(from) : onSignal(signal)),
      (error) =>
        report(`tend: warning: unexpected: ${error instanceof Error ? error.message : String(error)}`),
      () => this.rest(),
      this.handover?.handed.epoll,
    );
    this.wards = new Wards(this.loop, (act) => this.descriptors.open(act), this.handover?.started === true);
    this.loop.onTurnOver = () => this.finishStart();
    this.descriptors.relieve = () => this.relieve();
    this.writes = new WriteWatch(this.loop, this.handover?.handed.writes);
    const mask = this.mask & ~signalSet(["SIGCHLD"]);
    const privateFrom = privateAbove(this.given);
    const attributes = { mask, defaults: RUNTIME_IGNORES, privateFrom };
    this.spawner = new Spawner(attributes, env);
    this.makeLeaders = (kind) =>
      this.descriptors.open(
        () =>
          new Spawner({ ...attributes, processGroup: kind === "group", session: kind === "session" }, env),
      );
  }

  private rest(): void {
    const again = this.footprint.rest();
    if (again !== undefined) this.loop.at(later(monotonic(), again), () => this.rest());
  }

  /**
   * Becomes a new image of this program, which may be another version of it; returns only by throwing.
   * @param handed what must not be let go meanwhile; undefined: the new image has to begin from the start
   * @throws {ErrnoError} as execve; nothing has changed then
   */
  becomeAnew(handed?: Omit<HandedOn, "writes" | "epoll">): never {
    for (const child of this.mortals) this.killLed(child);
    const all = handed && { ...handed, writes: this.writes.held, epoll: this.loop.epoll };
    return becomeAnew(this.executable, this.argv, this.mask, this.given, all);
  }

  /** @returns whether a descriptor became free */
  private relieve(): boolean {
    // It has the use of those that it was given.
    this.finishStart();
    return this.spareSome() || this.wards.relieve() || this.lendSome();
  }

  /** As relieve. */
  private spareSome(): boolean {
    let spared = 0;
    for (const one of this.sparing) {
      this.sparing.delete(one);
      if (one.spare() && ++spared === SPARED_AT_ONCE) break;
    }
    return spared > 0;
  }

  /** As spareSome. What a caller of ours may be using stays. */
  private lendSome(): boolean {
    let lent = 0;
    for (const one of this.lending) {
      if (one.inUse) continue;
      this.lending.delete(one);
      if (one.lend() && ++lent === SPARED_AT_ONCE) break;
    }
    return lent > 0;
  }

  /** Everything that an earlier image handed on is somebody's. */
  settled(): void {
    this.wards.settled();
  }

  /** The process, with what tells of its end, for a new image; undefined where nothing will tell. */
  handOn(process: Pid): HandedHalf["process"] {
    const pidfd = this.wards.pidfdOf(process);
    return pidfd === undefined ? undefined : { pid: process, pidfd };
  }

  /** Runs `act`, which begins with what an earlier image has handed on. What of `half` it does not claim is let go. */
  taking<Result>(half: HandedHalf | undefined, act: () => Result): Result {
    if (half === undefined) return act();
    this.socket = half.socket;
    try {
      return this.wards.taking(half.process, act);
    } finally {
      if (this.socket !== undefined) close(this.socket);
      this.socket = undefined;
    }
  }

  /** The socket handed on, if it receives at the abstract address `name`: what waits in it is not lost. */
  claimSocket(name: ByteString): Fd | undefined {
    const { socket } = this;
    if (socket === undefined || receivesAt(socket) !== name) return undefined;
    this.socket = undefined;
    return socket;
  }

  /**
   * Starts a program. `onEnd` is called when it has ended. `leads`: what it leads.
   * @throws {ErrnoError} as Spawner.spawn
   */
  spawn(
    path: ByteString,
    argv: readonly ByteString[],
    actions: readonly FileAction[],
    onEnd: OnEnd,
    { leads, ...options }: StartOptions & { readonly leads?: Leads | undefined } = {},
  ): Pid {
    this.finishStart();
    const spawner = this.leading(leads);
    const child = this.descriptors.inherited(() => spawner.spawn(path, argv, actions, options));
    this.answerFor(child, onEnd, options);
    return child;
  }

  /**
   * As spawn, but where many programs are started one after the other the next one is prepared while this one begins. `then` is told
   * what came of it, before anything else happens.
   */
  start(
    path: ByteString,
    argv: readonly ByteString[],
    actions: readonly FileAction[],
    onEnd: OnEnd,
    options: StartOptions & { readonly leads?: Leads | undefined },
    then: (outcome: Pid | ErrnoError) => void,
  ): void {
    this.finishStart();
    const { leads, ...rest } = options;
    const finish = this.loop.inTurn
      ? this.descriptors.inherited(() => this.leading(leads).begin(path, argv, actions, rest))
      : undefined;
    if (finish === undefined) return then(resultOf(() => this.spawn(path, argv, actions, onEnd, options)));
    this.unfinished = () => {
      const outcome = resultOf(finish);
      if (!(outcome instanceof ErrnoError)) this.answerFor(outcome, onEnd, rest);
      then(outcome);
    };
  }

  /** Waits until the last program that was started runs, and tells so. */
  finishStart(): void {
    const { unfinished } = this;
    this.unfinished = undefined;
    unfinished?.();
  }

  private answerFor(child: Pid, onEnd: OnEnd, { diesWithUs }: StartOptions): void {
    if (diesWithUs === true) this.mortals.add(child);
    this.wards.add(child, (status) => {
      this.mortals.delete(child);
      onEnd(status);
    });
    this.footprint.started();
  }

  private leading(kind: Leads | undefined): Spawner {
    if (kind === undefined) return this.spawner;
    const spawner = this.leaders.get(kind) ?? this.makeLeaders(kind);
    this.leaders.set(kind, spawner);
    return spawner;
  }

  /**
   * The directory of the cgroup of a service whose directory is called so; undefined where there can be none, which is said
   * once for all services.
   */
  cgroupPath(identity: string): ByteString | undefined {
    this.cgroups ??= this.findCgroups();
    const { directory } = this.cgroups;
    const path = `${directory}/tend-${identity.replaceAll(":", "-")}`;
    return directory === undefined || path.length > MOST_CGROUP ? undefined : path;
  }

  /** There can be no cgroups, as it turned out. */
  withoutCgroups(problem: ByteString): void {
    if (this.cgroups?.problem === undefined)
      this.report(`supervise: warning: unable to use cgroups, using process groups: ${problem}`);
    this.cgroups = { problem };
  }

  private findCgroups(): NonNullable<World["cgroups"]> {
    try {
      if (!this.spawner.tells) throw new ErrnoError(ENOSYS, "clone3");
      return { directory: this.descriptors.briefly(ownCgroup) };
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      this.withoutCgroups(error.text);
      return this.cgroups ?? {};
    }
  }

  /** As Wards.adopt. */
  adopt(found: Found, onEnd: OnEnd, onLate: (status: number) => void = () => {}): void {
    this.wards.adopt(found, onEnd, onLate);
  }

  /** Answers for it no more: nothing was done with it, and another attempt will adopt it. */
  disown(process: Pid): void {
    this.wards.disown(process);
  }

  /** Signals a process we answer for, and no other that may have got its number. */
  kill(process: Pid, signal: Signal | Signo): void {
    this.wards.kill(process, signal);
  }

  /** Kills a process that we answer for with the process group that it leads; one of an earlier version leads none. */
  killLed(process: Pid): void {
    // Its number is nobody else's while it is ours to wait for.
    if (this.has(process)) unless([ESRCH], () => killGroup(process, "SIGKILL"));
    this.kill(process, "SIGKILL");
  }

  /** Whether `process` is one we answer for. */
  has = (process: number): boolean => this.wards.has(process);

  /**
   * Of the next process that is started. It has a tag of its own where the kernel does not tell its pid, and there are tags to
   * be had; where it does, a started program finds everything as it would from the C supervise.
   */
  nextOrigin(): Origin {
    if (this.spawner.tells) return this.origin;
    const tag = 1 + Math.floor(Math.random() * TAG_COUNT);
    return { ...this.origin, tag: tagChildren(tag) ? tag : 0 };
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
}
