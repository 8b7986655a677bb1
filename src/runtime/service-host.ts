// One supervised service: holds its directory, tells the engine what happens and performs what the engine decides.
// engine/supervise.ts has the rules; this file has none.

import type { Left } from "../engine/adoption.ts";
import type { ControlStep } from "../engine/control-scripts.ts";
import { beginReadiness, type Readiness } from "../engine/readiness.ts";
import {
  deadlineOf,
  type Effect,
  type Event,
  type State,
  statusOf,
  type Up,
} from "../engine/service-state.ts";
import { step } from "../engine/supervise.ts";
import { textOf, type Warning } from "../engine/warnings.ts";
import { type Command, decodeControl } from "../formats/control.ts";
import type { RecordedReadiness } from "../formats/readiness-record.ts";
import { type Asks, CLASSIC, finishArguments } from "../formats/service-files.ts";
import type { ServiceRecord, SetKind } from "../formats/service-record.ts";
import type { Tai64n } from "../formats/tai64n.ts";
import { decodeWaitStatus, type WaitStatus } from "../formats/wait-status.ts";
import { bootTicks, MS_PER_TICK } from "../sys/clock.ts";
import { EAGAIN, ENOMEM, ErrnoError, resultOf } from "../sys/errno.ts";
import { AT_FDCWD, close, readlinkat } from "../sys/files.ts";
import type { FileAction } from "../sys/process.ts";
import type { Signal } from "../sys/signals.ts";
import { type ByteString, exhaustive, type Fd, type Instant, type Pid, pid } from "../units/units.ts";
import { startOf } from "./adopt.ts";
import { Announcer } from "./announcer.ts";
import { Attendance, type Prepared } from "./attendance.ts";
import { membersOf, openCgroup, removeCgroup, watchCgroup } from "./cgroups.ts";
import { CommandScripts } from "./command-scripts.ts";
import { ControlDirectory, readControl, Unable } from "./control-directory.ts";
import type { HandedHalf } from "./handover.ts";
import { KeptRecord } from "./kept-record.ts";
import { type ProcessSet, processSet } from "./process-set.ts";
import { ServiceFiles } from "./service-files.ts";
import { takeOver } from "./take-over.ts";
import type { Leads, World } from "./world.ts";

export type ServicePlace = {
  /** What `path` is relative to. */
  readonly at: Fd;
  readonly path: ByteString;
  /** The directory's name in messages. */
  readonly title: ByteString;
  /** What gives the service its log pipe; asked at each start, done before the change of directory. */
  readonly pipes: () => readonly FileAction[];
  /** The identity of the log pipe, where there is one. */
  readonly pipe: () => string | undefined;
  /** What is noted for other services of the same supervisor. */
  readonly others: () => readonly Left[];
  /** What is started, and how, where it is not `run`. */
  readonly program?: {
    readonly path: ByteString;
    readonly argv: readonly ByteString[];
    readonly actions: readonly FileAction[];
  };
  /** What an earlier image of this process has handed on of it. */
  readonly handed?: HandedHalf | undefined;
  /** Told when the supervisor has let go of the directory: after `x`. */
  readonly onLeave: () => void;
};

/** What is done once a program was started, or could not be. */
type Then = (outcome: Pid | ErrnoError) => void;

