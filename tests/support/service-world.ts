// One service's supervisor in a world of virtual time: its process can be signalled, ends when it likes, and can sometimes
// not be started. Every step is checked. For random walks, and for the simulation of very many of them.

import type { ControlStep } from "../../src/engine/control-scripts.ts";
import { readinessDeadlines } from "../../src/engine/readiness.ts";
import { initial } from "../../src/engine/resuming.ts";
import {
  deadlineOf,
  type Effect,
  type Event,
  type Now,
  type State,
  statusOf,
  type Up,
} from "../../src/engine/service-state.ts";
import { type Queue, takePlace } from "../../src/engine/start-budget.ts";
import { step } from "../../src/engine/supervise.ts";
import { CONTROL_LETTERS, type Command, type ControlLetter } from "../../src/formats/control.ts";
import type { Notification } from "../../src/formats/sd-notify.ts";
import { type Asks, CLASSIC } from "../../src/formats/service-files.ts";
import type { Status } from "../../src/formats/status.ts";
import { exhaustive, type Instant, instant, type Pid, pid, signo } from "../../src/units/units.ts";

/** How the next start ends. */
export type Health = "starts" | "no-process" | "no-program";

/** What the service directory asks for: nothing of ours, or a finish that ends when it likes, is killed at last, or fails. */
export const DIRECTORIES = {
  classic: CLASSIC,
  modern: { ...CLASSIC, modern: true },
  finish: { ...CLASSIC, modern: true, finish: true },
  patient: { ...CLASSIC, modern: true, finish: true, timeoutFinishMs: 0 },
  deadly: { ...CLASSIC, modern: true, timeoutKillMs: 2000, downSignal: signo(1) },
  group: { ...CLASSIC, modern: true, group: true },
  control: { ...CLASSIC, modern: true, control: true, timeoutKillMs: 2000 },
  session: { ...CLASSIC, modern: true, session: true },
  cgroup: { ...CLASSIC, modern: true, cgroup: true },
  "deadly cgroup": { ...CLASSIC, modern: true, cgroup: true, finish: true, timeoutKillMs: 2000 },
  "deadly group": { ...CLASSIC, modern: true, group: true, finish: true, timeoutKillMs: 2000 },
  backoff: {
    ...{ ...CLASSIC, modern: true },
    backoff: { firstMs: 2000, mostMs: 20_000, stableMs: 4000 },
  },
  limited: {
    ...{ ...CLASSIC, modern: true, finish: true },
    backoff: { firstMs: 1500, mostMs: 6000, stableMs: 4000 },
    startLimit: { starts: 3, withinMs: 10_000, retryMs: 30_000 },
  },
  "given up": { ...CLASSIC, modern: true, startLimit: { starts: 2, withinMs: 5000, retryMs: undefined } },
  "on failure": { ...CLASSIC, modern: true, restart: { after: "on-failure", codes: [1], signals: [] } },
  never: { ...CLASSIC, modern: true, restart: { after: "never", codes: [], signals: [] } },
  "never again": {
    ...{ ...CLASSIC, modern: true, finish: true, group: true },
    restart: { after: "never", codes: [], signals: [] },
  },
  queued: { ...CLASSIC, startsPerSecond: 1 },
  "queued backoff": {
    ...{ ...CLASSIC, startsPerSecond: 1 },
    backoff: { firstMs: 100, mostMs: 3000, stableMs: 500 },
  },
  telling: { ...CLASSIC, modern: true, sdNotify: true, timeoutReadyMs: 4000, timeoutKillMs: 2000 },
  watched: { ...CLASSIC, modern: true, finish: true, watchdogMs: 3000 },
  checked: { ...CLASSIC, modern: true, check: true, watchdogMs: 3000, timeoutReadyMs: 20_000, group: true },
  hasty: { ...CLASSIC, modern: true, finish: true, timeoutFinishMs: 1 },
} as const satisfies { readonly [name: string]: Asks };
export type Directory = keyof typeof DIRECTORIES;

