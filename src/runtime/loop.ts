// The one loop of a supervisor: descriptors, signals and deadlines as events, one after the other, in the order they are
// found. The process sleeps in the kernel between them; the runtime's own event loop is not used, so nothing wakes it.

import { Rest } from "../engine/rest.ts";
import type { EventSignal } from "../sys/boot.ts";
import { monotonic } from "../sys/clock.ts";
import { epollAdd, epollCreate, epollRemove, epollWait } from "../sys/epoll.ts";
import { EBADF, ENOENT, unless } from "../sys/errno.ts";
import { readSignals, SIGNALS, type SignalSet, setMask, signalfd, signalSet } from "../sys/signals.ts";
import { Trickle } from "../sys/trickle.ts";
import { type Fd, type Instant, instant, later } from "../units/units.ts";
import { Deadlines } from "./deadlines.ts";

export type Handler = () => void;

/** Due deadlines taken in one turn: a thousand of them do not keep a command waiting. */
const DEADLINES_A_TURN = 8;

const NEVER = Number.POSITIVE_INFINITY;
/** epoll waits no longer, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

export class Loop {
  /**
   * Told of a descriptor that is readable and that nobody in this image watches: the image before it did.
   * @returns whether somebody does now; else it is reported no more
   */
  onUnknown: ((file: Fd) => boolean) | undefined;
  /** Told when the steps of a turn are done, before anything else happens. */
  onTurnOver: Handler = () => {};
  /** A step of many is being done. */
  inTurn = false;
  /** Another number for each handler that is called. */
  turn = 0;
  private readonly watched = new Map<Fd, Handler>();
  private readonly deadlines = new Deadlines<Handler>();
  private readonly deferred: Handler[] = [];
  private readonly rest: Rest | undefined;
  private running = true;
  private machine: Trickle | undefined;
  private asked = false;

  /**
   * @param signals what is to be taken as an event; every other signal acts as it did
   * @param mask what is blocked beside those: the mask this process was given
   * @param onSignal called once for each that arrived, in order of their numbers, with the process it came from
   * @param onError told of what a handler threw; the loop goes on
   * @param onRest called when what happened is over, as engine/rest.ts has it
   */
  constructor(
    signals: readonly EventSignal[],
    mask: SignalSet,
    onSignal: (signal: EventSignal, from: number) => void,
    private readonly onError: (error: unknown) => void,
    private readonly onRest?: Handler,
    /** An epoll instance, which goes on to report what it was told to by the image before this one. */
    readonly epoll: Fd = epollCreate(),
  ) {
    if (onRest !== undefined) this.rest = new Rest(monotonic());
    const set = signalSet(signals);
    const names = new Map(signals.map((name) => [SIGNALS[name], name]));
    setMask(mask | set);
    const pending = signalfd(set);
    this.watch(pending, () => {
      for (const { signal, from } of readSignals(pending)) {
        const name = names.get(signal);
        if (name !== undefined) this.guard(() => onSignal(name, from));
      }
    });
  }

  /** Calls `handler` whenever `file` is readable. @throws {ErrnoError} EPERM for a regular file or directory. */
  watch(file: Fd, handler: Handler): void {
    epollAdd(this.epoll, file);
    this.watched.set(file, handler);
  }

  /** To be called before `file` is closed. */
  unwatch(file: Fd): void {
    if (this.watched.delete(file)) epollRemove(this.epoll, file);
  }

  /** What may take input of pipes that are watched, without their handlers, while the loop sleeps; undefined where there is none. */
  get trickle(): Trickle | undefined {
    if (!this.asked) this.machine = Trickle.make();
    this.asked = true;
    return this.machine;
  }

  /** Calls `handler` once, at `at` or soon after. @returns what takes it back */
  at(at: Instant, handler: Handler): Handler {
    return this.deadlines.add(at, handler);
  }

  /**
   * Calls `step` until it returns false, and then `onDone`; after each `ms` milliseconds of that what has happened meanwhile comes
   * first. Begins at once. @returns what takes the rest back
   */
  inTurns(ms: number, step: () => boolean, onDone: Handler): Handler {
    let takeBack: Handler = () => {};
    const someSteps = (): boolean => {
      const until = later(monotonic(), ms);
      this.inTurn = true;
      try {
        while (step()) if (monotonic() >= until) return true;
        return false;
      } finally {
        this.inTurn = false;
        this.onTurnOver();
      }
    };
    const turn = () => {
      if (someSteps()) takeBack = this.at(monotonic(), turn);
      else onDone();
    };
    turn();
    return () => takeBack();
  }

  /** Calls `handler` before the loop sleeps again: for what need not delay the events at hand. */
  soon(handler: Handler): void {
    this.deferred.push(handler);
  }

  /** Ends `run` after the handler at hand. */
  stop(): void {
    this.running = false;
  }

  /** Takes events until `stop`. */
  run(): void {
    for (;;) {
      if (this.deferred.length > 0) this.settle();
      if (!this.running) return;
      const files = this.wait();
      let happened = files.length > 0;
      for (const file of files) {
        // A handler before it may have unwatched it.
        const handler = this.watched.get(file);
        if (handler !== undefined) this.guard(handler);
        else if (this.onUnknown !== undefined) this.guard(() => this.unknown(file));
        if (!this.running) break;
      }
      if (this.deadlines.next === undefined && this.rest === undefined) continue;
      const now = monotonic();
      for (let i = 0; i < DEADLINES_A_TURN && this.running; i++) {
        const due = this.deadlines.take(now);
        if (due === undefined) break;
        happened = true;
        this.guard(due);
      }
      if (happened) this.rest?.happened(now);
      if (this.rest?.take(now) && this.onRest !== undefined) this.guard(this.onRest);
    }
  }

  private unknown(file: Fd): void {
    if (this.onUnknown?.(file) !== true) unless([EBADF, ENOENT], () => epollRemove(this.epoll, file));
  }

  /** Does what was put off until the loop sleeps, and what that puts off. */
  settle(): void {
    for (const handler of this.deferred) this.guard(handler);
    this.deferred.length = 0;
  }

  /** Sleeps until something happens, and never less than to the next deadline. @returns what can be read */
  private wait(): Fd[] {
    const { epoll, machine } = this;
    const next = Math.min(this.deadlines.next ?? NEVER, this.rest?.due ?? NEVER);
    if (machine !== undefined) return machine.wait(epoll, next === NEVER ? undefined : instant(next));
    if (next === NEVER) return epollWait(epoll, -1);
    return epollWait(epoll, Math.min(Math.max(0, Math.ceil(next - monotonic())), LONGEST));
  }

  private guard(handler: Handler): void {
    this.turn++;
    try {
      handler();
    } catch (error) {
      this.onError(error);
    }
  }
}