export class ServiceHost {
  private readonly control: Fd;
  private readonly files: ControlDirectory;
  private readonly kept: KeptRecord;
  private state: State;
  /** The deadline of the state, and what takes it back. */
  private wake: { readonly at: Instant; readonly takeBack: () => void } | undefined;
  private readonly announcer: Announcer;
  /** Why the last start failed. */
  private spawnProblem: ByteString = "";
  /** What the directory asks for, and why it could not be looked at or `finish` not be run: said once in a row. */
  private readonly serviceFiles: ServiceFiles;
  private asks: Asks = CLASSIC;
  private askProblem: ByteString | undefined;
  private finishProblem: ByteString | undefined;
  private tallyProblem: ByteString | undefined;
  /** The cgroup of the service, once there is one, called by the directory's identity; and what ends the watch on it. */
  private cgroup: ByteString = "";
  private unwatch: (() => void) | undefined;
  /** The scripts of commands, once one was asked for; what is done when they are over; and whether a start is. */
  private scripts: CommandScripts | undefined;
  private afterScripts: (() => void) | undefined;
  private startDue = false;
  /** The state as it is in the record; undefined if that may say anything. */
  private noted: State | undefined;
  /** What the service tells of itself comes from here, once it was asked for. */
  private attendance: Attendance | undefined;
  /** Of the state, as it is in the record. */
  private readiness: Readiness | undefined;

  /**
   * Takes the directory and starts the service, unless it has a down file.
   * @throws {Unable} Nothing is left behind then but what the C program leaves.
   */
  constructor(
    private readonly world: World,
    private readonly place: ServicePlace,
  ) {
    const { at, path, title, handed } = place;
    const { descriptors } = world;
    this.files = new ControlDirectory(at, path, title, handed, world);
    this.serviceFiles = new ServiceFiles(
      this.files,
      (problem) => this.say(`warning: ${title}: ${problem}`),
      () => world.scanAsks,
    );
    this.announcer = new Announcer(
      world,
      this.files,
      () => (this.state.at === "gone" ? undefined : statusOf(this.state)),
      (problem) => this.say(`warning: ${problem}`),
    );
    const fill = (record: ServiceRecord) => this.fill(record);
    const say = (text: ByteString) => this.say(text);
    try {
      this.kept = new KeptRecord(world, this.files, `${title}/supervise/record`, fill, say);
    } catch (error) {
      this.files.close();
      throw error;
    }
    let adopted: Pid | undefined;
    try {
      this.look();
      this.cgroup = this.kept.found?.cgroup ?? "";
      const { state, once, owed, finishOver, ended } = descriptors.open(() =>
        takeOver({
          world,
          place,
          directory: this.directory,
          record: this.kept.found,
          normallyUp: this.files.normallyUp,
          readStatus: () => this.files.readStatus(),
          asks: this.asks,
          strays: () => this.strays(),
          died: (pid, status) => this.died(pid, status),
          amend: (end, status) => this.kept.record?.amend(end, decodeWaitStatus(status)),
          finishEnded: (pid, status) => this.finishEnded(pid, status),
        }),
      );
      this.state = state;
      if (state.at === "up") adopted = state.pid;
      if (state.at === "finishing" && !finishOver) adopted = state.finish;
      this.control = descriptors.open(() =>
        this.files.listen(statusOf(state), (problem) => this.announcer.complain(problem)),
      );
      this.store();
      world.sparing.add(this.files);
      world.loop.watch(this.control, () => this.obeyWaiting());
      const noted = this.kept.record;
      if (noted?.script !== undefined) {
        this.scripts = this.makeScripts();
        this.scripts.takeOver(noted);
      }
      this.tell({ on: "begin", owed, ended });
      if (finishOver && state.at === "finishing" && state.finish !== undefined)
        this.tell({ on: "finish-ended", pid: state.finish, how: undefined });
      if (once) {
        world.finishStart();
        this.command("once");
      }
      if (this.state.at === "up" && this.state.pid === adopted && this.state.readiness !== undefined)
        this.attend().take(this.state.readiness, this.kept.record?.readiness);
      this.files.rest();
    } catch (error) {
      world.finishStart();
      if (adopted !== undefined) world.disown(adopted);
      this.kept.close();
      this.files.close();
      throw error;
    }
  }

  /** As if the letter had come through the fifo. */
  command(command: Command): void {
    this.tell({ on: "command", command });
  }

  /** The service directory, open. */
  get directory(): Fd {
    return this.files.directory;
  }

