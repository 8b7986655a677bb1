// The processes a supervisor answers for, and how it learns of their ends. Each child has a pidfd in the loop, which tells of
// its end by itself: to find an ended child among all, as waitpid(-1) does, the kernel looks at each that lives (70 ns and
// more), and SIGCHLD names only the first of those that ended before it was taken. Those that were started just now have none
// yet, because many of them end at once; and where descriptors are short, some never have. They are asked for one by one, or
// looked for as by waitpid(-1) if they are many. waitpid(2), pidfd_open(2)
import { monotonic } from "../sys/clock.ts";
import { ErrnoError, ESRCH, unless } from "../sys/errno.ts";
import { close } from "../sys/files.ts";
import {
  getpid,
  hasChildren,
  isSubreaper,
  kill,
  pidfdExitStatus,
  pidfdIsAlive,
  pidfdOpen,
  pidfdSendSignal,
  reap,
} from "../sys/process.ts";
import type { Signal } from "../sys/signals.ts";
import { type Fd, instant, later, type Pid, pid, type Signo } from "../units/units.ts";
import type { Found } from "./adopt.ts";
import type { HandedHalf } from "./handover.ts";
import type { Loop } from "./loop.ts";

/** Told the wait status of a process, once; undefined where the kernel does not tell. */
export type OnEnd = (status: number | undefined) => void;

/** A process we answer for: a child, or one that another supervisor started, which a pidfd stands for. */
type Ward = { readonly onEnd: OnEnd; readonly child: boolean; pidfd: Fd | undefined };

/** The exit status of a process that is not our child is there once its parent has waited for it: asked so often, ... */
const STATUS_ATTEMPTS = 4;
/** ... at this interval, in milliseconds. After that it is taken for unknown, ... */
const STATUS_INTERVAL_MS = 5;
/** ... and asked for at longer and longer intervals, up to this one: a reaper may be slow. */
const STATUS_PATIENCE_MS = 10_000;

/** Looking for ended children is put off where it took longer than this, in milliseconds, by so many times as long ... */
const SHORT_SWEEP_MS = 0.1;
const SWEEP_PAUSE = 9;
/** ... and by so many where only strangers may be found: nobody waits for those. But by no more than this, in milliseconds. */
const STRANGER_PAUSE = 999;
const MOST_PAUSE_MS = 1000;
/** So many ended at once that it is cheaper to ask for each one there is. */
const MANY_ENDED = 16;
/** Whoever waits for something else is let in after so long, in milliseconds: an end may be followed by a start, and that by an end. */
const TURN_MS = 5;
/** A child has no pidfd before this age, in milliseconds; then so many get theirs at a time. */
const FRESH_MS = 100;
const HELD_AT_ONCE = 32;
/** To ask for one child costs as much as to pass so many in the search for one that has ended. */
const ONE_ASKED = 8;
/** So many pidfds are let go at once where descriptors are short, and so many children go without before the next is tried. */
const RELIEF = 64;

export class Wards {
  private readonly wards = new Map<Pid, Ward>();
  /** Children without a pidfd, and those among them that are to have one. */
  private readonly loose = new Set<Pid>();
  private fresh: Pid[] = [];
  private spared = 0;
  /** There may be children that nobody answers for yet, or never will; and the one that somebody may be about to. */
  private unsettled: boolean;
  private unlooked = false;
  private handed: HandedHalf["process"];
  /** Children of which nothing is known here may end. */
  private readonly strangers: boolean;
  /** All ended children are to be looked for; not before `sweepFrom`. The last time took `sweptMs` in the kernel. */
  private sweeping = false;
  private sweepFrom = instant(0);
  private sweptMs = 0;
  /** Those who are still to be asked one by one. */
  private unasked: Pid[] = [];

  /**
   * @param mayOpen runs what opens a descriptor that is kept
   * @param ours every child there is was started by this program: by the image before this one
   */
  constructor(
    private readonly loop: Loop,
    private readonly mayOpen: <Result>(act: () => Result) => Result,
    ours: boolean,
  ) {
    this.strangers = getpid() === 1 || isSubreaper() || (!ours && hasChildren());
    this.unsettled = ours;
  }

  /** Every child that there was has somebody who answers for it. */
  settled(): void {
    this.unsettled = false;
    // What ended while there was nobody to be told.
    this.unlooked = true;
    this.reapAll();
  }

  /** Runs `act`, which may answer for the child of an earlier image whose pidfd is `handed`; else that is let go. */
  taking<Result>(handed: HandedHalf["process"], act: () => Result): Result {
    this.handed = handed;
    try {
      return act();
    } finally {
      if (this.handed !== undefined) close(this.handed.pidfd);
      this.handed = undefined;
    }
  }

  /** The descriptor that will tell of the end of the process, if there is one to be had. */
  pidfdOf(process: Pid): Fd | undefined {
    const ward = this.wards.get(process);
    if (ward !== undefined && ward.pidfd === undefined && this.hold(process, ward))
      this.loose.delete(process);
    return ward?.pidfd;
  }

  /** Answers for the child `process`; `onEnd` is told when it has ended. */
  add(process: Pid, onEnd: OnEnd): void {
    const pidfd = this.handed?.pid === process ? this.handed.pidfd : undefined;
    this.wards.set(process, { onEnd, child: true, pidfd });
    if (pidfd !== undefined) {
      this.handed = undefined;
      return this.loop.watch(pidfd, () => void this.reap(process));
    }
    this.loose.add(process);
    if (this.fresh.push(process) === 1) this.holdLater(FRESH_MS);
  }