export type Child = {
  readonly pid: Pid;
  stopped: boolean;
  /** A TERM (or the like) waits until it is continued. */
  pending: boolean;
  /** It has ended; the supervisor has not been told yet. */
  ended: boolean;
};

/** No expect: a simulation makes many millions of these checks, and runs outside of tests as well. */
function ensure(fact: boolean, what: string, state: State): asserts fact {
  if (!fact) throw new Error(`${what}, in ${state.at}, wanted ${state.want}`);
}

const same = (a: Status | undefined, b: Status): boolean =>
  a !== undefined &&
  a.pid === b.pid &&
  a.paused === b.paused &&
  a.want === b.want &&
  a.since.seconds === b.since.seconds &&
  a.since.nanoseconds === b.since.nanoseconds;

export class World {
  /** The time, in milliseconds since some moment. */
  ms: number;
  health: Health = "starts";
  jitter = 0;
  /** TERM, HUP, INT and ALRM do nothing to the service. */
  deaf = false;
  child: Child | undefined;
  /** Processes of the service's group but for its leader; deaf ones end of KILL alone. */
  members = 0;
  /** The service leads a group; and the dead leader of one that is not empty yet, as far as the supervisor knows. */
  private leads = false;
  private emptying: Pid | undefined;
  /** The process of `finish`. */
  finish: { readonly pid: Pid; killed: boolean } | undefined;
  /** The processes of `check`, the oldest first. */
  readonly checks: { readonly pid: Pid; killed: boolean }[] = [];
  checkStarts = true;
  checkCode = 1;
  condemned = 0;
  directory: Directory = "classic";
  /** How the processes end: exit codes. */
  code = 0;
  finishCode = 0;
  finishStarts = true;
  finishes = 0;
  deaths = 0;
  state: State;
  wake: Instant | undefined;
  left = false;
  starts = 0;
  /** Events that the state machine has taken. */
  steps = 0;
  private queue: Queue;
  /** How many were left at the last look. */
  private seen = 0;
  /** What scripts in control/ come to. */
  script: "absent" | "does it" = "absent";
  private announced: Status | undefined;
  private attempt = Number.NEGATIVE_INFINITY;
  private lastPid = 100;
  private lastCheck = 2_000_000;

  constructor(down = false, ms = 1_000_000) {
    this.ms = ms;
    this.state = initial(down ? "down" : "up", this.now);
    this.announced = statusOf(this.state);
  }

  /** The supervisor begins. */
  begin(): this {
    this.tell({ on: "begin" });
    return this;
  }

  get now(): Now {
    const seconds = BigInt(Math.floor(this.ms / 1000));
    return { at: instant(this.ms), stamp: { seconds, nanoseconds: Math.floor((this.ms % 1000) * 1e6) } };
  }

  command(...commands: Command[]): void {
    for (const command of commands) this.tell({ on: "command", command });
  }
  letters(letters: string): void {
    this.command(...[...letters].map((letter) => CONTROL_LETTERS[letter as ControlLetter]));
  }

  /** The service ends by itself, if it can. */
  end(): void {
    if (this.child !== undefined && !this.child.stopped) this.ends(this.child);
  }

  /** SIGCHLD is taken. */
  reap(): void {
    const { child } = this;
    if (child?.ended !== true) return;
    this.child = undefined;
    this.deaths++;
    if (this.leads) this.emptying = child.pid;
    this.tell({ on: "died", pid: child.pid, how: { exited: this.code } });
  }

  /** The service says something of itself. */
  say(said: Notification): void {
    if (this.child?.ended === false) this.tell({ on: "notified", said });
  }

  /** The oldest `check` ends. */
  endCheck(): void {
    const check = this.checks.shift();
    if (check === undefined) return;
    const how = check.killed ? { killed: 9, coreDumped: false } : { exited: this.checkCode };
    this.tell({ on: "check-ended", pid: check.pid, how });
  }