  /** What must stay open for the directory to stay ours; undefined where nothing would tell a new image what runs. */
  get handedOn(): HandedHalf | undefined {
    const { state, files, attendance, kept } = this;
    const directory = files.handedOn;
    if (kept.found === undefined || directory === undefined) return undefined;
    const running = state.at === "up" ? state.pid : state.at === "finishing" ? state.finish : undefined;
    const process = running && this.world.handOn(running);
    return { ...directory, socket: attendance?.handedOn, process };
  }

  /** Looks whether what must outlive this process is there yet. */
  check(): void {
    this.kept.check();
  }

  /** Whether the service's process is there. */
  get up(): boolean {
    return this.state.at === "up";
  }

  /** Sends the service's process a signal that no command stands for. */
  signal(signal: Signal): void {
    if (this.state.at === "up") this.world.kill(this.state.pid, signal);
  }

  /** Whether the service will be up without anybody asking. */
  get coming(): boolean {
    const { at, want, exiting } = this.state;
    return (
      at === "up" ||
      at === "waiting" ||
      ((at === "finishing" || at === "emptying") && want === "up" && !exiting)
    );
  }

  private obeyWaiting(): void {
    for (const byte of readControl(this.control)) {
      const command = decodeControl(byte);
      if (command !== undefined) this.command(command);
      // After `x` the rest is read by nobody.
      if (this.state.at === "gone") return;
    }
  }

  private tell(event: Event): void {
    // What may lead to a start, or is obeyed as the directory says. The end of the service has been looked after already.
    const { on } = event;
    if (on === "timer" || on === "looked" || on === "finish-ended") this.look();
    if (on === "command") this.look(event.command === "up" || event.command === "once");
    const { state, effects } = step(this.state, event, this.world.now(), this.asks);
    this.state = state;
    const signals = effects.some((effect) => effect.do === "kill" || effect.do === "control");
    this.store(signals);
    this.wakeAt(deadlineOf(state));
    for (const effect of effects) this.perform(effect);
    if (!signals || this.scripts?.busy) return;
    const { record } = this.kept;
    if (record !== undefined) record.owed = false;
  }

  /** Looks at what the directory asks for; where that cannot be, it is what it was before, and told if it `matters`. */
  private look(matters = true): void {
    // Of what is no service's the directory says nothing.
    if (this.place.program !== undefined) return;
    try {
      this.asks = this.world.descriptors.briefly(() => this.serviceFiles.look());
      this.askProblem = undefined;
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      if (!matters) return;
      const problem = `unable to read directory ${this.place.title}: ${error.text}`;
      if (this.askProblem !== problem) this.say(`warning: ${problem}`);
      this.askProblem = problem;
    }
  }

  /** Notes the state where the next supervisor finds it, before anything is done about it. */
  private store(owed = false): void {
    const { record } = this.kept;
    if (record !== undefined) this.note(record, owed);
  }

  private note(record: ServiceRecord, owed: boolean): void {
    const { state } = this;
    if (owed) record.owed = true;
    // What is so already is not stored: each store costs a start microseconds, for nothing of it is in the processor's caches.
    const { noted } = this;
    this.noted = state;
    const paused = isPaused(state);
    if (noted === undefined || noted.want !== state.want) record.want = state.want;
    if (noted === undefined || noted.exiting !== state.exiting) record.exiting = state.exiting;
    if (noted === undefined || isPaused(noted) !== paused) record.paused = paused;
    if (noted === undefined || noted.failed !== state.failed) record.failed = state.failed;
    if (noted?.fare !== state.fare || pauseIn(noted) !== pauseIn(state)) this.storeFare(record);
    switch (state.at) {
      case "down":
        record.phase = "idle";
        return;
      case "waiting":
        record.phase = "pending";
        return;
      case "starting":
        record.intend(bootTicks(), this.world.nextOrigin(), "intent", this.setFor(record));
        return;
      case "up":
        // The rest was noted when the process was there: by `spawn` or `takeOver`.
        if (state.readiness !== this.readiness) record.readiness.told = recorded(state);
        this.readiness = state.readiness;
        return;
      case "emptying":
        record.phase = "emptying";
        return;
      case "finishing":
        if (state.finish === undefined)
          record.intend(bootTicks(), this.world.nextOrigin(), "finish-intent", "group");
        return;
      case "gone":
        record.leave();
        return;
      default:
        return exhaustive(state);
    }
  }

