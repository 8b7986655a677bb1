// svscan at work: looks after the services of one directory and performs what engine/scan.ts decides. svscan(8)
import type { Left } from "../engine/adoption.ts";
import {
  type Entry,
  type Identity,
  type Known,
  PARTS,
  type Part,
  type Scan,
  type ScanEffect,
  scan,
} from "../engine/scan.ts";
import { SCAN_FILES } from "../formats/scan-files.ts";
import { EAGAIN, EMFILE, ENFILE, ErrnoError, errnoOf } from "../sys/errno.ts";
import { existsat, readdir, statat } from "../sys/files.ts";
import { drainWatch, watchNames } from "../sys/inotify.ts";
import { Snapshot } from "../sys/snapshot.ts";
import { type ByteString, exhaustive, type Fd, type Instant, later } from "../units/units.ts";
import { Unable } from "./control-directory.ts";
import { type HandedHalf, type HandedOn, type HandedPair, halvesOf } from "./handover.ts";
import { isHosted, LOG_HOST } from "./hosted-logs.ts";
import { LogPipe } from "./log-pipe.ts";
import { LogProcess } from "./log-process.ts";
import { PipeKeeper } from "./pipe-keeper.ts";
import { peekRecord } from "./record-file.ts";
import { ScanFiles } from "./scan-files.ts";
import { Vigil } from "./vigil.ts";
import type { World } from "./world.ts";

/** The directory is looked at this often, in milliseconds, ... */
const SCAN_INTERVAL_MS = 5000;
/** ... and so many times in a row it is not read if it and what it names are as they were at the last time. */
const MOST_SKIPPED = 119;
/** Where the kernel tells of every change, it is read this often, whatever happened. */
const VIGIL_MS = SCAN_INTERVAL_MS * (MOST_SKIPPED + 1);
/** So many names at a time are put under watch. */
const WATCHED_AT_ONCE = 64;
/** After a name came or went, the directory is read when it has been quiet for this long, ... */
const QUIET_MS = 50;
/** ... but no later than this after the first change. */
const PATIENCE_MS = 150;
/** How soon, and how often, it is read again after a lock was found taken that was not before. */
const CONTEST_MS = 400;
const CONTESTS = 4;
/** So long, in milliseconds, services that were handed on begin, before what happened meanwhile is looked at, ... */
const SLICE_MS = 4;
/** ... and those that are started or adopted: to turn from one to the other more often costs a tenth of their time. */
const STARTS_SLICE_MS = 20;
/** How often a log pipe is looked at while svscan stops, and how long a logger may take to end once it can, in ms. */
const DRAIN_POLL_MS = 20;
const LOGGER_GRACE_MS = 3000;

/** Whoever supervises one half of a pair: in this process, or a program of its own. */
export type Supervisor = {
  /** As svc does. */
  command(letters: "dx" | "x" | "d" | "k"): void;
  /** The logger may yet read what waits in its pipe. */
  readonly coming: boolean;
  /** Looks whether what must outlive this process is there yet. */
  check(): void;
  /** What a new image of this process needs to go on; undefined if it could not. */
  readonly handedOn: HandedHalf | "hosted" | undefined;
};

/** What a supervisor is begun with. */
export type Assignment = {
  /** The scan directory's name for the service, and what messages call this half. */
  readonly name: ByteString;
  readonly title: ByteString;
  readonly part: Part;
  /** The pipe of the pair, if it has one. */
  readonly pipe: () => LogPipe | undefined;
  /** What an earlier image of this process has handed on of it. */
  readonly handed?: HandedHalf | undefined;
  /** What is noted for the other halves of this directory's services. */
  readonly others: () => readonly Left[];
  readonly onLeave: () => void;
};

/** Of a logger that the log process looks after. */
const HOSTED: Supervisor = { command: () => {}, check: () => {}, coming: false, handedOn: "hosted" };

/** Begins to supervise. @throws {ErrnoError} with what there is to say as its message */
export type Begin = (assignment: Assignment) => Supervisor;

type Start = ScanEffect & { readonly do: "start" };

/** A service, its logger, and the pipe between them. */
class Pair {
  readonly running: { [part in Part]: Supervisor | undefined } = { service: undefined, log: undefined };
  /** What was said last of a half that cannot begin. */
  readonly problems: { [part in Part]: ByteString | undefined } = { service: undefined, log: undefined };

  constructor(public pipe: LogPipe | undefined) {}
}