  /** finish ends. */
  endFinish(): void {
    const { finish } = this;
    if (finish === undefined) return;
    this.finish = undefined;
    const how = finish.killed ? { killed: 9, coreDumped: false } : { exited: this.finishCode };
    this.tell({ on: "finish-ended", pid: finish.pid, how });
  }

  /** All that can end now does, and is waited for. */
  settle(): void {
    this.reap();
    this.endCheck();
    this.members = 0;
    if (this.state.at === "emptying") this.pass(1000);
    if (this.state.at === "finishing" && this.finish === undefined) this.pass(1000);
    this.endFinish();
  }

  /** Time passes, and the deadline is kept. */
  pass(ms: number): void {
    const end = this.ms + ms;
    this.stir();
    while (this.wake !== undefined && this.wake <= end) {
      this.ms = Math.max(this.ms, this.wake);
      this.timer();
    }
    this.ms = end;
  }

  /** The deadline has come. */
  timer(): void {
    this.wake = undefined;
    this.tell({ on: "timer" });
  }

  /** A deadline of before comes, or the kernel wakes too early. */
  wakeEarly(): void {
    this.tell({ on: "timer" });
  }

  /** The state wants to be told when it is `at`. */
  protected wakeAt(at: Instant | undefined): void {
    this.wake = at;
  }

  /** The supervisor has started the service. */
  protected started(_child: Child): void {}

  /** The supervisor has started finish. */
  protected finishStarted(): void {}

  /** The service ends. */
  protected ends(child: Child): void {
    child.ended = true;
  }

  private tell(event: Event): void {
    if (this.left) return; // Nobody listens any more.
    this.steps++;
    const { state, effects } = step(this.state, event, this.now, DIRECTORIES[this.directory]);
    this.state = state;
    this.wakeAt(deadlineOf(state));
    for (const effect of effects) this.perform(effect);
    if (state === this.state) this.check();
  }

  private perform(effect: Effect): void {
    switch (effect.do) {
      case "spawn":
        return this.spawn();
      case "control":
        return this.control(effect.steps);
      case "queue":
        return this.place();
      case "warn-pause":
        return ensure(this.state.fare?.until === this.ms + effect.ms, "told of another pause", this.state);
      case "kill":
        return this.signal(effect.pid, effect.signal);
      case "announce":
        this.announced = statusOf(this.state);
        return;
      case "warn-no-process":
        return ensure(effect.retry === deadlineOf(this.state), "warned of another retry", this.state);
      case "look":
        ensure(effect.run === this.emptying, `looked at ${effect.run}`, this.state);
        return this.look(effect.run);
      case "kill-set":
        ensure(effect.run === this.emptying, `signalled the set of ${effect.run}`, this.state);
        if (effect.signal === "SIGKILL" || (effect.signal === "SIGTERM" && !this.deaf)) this.members = 0;
        return;
      case "warn-left":
        return ensure(this.members > 0, "named nobody", this.state);
      case "check":
        return this.startCheck();
      case "kill-script":
        return ensure(this.state.at === "starting", "hurried", this.state);
      case "kill-helper": {
        if (this.finish?.pid === effect.pid) {
          this.finish.killed = true;
          return;
        }
        const check = this.checks.at(-1);
        ensure(check?.pid === effect.pid, `killed check ${effect.pid}`, this.state);
        check.killed = true;
        return;
      }
      case "warn-check-slow":
        return ensure(this.checks.at(-1)?.killed === false, "warned of a check", this.state);
      case "warn-condemned":
        this.condemned++;
        ensure(this.state.at === "up" && this.state.condemned === effect.why, "condemned", this.state);
        return ensure(this.state.want !== "down" && !this.state.paused, "condemned", this.state);
      case "finish":
        return this.startFinish(effect.run);
      case "warn-finish-slow":
        return ensure(this.state.at === "finishing", "warned of a finish", this.state);
      case "warn-failed":
        return ensure(this.state.failed === effect.why, `warned: ${effect.why}`, this.state);
      case "leave":
        ensure(this.finish === undefined, "left with a finish", this.state);
        ensure(this.child === undefined, "left with a process", this.state);
        this.left = true;
        return;
      case "report":
        throw new Error(`reported: ${JSON.stringify(effect.event)} in ${JSON.stringify(this.state.at)}`);
      default:
        return exhaustive(effect);
    }
  }