  /** The record is new: what it would say by now. */
  private fill(record: ServiceRecord): void {
    const { state } = this;
    record.reset(this.world.boot);
    this.noted = undefined;
    this.note(record, false);
    this.attendance?.note(record.readiness);
    if (this.cgroup !== "") record.cgroup = this.cgroup;
    if (state.at === "up") record.readiness.told = recorded(state);
    if (state.at === "up") record.resume(state.pid, startOf(state.pid), "running", state.set);
    if (state.at === "emptying") record.resume(state.run, 0, "emptying", state.set);
    if (state.at !== "emptying" && state.at !== "finishing") return;
    const { run, how, since } = state;
    if (record.lastEnded !== run) record.end({ pid: run, started: since, ended: since, status: how });
    if (state.at === "finishing" && state.finish !== undefined)
      record.resume(state.finish, startOf(state.finish), "finishing");
  }

  /** What the service is to lead, or to be in, if it is started now. */
  private get ownSet(): SetKind | undefined {
    const { group, session, cgroup } = this.asks;
    if (cgroup && this.world.cgroupPath(this.files.identity) !== undefined) return "cgroup";
    return session ? "session" : group || cgroup ? "group" : undefined;
  }

  /** The same, and the cgroup is noted. */
  private setFor(record: ServiceRecord): SetKind | undefined {
    const { ownSet } = this;
    if (ownSet === "cgroup") {
      this.cgroup = this.world.cgroupPath(this.files.identity) ?? "";
      record.cgroup = this.cgroup;
    }
    return ownSet;
  }

  private storeFare(record: ServiceRecord): void {
    const { state } = this;
    const { fare } = state;
    const why = pauseIn(state);
    const until = why === undefined ? undefined : deadlineOf(state);
    const ticks = (at: Instant): number => bootTicks() + (at - this.world.now().at) / MS_PER_TICK;
    if (fare === undefined && why === undefined) record.fare = undefined;
    else
      record.fare = {
        early: fare?.early ?? 0,
        starts: fare?.starts ?? 0,
        limited: fare?.limited ?? false,
        from: fare === undefined ? 0 : ticks(fare.from),
        why,
        until: until === undefined ? 0 : ticks(until),
      };
  }

  /** @returns the number of the end in the history */
  private died(pid: Pid, status: number | undefined): number | undefined {
    const ended = this.world.now().stamp;
    const how = status === undefined ? undefined : decodeWaitStatus(status);
    const { since: started } = this.state;
    const condemned = this.state.at === "up" ? this.state.condemned : undefined;
    const end = this.kept.record?.end({ pid, started, ended, status: how, condemned });
    const settle = () => {
      this.attendance?.settled();
      this.look();
      if (this.asks.deathTally > 0) this.tally(ended, how);
      this.tell({ on: "died", pid, how });
    };
    // A script that was run for it is over first.
    if (this.scripts?.busy) {
      this.afterScripts = settle;
      this.scripts.died();
    } else settle();
    return end;
  }

  private runScripts(steps: readonly ControlStep[]): void {
    this.scripts ??= this.makeScripts();
    this.scripts.ask(steps);
  }

  private makeScripts(): CommandScripts {
    return new CommandScripts({
      ...{ world: this.world, place: this.files, pipes: () => this.place.pipes() },
      record: () => this.kept.record,
      child: () => this.kept.scriptChild,
      timeoutMs: () => this.asks.timeoutControlMs,
      send: (signal) => {
        if (this.state.at === "up") this.world.kill(this.state.pid, signal);
      },
      withheld: (script) => this.tell({ on: "withheld", script }),
      idle: () => this.scriptsDone(),
      warn: (text) => this.say(`warning: ${this.place.title}: ${text}`),
    });
  }