export class ScanDirectory {
  private known: Scan;
  /** What an earlier image of this process has handed on, and nothing was done for yet: it has its turn, or something happens. */
  private readonly waiting: Set<HandedPair>;
  private readonly pairs = new Map<Identity, Pair>();
  private readonly keeper: PipeKeeper;
  private cancelScan: () => void = () => {};
  /** What the last scan found to be started and was not yet, the first of them last. */
  private starts: Start[] = [];
  private cancelStarts: () => void = () => {};
  /** The first change in the directory that no scan has seen yet. */
  private changedAt: Instant | undefined;
  private stopping = false;
  /** There was something left in a pipe that was let go. */
  private unread = false;
  /** Those that may yet run while svscan stops. */
  private ending: Pair[] | undefined;
  private readonly files: ScanFiles;
  /** Writes the logs of all loggers that have no program of their own. */
  private readonly logs: LogProcess;
  private readonly snapshot = new Snapshot();
  /** What the snapshot is of, in its order. */
  private names: readonly ByteString[] = [];
  /** Tells of the names. */
  private watched: Fd | undefined;
  private readonly vigil: Vigil;
  /** There may be one: none has failed since the directory was read. */
  private mayWatch = false;
  /** When the next scan is due. */
  private scanDue: Instant | undefined;
  /** How often the directory may yet be found unchanged; 0 when there was something to do, or somebody left. */
  private calm = 0;
  private readProblem: ByteString | undefined;
  /** There were no descriptors for a service at the last scan; said once, not for each. */
  private exhausted = false;
  /** A lock was found taken; and how many scans are to follow soon. */
  private contested = false;
  private contests = 0;

  constructor(
    private readonly world: World,
    /** The working directory, open: the one whose services are looked after. */
    private readonly directory: Fd,
    private readonly begin: Begin,
    /** Told when everything has ended after `stop`. */
    private readonly onStopped: () => void,
  ) {
    this.files = new ScanFiles(directory, (text) => this.warn(text));
    this.keeper = new PipeKeeper(world);
    const handed = world.handover?.handed;
    this.vigil = new Vigil(world, handed?.vigil, () => this.stir());
    this.watch(handed?.names);
    this.logs = new LogProcess(world, directory, handed?.logs);
    this.waiting = new Set(handed?.pairs);
    const services = new Map<Identity, Known>();
    for (const { identity, name, log } of this.waiting) services.set(identity, { name, log, active: true });
    this.known = { services, warnings: new Map() };
    if (this.waiting.size > 0) this.world.scanAsks = this.files.look(this.world.scanAsks);
    world.loop.onUnknown = (file) => this.takeOf(file);
    // A lock that no descriptor holds has ended with the earlier image.
    for (const pair of this.waiting)
      if (halvesOf(pair).some(({ lock }) => lock === undefined)) this.take(pair);
    if (this.waiting.size === 0) this.takeAll();
    else world.loop.at(world.now().at, () => this.takeAll());
  }

  /** Takes those that wait, and then begins with what else there is. */
  private takeAll(): void {
    const { loop } = this.world;
    const takeOne = () => {
      for (const pair of this.waiting) {
        this.take(pair);
        return true;
      }
      return false;
    };
    loop.inTurns(SLICE_MS, takeOne, () => {
      loop.onUnknown = undefined;
      this.scanNow();
      this.world.settled();
    });
  }

  /** Something happens at `file`: whose that is, it does not wait any longer. @returns whether it was one that waited */
  private takeOf(file: Fd): boolean {
    for (const pair of this.waiting) {
      const its = halvesOf(pair).flatMap(({ control, socket, process }) => [control, socket, process?.pidfd]);
      if (!its.includes(file)) continue;
      this.take(pair);
      return true;
    }
    return false;
  }

  /** Goes on with a pair of an earlier image. */
  private take(handed: HandedPair): void {
    this.waiting.delete(handed);
    const { identity, name, pipe, halves } = handed;
    const pair = new Pair(pipe && new LogPipe(pipe));
    this.pairs.set(identity, pair);
    if (pair.pipe !== undefined) this.keeper.keep(pair.pipe);
    for (const part of PARTS) {
      const half = halves[part];
      if (half === "hosted") pair.running[part] = HOSTED;
      else if (half !== undefined) this.takeHalf(pair, this.assignment(identity, name, part, pair, half));
    }
  }