  private spawn(): void {
    const { state } = this;
    ensure(this.child === undefined, "a second process", state);
    ensure(this.finish === undefined, "started beside its finish", state);
    ensure(state.at === "starting", "started", state);
    ensure(state.want !== "down", "started", state);
    ensure(this.ms - this.attempt >= 1000, `started ${this.ms - this.attempt} ms after the last time`, state);
    this.attempt = this.ms;
    if (this.health !== "starts")
      return this.tell({ on: "spawn-failed", why: this.health, jitter: this.jitter });
    this.starts++;
    ensure(this.members === 0, "started beside what was left", state);
    const { group, session, cgroup } = DIRECTORIES[this.directory];
    this.leads = group || session || cgroup;
    if (this.leads) this.members = 2;
    this.child = { pid: pid(++this.lastPid), stopped: false, pending: false, ended: false };
    this.started(this.child);
    const set = cgroup ? "cgroup" : session ? "session" : group ? "group" : undefined;
    this.tell({ on: "spawned", pid: this.child.pid, set });
  }

  /** The scripts of commands, each of which is over at once: `script` tells how. */
  private control(steps: readonly ControlStep[]): void {
    for (const { script, signal } of steps) {
      ensure(this.child !== undefined, "a command for nobody", this.state);
      if (script !== undefined && this.script === "does it") this.tell({ on: "withheld", script });
      else if (signal !== undefined && this.state.at === "up") this.signal(this.state.pid, signal);
    }
  }

  /** One start a second and no more, for those who stand in the queue. */
  private place(): void {
    const { place, queue } = takePlace(this.queue, instant(this.ms), 1);
    this.queue = queue;
    this.tell({ on: "placed", at: place });
  }

  private startCheck(): void {
    const { state } = this;
    ensure(this.checks.at(-1)?.killed ?? true, "a second check", state);
    ensure(state.at === "up" && state.readiness?.ready === false, "checked", state);
    if (!this.checkStarts) return this.tell({ on: "check-failed" });
    const check = { pid: pid(++this.lastCheck), killed: false };
    this.checks.push(check);
    this.tell({ on: "check-started", pid: check.pid });
  }

  private look(run: Pid): void {
    const { state, members } = this;
    if (members === 0) this.emptying = undefined;
    const watched = state.at === "emptying" && state.set === "cgroup";
    const member = members === 0 ? undefined : pid(2_000_000 + members);
    this.seen = members;
    this.tell({ on: "looked", run, left: members, member, watched });
  }

  /** The kernel tells that a cgroup is empty. */
  private stir(): void {
    const { state } = this;
    if (state.at === "emptying" && state.set === "cgroup" && this.members === 0 && this.seen > 0)
      this.tell({ on: "stirred", run: state.run });
  }

  private startFinish(run: Pid): void {
    ensure(this.child === undefined, "finish beside the service", this.state);
    ensure(this.finish === undefined, "a second finish", this.state);
    ensure(run === this.lastPid, `finish of ${run}`, this.state);
    ensure(this.members === 0, "finish beside what is left", this.state);
    if (this.health === "no-process") return this.tell({ on: "finish-failed", why: "no-process" });
    this.finishes++;
    if (!this.finishStarts) return this.tell({ on: "finish-failed", why: "no-program" });
    this.finish = { pid: pid(1_000_000 + this.finishes), killed: false };
    this.finishStarted();
    this.tell({ on: "finish-spawned", pid: this.finish.pid });
  }