  /** What waited for scripts: the end of the service, or its start. */
  private scriptsDone(): void {
    const { record } = this.kept;
    if (record !== undefined) record.owed = false;
    const settle = this.afterScripts;
    this.afterScripts = undefined;
    settle?.();
    if (!this.startDue) return;
    this.startDue = false;
    if (this.state.at !== "starting") return;
    if (this.state.want === "down") this.tell({ on: "spawn-failed", why: "not-wanted", jitter: 0 });
    else this.spawn();
  }

  private tally(ended: Tai64n, how: WaitStatus | undefined): void {
    try {
      this.world.descriptors.briefly(() => this.files.tally(ended, how, this.asks.deathTally));
      this.tallyProblem = undefined;
    } catch (error) {
      if (!(error instanceof Unable)) throw error;
      if (this.tallyProblem !== error.message) this.say(`warning: ${error.message}`);
      this.tallyProblem = error.message;
    }
  }

  private finishEnded(pid: Pid, status: number | undefined): void {
    const how = status === undefined ? undefined : decodeWaitStatus(status);
    this.tell({ on: "finish-ended", pid, how });
  }

  private perform(effect: Effect): void {
    switch (effect.do) {
      case "spawn":
        if (!this.asks.control) return this.spawn();
        this.startDue = true;
        return this.runScripts([{ script: "u" }]);
      case "control":
        return this.runScripts(effect.steps);
      case "queue": {
        const at = this.world.placeInQueue(this.asks.startsPerSecond);
        return this.tell({ on: "placed", at });
      }
      case "kill":
        return this.world.kill(effect.pid, effect.signal);
      case "kill-script":
        return this.scripts?.hurry();
      case "announce":
        return this.announcer.announce();
      case "warn-pause":
      case "warn-no-process":
      case "warn-condemned":
      case "warn-finish-slow":
      case "warn-failed":
        return this.warn(effect);
      case "look":
        return this.lookAtSet(effect.run);
      case "kill-set":
        return this.setOf(effect.run)?.signal(effect.signal);
      case "warn-left":
        return this.warnLeft(effect.run);
      case "check":
        return this.attend().runCheck();
      case "kill-helper":
        return this.world.killLed(effect.pid);
      case "warn-check-slow":
        return this.attend().checkIsSlow();
      case "finish":
        return this.finish(effect.run, effect.how);
      case "leave":
        return this.leave();
      case "report":
        return this.say(
          `warning: unexpected for ${this.place.title}: ${effect.event.on} while ${this.state.at}`,
        );
      default:
        return exhaustive(effect);
    }
  }

  /** Of the dead process `run`. */
  private setOf(run: Pid): ProcessSet | undefined {
    const { state } = this;
    return state.at === "emptying" ? processSet(state.set, run, this.cgroup) : undefined;
  }

  /** The cgroup of the service, where somebody of whom nothing is noted is in it, and one of those. */
  private strays(): { readonly cgroup: ByteString; readonly member: Pid } | undefined {
    if (this.ownSet !== "cgroup") return undefined;
    this.cgroup = this.world.cgroupPath(this.files.identity) ?? "";
    const [member] = membersOf(this.cgroup);
    return member === undefined ? undefined : { cgroup: this.cgroup, member: pid(member) };
  }

  private lookAtSet(run: Pid): void {
    const { state, cgroup } = this;
    const inCgroup = state.at === "emptying" && state.set === "cgroup";
    // Watched before it is looked at: nothing is missed.
    if (inCgroup)
      this.unwatch ??= watchCgroup(this.world.writes, cgroup, () => this.tell({ on: "stirred", run }));
    const members = this.setOf(run)?.members() ?? [];
    const watched = this.unwatch !== undefined;
    if (members.length === 0) {
      this.unwatch?.();
      this.unwatch = undefined;
      if (inCgroup) removeCgroup(cgroup);
    }
    const [first] = members;
    this.tell({ on: "looked", run, left: members.length, member: first && pid(first.pid), watched });
  }