  private takeHalf(pair: Pair, assignment: Assignment): void {
    try {
      pair.running[assignment.part] = this.begin(assignment);
    } catch (error) {
      // The next scan begins without.
      if (!(error instanceof ErrnoError)) throw error;
      this.world.report(error.message);
    }
  }

  /** Nothing is to be done if nothing has changed, as long as everything runs. */
  private scanInTime(): void {
    if (this.waiting.size > 0) return;
    for (const { running } of this.pairs.values()) for (const part of PARTS) running[part]?.check();
    this.logs.check();
    if (this.calm > 0 && this.mayWatch && this.vigil.begin()) return this.watchFrom(0);
    this.compare();
  }

  private compare(): void {
    if (this.calm === 0 || !this.snapshot.unchanged(this.directory)) return this.scanNow();
    this.scanIn(SCAN_INTERVAL_MS);
    this.calm--;
  }

  /** Puts one name after the other under watch, and then compares it: no change is missed. */
  private watchFrom(number: number): void {
    const { names } = this;
    const end = Math.min(number + WATCHED_AT_ONCE, names.length);
    for (let i = number; i < end; i++) {
      if (!this.vigil.add(names[i] as ByteString)) {
        this.mayWatch = false;
        return this.compare();
      }
      if (!this.snapshot.same(this.directory, i)) return this.scanNow();
    }
    if (end < names.length) {
      this.cancelScan();
      this.cancelScan = this.world.loop.at(this.world.now().at, () => this.watchFrom(end));
      return;
    }
    // There are changes of which it does not tell: a directory that a link passes through was exchanged.
    this.calm = 0;
    this.scanIn(VIGIL_MS);
    this.world.footprint.letGo();
  }

  /** Something is to be looked at, in five seconds at the latest. */
  private stir(): void {
    this.calm = 0;
    if (this.stopping) return;
    const due = later(this.world.now().at, SCAN_INTERVAL_MS);
    if (this.scanDue === undefined || this.scanDue > due) this.scanAt(due);
  }

  /** Reads the directory and acts on it. */
  scanNow(): void {
    if (this.stopping || this.waiting.size > 0) return;
    this.changedAt = undefined;
    this.vigil.end();
    this.world.scanAsks = this.files.look(this.world.scanAsks);
    this.dismiss();
    const { entries, complete } = this.read();
    const there = new Set(entries.map(({ identity }) => identity));
    const result = scan(
      this.known,
      entries,
      complete,
      // A logger of the log process keeps nothing from being forgotten.
      (identity, part) =>
        this.running(identity, part) &&
        (there.has(identity) || this.pairs.get(identity)?.running[part] !== HOSTED),
    );
    this.known = result.scan;
    const exhausted = this.exhausted;
    this.exhausted = false;
    this.calm = complete && result.effects.length === 0 ? MOST_SKIPPED : 0;
    this.contested = false;
    this.starts = [];
    for (const effect of result.effects)
      if (effect.do === "start") this.starts.push(effect);
      else this.perform(effect);
    this.starts.reverse();
    this.cancelStarts();
    const startOne = () => {
      const next = this.starts.pop();
      if (next !== undefined) this.start(next.identity, next.part, exhausted);
      return next !== undefined;
    };
    this.cancelStarts = this.world.loop.inTurns(STARTS_SLICE_MS, startOne, () => this.scanned());
  }

  /** All that the scan found to be started was, as far as it could be. */
  private scanned(): void {
    if (this.logs.running || [...this.pairs.values()].some(({ running }) => running.log === HOSTED))
      if (!this.logs.look()) this.calm = 0;
    const soon = this.contested && this.contests-- > 0;
    this.scanIn(soon ? CONTEST_MS : SCAN_INTERVAL_MS);
  }

  /**
   * All that a new image of this process needs to go on where this one is; undefined if it could not for some service, or while
   * svscan stops.
   */
  handOn(): Omit<HandedOn, "writes" | "epoll"> | undefined {
    if (this.stopping) return undefined;
    const pairs: HandedPair[] = [];
    const silent: HandedPair[] = [];
    for (const [identity, { running, pipe }] of this.pairs) {
      const known = this.known.services.get(identity);
      const halves: { [part in Part]?: HandedHalf | "hosted" | undefined } = {};
      for (const part of PARTS) {
        const supervisor = running[part];
        if (supervisor === undefined) continue;
        halves[part] = supervisor.handedOn;
        if (halves[part] === undefined) return undefined;
      }
      if (known === undefined) return undefined;
      const pair = { identity, name: known.name, log: known.log, pipe: pipe?.handedOn, halves };
      // Those of whose ends nothing will tell come first.
      (halvesOf(pair).some(({ process }) => process === undefined) ? silent : pairs).push(pair);
    }
    const logs = this.logs.handedOn;
    if (logs === undefined) return undefined;
    this.vigil.end();
    this.stir();
    return {
      ...{ pairs: [...silent, ...pairs, ...this.waiting], logs: logs === "nothing" ? undefined : logs },
      ...{ names: this.watched, vigil: this.vigil.held },
    };
  }