  private holdLater(ms: number): void {
    this.loop.at(later(monotonic(), ms), () => this.holdFresh());
  }

  /** One that has ended meanwhile shows at once: readable. */
  private holdFresh(): void {
    for (let held = 0; held < HELD_AT_ONCE; ) {
      const process = this.fresh.pop();
      if (process === undefined) return;
      const ward = this.wards.get(process);
      if (ward === undefined || !this.loose.has(process)) continue;
      if (this.hold(process, ward)) this.loose.delete(process);
      held++;
    }
    if (this.fresh.length > 0) this.holdLater(0);
  }

  /** @returns whether the end of `process` will show by itself */
  private hold(process: Pid, ward: Ward): boolean {
    if (this.spared > 0) {
      this.spared--;
      return false;
    }
    let pidfd: Fd | undefined;
    try {
      pidfd = this.mayOpen(() => pidfdOpen(process));
      this.loop.watch(pidfd, () => void this.reap(process));
      ward.pidfd = pidfd;
      return true;
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      if (pidfd !== undefined) close(pidfd);
      return false;
    }
  }

  /** Lets go of some descriptors. @returns whether there were any */
  relieve(): boolean {
    let found = 0;
    for (const [process, ward] of this.wards) {
      if (!ward.child || ward.pidfd === undefined) continue;
      this.release(ward);
      this.loose.add(process);
      if (++found === RELIEF) break;
    }
    this.spared = RELIEF;
    // What ended before it was let go shows no more.
    if (found > 0) this.sweepSoon();
    return found > 0;
  }

  private release(ward: Ward): void {
    if (ward.pidfd === undefined) return;
    this.loop.unwatch(ward.pidfd);
    close(ward.pidfd);
    ward.pidfd = undefined;
  }

  /**
   * Answers for a process that an earlier supervisor started, or that this one did before it was replaced. `onLate` is told the
   * wait status where the kernel tells it only after `onEnd` was told that it does not.
   */
  adopt({ pid, pidfd }: Found, onEnd: OnEnd, onLate: (status: number) => void): void {
    if (pidfd === undefined) return this.add(pid, onEnd);
    const ward = { onEnd, pidfd, child: false };
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
    const ward = this.wards.get(process);
    if (ward === undefined) return;
    this.wards.delete(process);
    this.loose.delete(process);
    this.release(ward);
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
    const { pidfd, child } = ward;
    unless([ESRCH], () =>
      child || pidfd === undefined ? kill(process, signal) : pidfdSendSignal(pidfd, signal),
    );
  }

  has(process: number): boolean {
    return this.wards.has(pid(process));
  }

  /** SIGCHLD has come, for `child`. The kernel keeps one of them until it is taken: others may have ended as well since. */
  ended(child: number): void {
    // 0 is somebody outside of the pid namespace, who only says so.
    if (child > 0 && (this.has(child) || (this.strangers && !this.unsettled))) this.reap(pid(child));
    if (this.loose.size > 0 || this.strangers) this.sweepSoon();
  }

  private sweepSoon(): void {
    if (this.sweeping) return;
    this.sweeping = true;
    const sweep = () => this.reapAll();
    if (this.sweepFrom <= monotonic()) this.loop.soon(sweep);
    else this.loop.at(this.sweepFrom, sweep);
  }

  /**
   * Takes all ended children, a few at a time if they are many: a service that ends as soon as it is started would have this
   * go on for ever where starts are slow. That is not done again before many times as long as it took.
   */
  reapAll(): void {
    this.sweeping = false;
    if (this.askEach() || this.findEnded()) {
      this.sweeping = true;
      this.loop.at(monotonic(), () => this.reapAll());
    }
  }

  /** @returns whether more are to be asked, after others have had their turn */
  private askEach(): boolean {
    const end = later(monotonic(), TURN_MS);
    for (let child = this.unasked.pop(); child !== undefined; child = this.unasked.pop()) {
      this.reap(child);
      if (monotonic() > end) break;
    }
    return this.unasked.length > 0;
  }

  /** @returns whether there are some to be asked, each by itself */
  private findEnded(): boolean {
    this.sweptMs = 0;
    // How a child ended is told once: not before there is somebody to be told.
    const many = this.loose.size * ONE_ASKED > this.wards.size;
    if (this.unsettled || !(this.strangers || this.unlooked || many)) {
      this.unasked = [...this.loose];
      return this.askEach();
    }
    for (let found = 0; this.reap(-1); )
      if (++found === MANY_ENDED) {
        this.unasked = [...this.wards.keys()];
        return true;
      }
    this.unlooked = false;
    const times = this.loose.size > 0 ? SWEEP_PAUSE : STRANGER_PAUSE;
    const pause = this.sweptMs < SHORT_SWEEP_MS ? 0 : Math.min(this.sweptMs * times, MOST_PAUSE_MS);
    this.sweepFrom = later(monotonic(), pause);
    return false;
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
    this.loose.delete(process);
    try {
      ward.onEnd(status);
    } finally {
      // Only now: the end may lead to a start. The pidfd of one who is no child is yet to be asked how it ended.
      if (ward.child) this.release(ward);
    }
  }
}