  private warnLeft(run: Pid): void {
    const set = this.setOf(run);
    const members = set?.members() ?? [];
    if (set === undefined || members.length === 0) return;
    const some = members
      .slice(0, MOST_NAMED)
      .map(({ pid, name }) => `${pid} ${name.replace(/[^ -~]/g, "?")}`);
    if (members.length > some.length) some.push("...");
    const count = members.length === 1 ? "1 process is" : `${members.length} processes are`;
    this.say(`warning: ${this.place.title}: ${count} left of ${set.title}: ${some.join(", ")}`);
  }

  /** The service's name for `finish`: the directory's, as the supervisor was given it. */
  private get name(): ByteString {
    const { title } = this.place;
    const base = baseName(title);
    if (base !== "" && base !== "." && base !== "..") return base;
    return baseName(readlinkat(AT_FDCWD, `/proc/self/fd/${this.directory}`));
  }

  private finish(run: Pid, how: WaitStatus | undefined): void {
    let outcome: Event;
    try {
      const actions: FileAction[] = [...this.place.pipes(), { do: "fchdir", directory: this.directory }];
      const argv = finishArguments(how, this.name, run);
      const onEnd = (status: number | undefined) => this.finishEnded(pid, status);
      const options = { tell: this.kept.child, leads: "group" } as const;
      const pid = this.world.spawn("./finish", argv, actions, onEnd, options);
      this.kept.record?.finish(pid, bootTicks());
      outcome = { on: "finish-spawned", pid };
      this.finishProblem = undefined;
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      const problem = `unable to run ${this.place.title}/finish: ${error.text}`;
      if (this.finishProblem !== problem) this.say(`warning: ${problem}`);
      this.finishProblem = problem;
      outcome = { on: "finish-failed", why: isNoProcess(error) ? "no-process" : "no-program" };
    }
    this.tell(outcome);
  }

  private attend(): Attendance {
    this.attendance ??= new Attendance({
      world: this.world,
      place: this.files,
      title: this.place.title,
      service: () => (this.state.at === "up" ? this.state.pid : undefined),
      member: (process) =>
        this.state.at === "up" && this.state.set === "cgroup" && membersOf(this.cgroup).includes(process),
      tell: (event) => {
        if (this.state.at !== "gone") this.tell(event);
      },
      warn: (text) => this.say(`warning: ${text}`),
    });
    return this.attendance;
  }

  /** Makes what the service needs to tell of itself, and notes that it has it. In a classic directory there is nothing. */
  private prepare(): Prepared {
    const { asks } = this;
    if (this.attendance === undefined && beginReadiness(asks) === undefined) return { ...UNATTENDED, asks };
    const { record } = this.kept;
    const prepared = this.attend().prepare(asks, record?.readiness);
    this.asks = prepared.asks;
    const readiness = beginReadiness(prepared.asks);
    if (record !== undefined) record.readiness.told = readiness && { ...readiness, condemned: undefined };
    return prepared;
  }

  private spawn(): void {
    const prepared = this.prepare();
    const then = (outcome: Pid | ErrnoError) => this.started(outcome, prepared);
    const { ownSet } = this;
    if (ownSet === "cgroup") this.spawnInCgroup(prepared, then);
    else this.spawnAs(prepared, ownSet, then);
  }

  private started(outcome: Pid | ErrnoError, prepared: Prepared): void {
    const failed = outcome instanceof ErrnoError;
    if (!failed) this.kept.record?.run(outcome, bootTicks());
    else this.attendance?.settled();
    prepared.done();
    if (!failed) return this.tell({ on: "spawned", pid: outcome, set: this.ownSet });
    const why = isNoProcess(outcome) ? "no-process" : "no-program";
    this.spawnProblem = outcome.text;
    const what = this.place.program?.path ?? `${this.place.title}/run`;
    if (why === "no-program") this.say(`fatal: unable to start ${what}: ${outcome.text}`);
    this.tell({ on: "spawn-failed", why, jitter: Math.random() });
  }