  /**
   * Ends every service, then its logger, once that has read what the service wrote. Called again, it kills what is left.
   */
  stop(): void {
    const impatient = this.stopping;
    this.stopping = true;
    for (const pair of this.waiting) this.take(pair);
    this.starts = [];
    this.cancelStarts();
    this.cancelScan();
    this.vigil.end();
    if (impatient) this.logs.kill();
    for (const pair of this.pairs.values()) {
      // The log process stays until all services have ended.
      if (pair.running.log === HOSTED) pair.running.log = undefined;
      const { service, log } = pair.running;
      if (impatient) {
        service?.command("k");
        log?.command("k");
      } else if (service !== undefined) service.command("dx");
      else this.endLogger(pair);
    }
    this.finish();
  }

  private running(identity: Identity, part: Part): boolean {
    return this.pairs.get(identity)?.running[part] !== undefined;
  }

  private watch(handed: Fd | undefined): void {
    try {
      const names = handed ?? watchNames(".");
      this.watched = names;
      this.world.loop.watch(names, () => {
        drainWatch(names);
        const { at } = this.world.now();
        this.changedAt ??= at;
        this.calm = 0;
        if (!this.stopping) this.scanAt(instantMin(later(at, QUIET_MS), later(this.changedAt, PATIENCE_MS)));
      });
    } catch (error) {
      // No watches to be had: the directory is read every five seconds all the same.
      errnoOf(error);
    }
  }

  private scanIn(ms: number): void {
    this.scanAt(later(this.world.now().at, ms));
  }

  private scanAt(at: Instant): void {
    this.cancelScan();
    this.scanDue = at;
    this.cancelScan = this.world.loop.at(at, () => this.scanInTime());
  }

  private read(): { entries: Entry[]; complete: boolean } {
    try {
      const all = readdir(this.directory);
      const names = all.filter((name) => !name.startsWith("."));
      this.readProblem = undefined;
      const hosted = [...this.known.services].flatMap(([identity, { name }]) =>
        this.pairs.get(identity)?.running.log === HOSTED ? [`${name}/log`] : [],
      );
      const own = all.filter((name) => name === SCAN_FILES || (name === LOG_HOST && this.logs.running));
      const seen = [...names, ...hosted, ...own];
      this.names = [".", ...seen];
      this.snapshot.take(this.directory, seen);
      this.mayWatch = this.watched !== undefined;
      return { entries: names.flatMap((name) => this.look(name)), complete: true };
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      if (this.readProblem !== error.text) this.warn(`unable to read directory: ${error.text}`);
      this.readProblem = error.text;
      return { entries: [], complete: false };
    }
  }

  /** What a name stands for; nothing where it is no directory. */
  private look(name: ByteString): Entry[] {
    const unable = (what: ByteString, error: unknown): ByteString => {
      if (!(error instanceof ErrnoError)) throw error;
      return `unable to stat ${what}: ${error.text}`;
    };
    let identity: Identity;
    try {
      const found = statat(this.directory, name);
      if (found.type !== "directory") return [];
      identity = found.identity;
    } catch (error) {
      return [{ name, warning: unable(name, error) }];
    }
    // A logger that is there is there to stay.
    if (this.known.services.get(identity)?.log) return [{ name, identity, log: true }];
    try {
      return [{ name, identity, log: existsat(this.directory, `${name}/log`) }];
    } catch (error) {
      return [{ name, identity, warning: unable(`${name}/log`, error) }];
    }
  }

  private perform(effect: Exclude<ScanEffect, Start>): void {
    switch (effect.do) {
      case "warn":
        return this.warn(effect.text);
      case "forget":
        this.pairs.get(effect.identity)?.pipe?.close();
        this.pairs.delete(effect.identity);
        return;
      default:
        return exhaustive(effect);
    }
  }