  private signal(to: Pid, signal: string | number): void {
    const { child, finish } = this;
    // No command reaches finish.
    ensure(finish === undefined, `${signal} for ${to}`, this.state);
    ensure(child !== undefined && to === child.pid, `${signal} for ${to}`, this.state);
    if (child.ended) return;
    switch (signal) {
      case "SIGKILL":
        return this.ends(child);
      case "SIGSTOP":
        child.stopped = true;
        return;
      case "SIGCONT":
        child.stopped = false;
        if (child.pending) this.ends(child);
        return;
      default:
        if (this.deaf) return;
        if (child.stopped) child.pending = true;
        else this.ends(child);
    }
  }

  private checkReadiness(state: Up): void {
    const { readiness, want, paused, condemned } = state;
    const { wake = Number.POSITIVE_INFINITY } = this;
    if (readiness === undefined) return ensure(condemned === undefined, "condemned unheard", state);
    const { ready, check, readyBy, aliveBy } = readiness;
    const judged = want !== "down" && !paused && condemned === undefined && readiness.doing !== "stopping";
    ensure(judged || (readyBy === undefined && aliveBy === undefined), "judged", state);
    if (judged && ready !== false && readiness.watchdogMs > 0)
      ensure(aliveBy !== undefined && aliveBy <= this.ms + readiness.watchdogMs, "not watched", state);
    if (judged && ready === false && readiness.ways.check) ensure(check !== undefined, "not checked", state);
    ensure(ready !== true || check?.at !== "waiting", "checked when it is ready", state);
    ensure(check?.at !== "starting", "a check without an outcome", state);
    if (check?.at === "running") ensure(check.pid === this.checks.at(-1)?.pid, "another check", state);
    else ensure(this.checks.at(-1)?.killed ?? true, "a check that nobody waits for", state);
    for (const at of readinessDeadlines(readiness))
      ensure(at === undefined || wake <= at, "not to be woken for it", state);
  }

  /** What holds between any two events. */
  private check(): void {
    const { state, child } = this;
    ensure(state.at !== "starting", "a start without an end", state);
    if (state.at === "up") ensure(state.pid === child?.pid, `pid ${state.pid}, not ${child?.pid}`, state);
    else ensure(child === undefined, "a process", state);
    ensure((state.at === "emptying") === (this.emptying !== undefined), "emptying or not", state);
    if (state.at === "emptying") {
      const patience = state.set === "cgroup" ? 600_000 : 1000;
      ensure(state.next !== undefined && state.next <= this.ms + patience, "looks too late", state);
    }
    const retried = state.at === "finishing" && state.finish === undefined && state.until !== undefined;
    ensure(
      state.at === "finishing" ? (this.finish === undefined) === retried : this.finish === undefined,
      "finish or not",
      state,
    );
    ensure(!retried || deadlineOf(state) === state.until, "not tried again", state);
    if (state.at === "up" && state.killAt !== undefined) {
      // A service without the file may be condemned too, and one that was told to end ask for more time.
      const most = state.readiness === undefined ? 2000 : 9000;
      ensure(state.killAt <= this.ms + most, "kills too late", state);
    }
    if (state.at === "up") this.checkReadiness(state);
    else ensure(this.checks.at(-1)?.killed ?? true, "a check of no service", state);
    if (state.at === "finishing") {
      ensure(state.finish === this.finish?.pid, "another finish", state);
    }
    ensure(same(this.announced, statusOf(state)), "told the world something else", state);
    ensure(this.left === (state.at === "gone"), "left or not", state);
    if (state.at === "waiting") {
      ensure(state.until !== undefined, "has no place in the queue", state);
      ensure(state.until <= this.ms + 60_000, "waits for more than a minute", state);
      ensure(state.want !== "down", "waits", state);
    }
    if (state.at === "down") {
      ensure(state.want !== "up", "waits for nothing", state);
      ensure(!state.exiting, "stays", state);
    }
  }
}