  private spawnAs(prepared: Prepared, leads: Leads | undefined, then: Then, cgroup?: Fd): void {
    const run = () => ({
      ...RUN,
      actions: [...this.place.pipes(), { do: "fchdir", directory: this.directory } as const],
    });
    const program = this.place.program ?? resultOf(run);
    // A directory that was lent and is gone.
    if (program instanceof ErrnoError) return then(program);
    const actions = [...program.actions, ...prepared.actions];
    let process: Pid;
    const onEnd = (status: number | undefined) => void this.died(process, status);
    const options = { ...prepared.options, tell: this.kept.child, leads, cgroup };
    this.world.start(program.path, program.argv, actions, onEnd, options, (outcome) => {
      if (!(outcome instanceof ErrnoError)) process = outcome;
      then(outcome);
    });
  }

  /** In its cgroup; where there can be none, as leader of a process group. */
  private spawnInCgroup(prepared: Prepared, then: Then): void {
    const without = (why: ByteString): void => {
      this.world.withoutCgroups(why);
      this.store();
      this.spawnAs(prepared, this.asks.session ? "session" : "group", then);
    };
    const cgroup = resultOf(() => this.world.descriptors.briefly(() => openCgroup(this.cgroup)));
    if (cgroup instanceof ErrnoError) return without(cgroup.text);
    const leads = this.asks.session ? "session" : this.asks.group ? "group" : undefined;
    const orWithout: Then = (outcome) => {
      // What concerns the program is found when it is executed, not when the process is made.
      const refused = outcome instanceof ErrnoError && outcome.call === "clone3" && !isNoProcess(outcome);
      if (refused) without(outcome.text);
      else then(outcome);
    };
    try {
      this.spawnAs(prepared, leads, orWithout, cgroup);
    } finally {
      close(cgroup);
    }
  }

  private wakeAt(at: Instant | undefined): void {
    if (this.wake?.at === at) return;
    this.wake?.takeBack();
    this.wake = undefined;
    if (at === undefined) return;
    const takeBack = this.world.loop.at(at, () => {
      this.wake = undefined;
      this.tell({ on: "timer" });
    });
    this.wake = { at, takeBack };
  }

  private leave(): void {
    this.announcer.writeNow(statusOf(this.state));
    this.wake?.takeBack();
    this.attendance?.close();
    this.world.loop.unwatch(this.control);
    this.kept.close();
    this.files.close();
    this.place.onLeave();
  }

  private warn(warning: Warning): void {
    const { at } = this.world.now();
    this.say(`warning: ${textOf(warning, this.place.title, this.asks, this.spawnProblem, at)}`);
  }

  private say(text: ByteString): void {
    this.world.report(`supervise: ${text}`);
  }
}

const RUN = { path: "./run", argv: ["./run"] } as const;

/** A start of which nothing is to be told. */
const UNATTENDED = { actions: [], options: {}, done: () => {} } as const satisfies Omit<Prepared, "asks">;

/** There can be no further process now. */
const isNoProcess = ({ errno }: ErrnoError): boolean => errno === EAGAIN || errno === ENOMEM;

const isPaused = (state: State): boolean => state.at === "up" && state.paused;

/** Why a start is put off, if it is. */
const pauseIn = (state: State | undefined) => (state?.at === "waiting" ? state.why : undefined);

/** What is noted of a running service's readiness. */
const recorded = ({ readiness, condemned }: Up): RecordedReadiness | undefined =>
  readiness && { ...readiness, condemned };

/** So many of those left of a group are named. */
const MOST_NAMED = 5;

/** What follows the last `/` but for slashes at the end. */
const baseName = (path: ByteString): ByteString => path.replace(/\/+$/, "").replace(/^.*\//s, "");