  private start(identity: Identity, part: Part, exhaustedBefore: boolean): void {
    const service = this.known.services.get(identity);
    if (service === undefined) return;
    const { name } = service;
    const pair = this.pairs.get(identity) ?? new Pair(undefined);
    this.pairs.set(identity, pair);
    const { running, problems } = pair;
    try {
      if (service.log) pair.pipe ??= this.makePipe(name);
      if (part === "log" && isHosted(this.directory, name)) running.log = HOSTED;
      running[part] ??= this.begin(this.assignment(identity, name, part, pair));
      problems[part] = undefined;
      if (running[part] !== HOSTED) this.world.footprint.begun();
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      const exhausted = error.errno === EMFILE || error.errno === ENFILE;
      if (exhausted && !this.exhausted && !exhaustedBefore)
        this.warn(`unable to start ${name}: ${error.text}`);
      if (!exhausted && problems[part] !== error.message) this.world.report(error.message);
      this.exhausted ||= exhausted;
      // Not by another supervisor, perhaps, but by one that is just dying, or a process that it was just starting.
      this.contested ||= error.errno === EAGAIN;
      if (error.errno === EAGAIN && problems[part] === undefined) this.contests = CONTESTS;
      problems[part] = error.message;
    }
  }

  private assignment(
    identity: Identity,
    name: ByteString,
    part: Part,
    pair: Pair,
    handed?: HandedHalf,
  ): Assignment {
    return {
      name,
      title: part === "log" ? `${name}/log` : name,
      part,
      handed,
      pipe: () => pair.pipe,
      others: () => this.recordedBeside(identity, part),
      onLeave: () => this.left(pair, part),
    };
  }

  /** Loggers of the log process that have got a program of their own: that is begun once the log process has let go of them. */
  private dismiss(): void {
    for (const [identity, { running }] of this.pairs) {
      if (running.log !== HOSTED) continue;
      const name = this.known.services.get(identity)?.name;
      if (name !== undefined && this.runs(`${name}/log`)) running.log = undefined;
    }
  }

  private runs(name: ByteString): boolean {
    try {
      return existsat(this.directory, `${name}/run`);
    } catch (error) {
      errnoOf(error);
      return false;
    }
  }

  private recordedBeside(identity: Identity, part: Part): Left[] {
    const noted: Left[] = [];
    for (const [other, { name }] of this.known.services) {
      for (const half of PARTS) {
        if (other === identity && half === part) continue;
        const left = peekRecord(this.directory, half === "log" ? `${name}/log` : name, this.world.boot);
        if (left !== undefined) noted.push(left);
      }
    }
    return noted;
  }

  private makePipe(name: ByteString): LogPipe {
    try {
      const pipe = this.world.descriptors.open(() => LogPipe.make(this.directory, name));
      this.keeper.keep(pipe);
      return pipe;
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      throw new Unable(`svscan: warning: unable to create pipe for ${name}: ${error.text}`, error);
    }
  }

  private left(pair: Pair, part: Part): void {
    pair.running[part] = undefined;
    this.stir();
    if (!this.stopping) return;
    if (part === "service") this.endLogger(pair);
    this.finish();
  }

  /** The service has ended: its logger ends once it has read the rest. */
  private endLogger(pair: Pair): void {
    const { pipe } = pair;
    const logger = pair.running.log;
    // What a logger that is not there has not read is for the next svscan.
    const unread = pipe?.drained === false;
    if (logger === undefined) {
      this.unread ||= unread;
      return pipe?.close();
    }
    const { loop } = this.world;
    const { at } = this.world.now();
    if (unread && logger.coming) {
      loop.at(later(at, DRAIN_POLL_MS), () => this.endLogger(pair));
      return;
    }
    // It sees the end of its input, unless something of the service has stayed behind and holds the pipe.
    this.unread ||= unread;
    logger.command("x");
    pipe?.close();
    loop.at(later(at, LOGGER_GRACE_MS), () => pair.running.log?.command("d"));
  }

  /** Nothing begins while svscan stops: a pair that has ended need not be looked at again. */
  private finish(): void {
    this.ending ??= [...this.pairs.values()];
    for (let last = this.ending.at(-1); last !== undefined; last = this.ending.at(-1)) {
      const { running } = last;
      if (PARTS.some((part) => running[part] !== undefined)) return;
      this.ending.pop();
    }
    this.logs.stop(() => {
      this.keeper.end(this.unread);
      this.onStopped();
    });
  }

  private warn(text: ByteString): void {
    this.world.report(`svscan: warning: ${text}`);
  }
}

const instantMin = (a: Instant, b: Instant): Instant => (a < b ? a : b);
