// multilog at work: takes input as it comes, through a write-ahead buffer, and delivers it; obeys TERM and ALRM; begins with
// what a multilog that was killed has left. The order of stores and calls is that of docs/formats.md, which proves that no
// kill loses or doubles a byte. multilog(8)
import { FormatError } from "../formats/format-error.ts";
import { parseScript, type Script } from "../formats/log-script.ts";
import type { Moment } from "../formats/tai64n.ts";
import {
  AHEAD_NAME,
  AHEAD_NEW,
  aheadSize,
  type Half,
  MARK_SIZE,
  type Note,
  type Plan,
  type Source,
  TAIL_ROOM,
  WriteAhead,
} from "../formats/write-ahead.ts";
import { stampMoment } from "../sys/clock.ts";
import { EAGAIN, EINTR, ENOENT, ErrnoError, errnoOf } from "../sys/errno.ts";
import {
  bytesWaiting,
  close,
  fallocate,
  fstat,
  O_CREAT,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDWR,
  O_TRUNC,
  openat,
  readTo,
  renameat,
  setPipeSize,
  tee,
  unlinkIfThere,
} from "../sys/files.ts";
import { mapShared, Region } from "../sys/memory.ts";
import { MOST as SMALL_PIECE } from "../sys/trickle.ts";
import { type ByteString, type Fd, later } from "../units/units.ts";
import { type Chunk, Delivery, openStatusFiles, roomFor, type StatusFile, together } from "./delivery.ts";
import { LARGE_PIECE_WORK, PIECE_WORK } from "./footprint.ts";
import { LogDirectory, type LogHost, LogPlace, type Shell } from "./log-directory.ts";
import { type LogMemory, peekPipe, type Window } from "./log-memory.ts";
import { start, type Task } from "./task.ts";
import type { World } from "./world.ts";

/**
 * Bytes that are read at once: at first, and more each time that the pipe was found to hold as much. Still more is slower:
 * what was read is no longer in the processor's cache when it is written.
 */
const CAPACITIES = [4 * 1024, 32 * 1024, 128 * 1024] as const;
const CAPACITY_MOST = CAPACITIES[2];
/** Without a write-ahead buffer what is lost in a kill is what the C program may lose. */
const CAPACITY_BARE = 1024;
/** What a busy writer's pipe is asked to hold. */
const PIPE_SIZE = 512 * 1024;
/** So many chunks are taken before the loop looks whether there is anything else to do; one of many leaves it to the others. */
const CHUNKS_A_TURN = 16;
const CHUNKS_OF_MANY = 2;
const PAGE = 4096;
const NEWLINE = 10;

/** Instead of a number of bytes that were read: nothing is there now, or ever. */
const NONE = -1;
const END = -2;

/** How long TERM waits for a processor, in milliseconds, and for its end after TERM was sent to it. */
export const PROCESSOR_PATIENCE_MS = 10_000;
const PROCESSOR_END_MS = 2_000;
/** How long TERM waits for trouble to end where there is no write-ahead buffer and so bytes would be lost, in milliseconds. */
const BARE_PATIENCE_MS = 30_000;

export type Ending = { readonly code: "done" } | { readonly code: "lost"; readonly bytes: number };

/** An unfinished line. */
type Rest = {
  readonly tail: Uint8Array;
  readonly stamp: Moment;
  readonly inLine: boolean;
  /** Of each directory: whether it takes the line. */
  readonly taking: readonly boolean[];
};

const NOTHING: Rest = {
  tail: new Uint8Array(0),
  stamp: { seconds: 0, nanoseconds: 0 },
  inLine: false,
  taking: [],
};

export type Hooks = {
  /** Puts a line to standard error. */
  readonly alert: (line: Uint8Array) => void;
  /** multilog ends. */
  readonly end: (ending: Ending) => void;
  /** It cannot begin, or something is wrong with it. */
  readonly failed: (error: unknown) => void;
};

/** Where a writer works, and with what. */
export type LogSite = {
  /** What the names in the script are relative to, and how messages show them. */
  readonly at: Fd;
  readonly shown: (name: ByteString) => ByteString;
  /** Memory with a free window and a room, of so many bytes. */
  readonly memory: (windowSize: number, roomSize: number) => LogMemory;
  /** It is one of many: its buffer begins small, and it has none while there is nothing to do. */
  readonly frugal: boolean;
  readonly shell: Shell;
};

export class LogWriter {
  private readonly script: Script;
  /** What it works with: undefined while it rests. */
  private desk:
    | { readonly delivery: Delivery; readonly memory: LogMemory; readonly window: Window }
    | undefined;
  private statusFiles: readonly StatusFile[] = [];
  private places: LogPlace[] = [];
  private directories: LogDirectory[] = [];
  private ahead: WriteAhead | undefined;
  /** Whether the buffer's pages are certain to be there. */
  private locked = false;
  /** There is a buffer that was given up. */
  private dormant = false;
  /** Why there is none; said once in a row. */
  private aheadProblem: ByteString | undefined;
  /** What an earlier multilog has left, while it is looked after. */
  private recovery: { dispose(): void } | undefined;
  /** The half that counts, and in it what is still to be taken. */
  private half: Half = 0;
  private readonly chunk: Chunk = { from: 0, data: 0, to: 0, stamp: NOTHING.stamp, tailStamp: NOTHING.stamp };
  private capacity = CAPACITY_BARE;
  /** The pipe held more than was taken at once. */
  private crowded = false;
  /** There is no larger buffer to be had. */
  private grown = false;
  /** Something was read since the last call of `rest`. */
  private busy = false;
  /** The input is a pipe: its first byte can be looked at before it is taken. */
  private piped = false;
  private readonly source: Source;
  private pollable = true;
  private watched = false;
  /** What goes on when there is input, or a signal. */
  private waiting: (() => void) | undefined;
  /** What remains to be done with a chunk. */
  private remains: Task | undefined;
  private ended = false;
  private leaving = false;
  /** It leaves, and the line that it is in goes on in the next one. */
  private suspending = false;
  private rotating = false;
  private paused = false;
  /** Every line goes to one directory, with a label or as it came. */
  private readonly straight: boolean;
  /** Small pieces of input are taken while the loop sleeps, and what is known here is not the latest. */
  private lent = false;

  constructor(
    private readonly world: World,
    private readonly args: readonly ByteString[],
    private input: Fd,
    private readonly hooks: Hooks,
    private readonly site: LogSite,
  ) {
    this.script = parseScript(args);
    this.source = this.lookAtInput();
    const { actions, stamp } = this.script;
    this.straight = actions.length === 1 && actions[0]?.do === "log" && stamp !== "iso8601";
  }

  /** Begins. All that happens from now on happens in the world's loop. */
  start(): void {
    start(
      this.run(),
      () => this.hooks.end({ code: "done" }),
      (error) => {
        for (const directory of this.directories) directory.putBack();
        this.hooks.failed(error);
      },
    );
  }

  /** TERM: what has been read is delivered, up to the end of its last line, and multilog ends. */
  leave(): void {
    if (this.leaving) return;
    this.leaving = true;
    if (this.waiting !== undefined) this.wake();
    else this.leaveTrouble();
  }

  /** As `leave`, but at once: an unfinished line is kept in the buffer, for one that goes on with the same pipe. */
  suspend(): void {
    this.suspending = this.ahead !== undefined || this.desk === undefined;
    if (this.leaving && this.waiting !== undefined) this.wake();
    this.leave();
  }

  /** Reads nothing, and takes no notice of anything, until `resume`. */
  pause(): void {
    this.paused = true;
    this.unwatch();
  }

  resume(): void {
    this.paused = false;
    if (this.waiting !== undefined) this.waitForInput(this.waiting);
  }

  /** Goes on with `input`, which is the same pipe. */
  changeInput(input: Fd): void {
    this.unwatch();
    this.input = input;
    if (this.waiting !== undefined) this.waitForInput(this.waiting);
  }

  /** Whether something other than input is waited for: a processor, or that trouble ends. */
  get held(): boolean {
    return this.waiting === undefined || this.directories.some((directory) => directory.processing);
  }

  /** Gives the buffer up until there is input again, unless there was since the last call. @returns whether it has none */
  rest(): boolean {
    if (this.desk === undefined) return true;
    this.takeBack();
    if (this.remains !== undefined && this.waiting !== undefined) this.wake();
    const idle = !this.busy && this.waiting !== undefined && !this.midLine;
    this.busy = false;
    if (idle) this.giveUpBuffer();
    else this.lend();
    return idle;
  }

  /** Lets go of everything, whatever is under way: its tasks must not go on. */
  dispose(): void {
    this.unwatch();
    this.recovery?.dispose();
    this.leaveDesk();
    for (const directory of this.directories) directory.release();
    for (const place of this.places) place.close();
    for (const { file } of this.statusFiles) close(file);
  }

  /** ALRM: every file with something in it is finished. */
  rotate(): void {
    this.rotating = true;
    this.wake();
  }

  private *run(): Task {
    yield* this.begin();
    yield* this.log();
    yield* together(this.directories.map((directory) => directory.settle()));
    yield* together(this.directories.map((directory) => directory.close()));
    const [place] = this.places;
    if (place !== undefined && !this.midLine) unlinkIfThere(place.directory, AHEAD_NAME);
  }

  // Beginning

  private lookAtInput(): Source {
    try {
      const { type, identity, inode } = fstat(this.input);
      if (type !== "fifo") return { device: 0n, inode: 0n };
      this.piped = true;
      const [major = "0", minor = "0"] = identity.split(":");
      return { device: (BigInt(major) << 32n) | BigInt(minor), inode };
    } catch (error) {
      errnoOf(error);
      return { device: 0n, inode: 0n };
    }
  }

  private *begin(): Task {
    const { script, world, site } = this;
    this.statusFiles = openStatusFiles(script, site);
    const logs = script.actions.filter((action) => action.do === "log");
    // All are locked before anything is done in one: if one cannot be had the others are as they were.
    for (const { path } of logs) this.places.push(new LogPlace(site.at, path, site.shown(path)));
    const rest = yield* this.recover();
    this.directories = logs.map(
      ({ keeping }, i) => new LogDirectory(world, this.places[i] as LogPlace, keeping, this.hostOf(i)),
    );
    for (const directory of this.directories) yield* directory.open();
    const [, ...others] = this.places;
    if (!site.frugal || rest.tail.length > 0 || rest.inLine) this.work(rest);
    for (const other of this.ahead === undefined ? this.places : others)
      unlinkIfThere(other.directory, AHEAD_NAME);
  }

  /** Begins to work, or to work again: takes memory, and makes a buffer with the line that is under way. */
  private work(rest: Rest): void {
    const { script, world, site } = this;
    const windowSize = Math.max(aheadSize(this.shape(CAPACITY_MOST)).total, 2 * (TAIL_ROOM + CAPACITY_MOST));
    const memory = site.memory(windowSize, roomFor(script).size);
    this.desk = { ...this.sit(memory, script, this.directories, this.statusFiles), memory };
    this.takeUp(rest);
    const [place] = this.places;
    if (place === undefined) {
      this.capacity = CAPACITY_MOST;
      return;
    }
    if (this.reuseAhead(place)) return;
    try {
      this.makeAhead(place, site.frugal ? CAPACITIES[0] : CAPACITIES[1]);
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      this.capacity = CAPACITY_BARE;
      const problem = `unable to keep a write-ahead buffer in ${place.path}: ${error.text}`;
      if (this.aheadProblem !== problem) world.report(`multilog: warning: ${problem}`);
      this.aheadProblem = problem;
    }
  }

  /** What delivers by `script`, and a window of `memory` for it. */
  private sit(
    memory: LogMemory,
    script: Script,
    directories: readonly LogDirectory[],
    statusFiles: readonly StatusFile[],
  ): { readonly delivery: Delivery; readonly window: Window } {
    const { alert } = this.hooks;
    const paused = () => this.leaveTrouble();
    const delivery = new Delivery(this.world, script, directories, statusFiles, alert, paused, memory);
    return { delivery, window: memory.takeWindow() as Window };
  }

  private leaveDesk(): void {
    if (this.desk === undefined) return;
    const { delivery, memory, window } = this.desk;
    delivery.dispose();
    memory.giveBackWindow(window);
    this.desk = undefined;
    this.ahead = undefined;
  }

  /** All is written: the buffer says so, and is not in memory until it is needed again. One that has grown goes. */
  private giveUpBuffer(): void {
    const { ahead } = this;
    const [place] = this.places;
    if (ahead !== undefined && place !== undefined) {
      for (let i = 0; i < this.directories.length; i++) ahead.setNote(this.half, i, { at: "done" });
      this.dormant = this.capacity === CAPACITIES[0];
      if (!this.dormant) unlinkIfThere(place.directory, AHEAD_NAME);
    }
    this.leaveDesk();
  }

  /** Takes up the buffer that was given up, if it is there. */
  private reuseAhead(place: LogPlace): boolean {
    if (!this.dormant) return false;
    this.dormant = false;
    const [capacity] = CAPACITIES;
    const { total } = aheadSize(this.shape(capacity));
    try {
      const file = openat(place.directory, AHEAD_NAME, O_RDWR | O_NONBLOCK | O_NOFOLLOW);
      try {
        const { type, size } = fstat(file);
        if (type !== "file" || size !== total) return false;
        // What its plan says of an unfinished line was so before the last of the data came.
        this.see(file, total, capacity, 0);
      } finally {
        close(file);
      }
      return true;
    } catch (error) {
      if (!(error instanceof ErrnoError || error instanceof FormatError)) throw error;
      return false;
    }
  }

  /**
   * From now on the buffer is the first `total` bytes of `file`, in which everything is written but an unfinished line.
   * @param tail how much of that line there is
   */
  private see(file: Fd, total: number, capacity: number, tail: number): void {
    const { region, window } = this;
    region.show(file, window.at, total);
    this.locked = region.lock(window.at, total);
    const ahead = WriteAhead.open(region.bytes.subarray(window.at, window.at + total));
    this.ahead = ahead;
    this.half = ahead.active ?? 0;
    this.capacity = capacity;
    this.grown = capacity === CAPACITY_MOST;
    const { stamp, tailStamp } = ahead.planOf(this.half);
    this.beginChunk(window.at + ahead.dataAt(this.half), tail, stamp, tailStamp);
  }

  private hostOf(i: number): LogHost {
    return {
      shell: this.site.shell,
      note: (note) => this.ahead?.setNote(this.half, i, note),
      paused: () => this.leaveTrouble(),
      aged: () => this.rotate(),
    };
  }

  private shape(capacity: number) {
    return { capacity, directories: this.places.length, args: this.args };
  }

  private get at() {
    return this.desk as NonNullable<typeof this.desk>;
  }
  private get lines() {
    return this.at.delivery.lines;
  }
  private get region() {
    return this.at.memory.region;
  }
  private get memory() {
    return this.region.bytes;
  }
  private get window() {
    return this.at.window;
  }

  /** Puts an unfinished line where it would be had it been read here. */
  private takeUp({ tail, stamp, inLine, taking }: Rest): void {
    const { lines, memory, window } = this;
    const data = window.at + TAIL_ROOM;
    memory.set(tail, data - tail.length);
    this.at.delivery.restStamp = stamp;
    this.beginChunk(data, tail.length, stamp, stamp);
    lines.inLine = inLine;
    for (const [i, takes] of taking.entries()) lines.taking[lines.slotOf[i] as number] = takes ? 1 : 0;
  }

  /**
   * Makes a write-ahead buffer with the unfinished line that there is, in place of any other.
   * @throws {ErrnoError} Nothing has changed then.
   */
  private makeAhead(place: LogPlace, capacity: number): void {
    const { directories, lines, region } = this;
    const shape = this.shape(capacity);
    const { total } = aheadSize(shape);
    const tail = region.bytes.slice(lines.position, this.chunk.to);
    const stamp = this.at.delivery.restStamp;
    const file = openat(place.directory, AHEAD_NEW, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
    try {
      // Blocks for all of it: a store into a hole of a full disk would be a SIGBUS.
      fallocate(file, total);
      const made = mapShared(file, total);
      const mark = crypto.getRandomValues(new Uint8Array(MARK_SIZE));
      const ahead = WriteAhead.create(made.bytes, shape, this.source, mark);
      made.bytes.set(tail, ahead.dataAt(0) - tail.length);
      for (const [i, directory] of directories.entries()) {
        directory.beginChunk();
        const taking = lines.taking[lines.slotOf[i] as number] === 1;
        ahead.setWriting(0, i, directory.inode, directory.length, taking);
      }
      const { inLine } = lines;
      ahead.plan(0, { tail: tail.length, length: 0, before: undefined, stamp, tailStamp: stamp, inLine });
      ahead.activate(0);
      made.unmap();
      // Up to here the old one is whole, and from here the new one.
      renameat(place.directory, AHEAD_NEW, AHEAD_NAME);
      this.ahead = undefined;
      this.see(file, total, capacity, tail.length);
    } finally {
      close(file);
    }
  }

  // What was left behind

  /** Writes what a multilog that was killed had taken and not written. @returns the line that it was in */
  private *recover(): Task<Rest> {
    let rest = NOTHING;
    for (const place of this.places) {
      try {
        const left = yield* this.recoverFrom(place, place === this.places[0]);
        if (place === this.places[0]) rest = left;
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        this.world.report(`multilog: warning: unable to use ${place.path}/${AHEAD_NAME}: ${error.message}`);
        renameat(place.directory, AHEAD_NAME, `${AHEAD_NAME}.bad`);
      }
    }
    return rest;
  }

  private *recoverFrom(place: LogPlace, mayResume: boolean): Task<Rest> {
    let file: Fd;
    try {
      file = openat(place.directory, AHEAD_NAME, O_RDWR | O_NONBLOCK | O_NOFOLLOW);
    } catch (error) {
      if (errnoOf(error) === ENOENT) return NOTHING;
      throw new FormatError((error as ErrnoError).text, 0);
    }
    const { type, size } = fstat(file);
    if (type !== "file" || size % PAGE !== 0 || size === 0 || size > 1 << 30) {
      close(file);
      throw new FormatError("not a write-ahead buffer", 0);
    }
    const peek = readBuffer(file, size);
    const { args } = peek;
    const script = parseScript(args);
    const logs = script.actions.filter((action) => action.do === "log");
    const { active: half } = peek;
    if (half === undefined || logs.length !== peek.directories) {
      close(file);
      if (half === undefined) return NOTHING;
      throw new FormatError("write-ahead buffer is inconsistent", 0);
    }
    const host = (i: number): LogHost => ({
      shell: this.site.shell,
      note: (note: Note) => buffer.setNote(half, i, note),
      paused: () => this.leaveTrouble(),
      aged: () => {},
    });
    const places = logs.map(({ path }) => this.placeFor(path));
    const directories = logs.map(
      ({ keeping }, i) => new LogDirectory(this.world, places[i] as LogPlace, keeping, host(i)),
    );
    const memory = this.site.memory(size, roomFor(script).size);
    const statusFiles = openStatusFiles(script, this.site);
    const { delivery, window } = this.sit(memory, script, directories, statusFiles);
    this.recovery = {
      dispose: () => {
        delivery.dispose();
        memory.giveBackWindow(window);
        for (const directory of directories) directory.release();
        for (const each of places) if (!this.places.includes(each)) each.close();
        for (const each of statusFiles) close(each.file);
        this.recovery = undefined;
      },
    };
    const { lines } = delivery;
    const { region } = memory;
    region.show(file, window.at, size);
    close(file);
    const buffer = WriteAhead.open(region.bytes.subarray(window.at, window.at + size));
    const plan = buffer.planOf(half);
    lines.inLine = plan.inLine;
    for (const [i, directory] of directories.entries()) {
      const done = directory.progressOf(buffer.note(half, i));
      lines.taking[lines.slotOf[i] as number] = buffer.taking(half, i) ? 1 : 0;
      yield* directory.reopen();
      directory.resumeChunk(done);
    }
    delivery.noteIn(buffer, half);
    delivery.alertsToSkip = buffer.alerts(half);
    const left = { bytes: region.bytes, at: window.at + buffer.dataAt(half), buffer, half };
    const rest = yield* this.deliverLeft(delivery, plan, left, mayResume);
    for (let i = 0; i < directories.length; i++) buffer.setNote(half, i, { at: "done" });
    this.recovery.dispose();
    return rest;
  }

  private *deliverLeft(
    delivery: Delivery,
    plan: Plan,
    left: {
      readonly bytes: Uint8Array;
      readonly at: number;
      readonly buffer: WriteAhead;
      readonly half: Half;
    },
    mayResume: boolean,
  ): Task<Rest> {
    const { lines } = delivery;
    const { bytes, at: data, buffer, half } = left;
    const { source } = this;
    const samePipe =
      mayResume &&
      source.inode !== 0n &&
      buffer.source.inode === source.inode &&
      buffer.source.device === source.device;
    const chunk = { from: data - plan.tail, data, stamp: plan.stamp, tailStamp: plan.tailStamp };
    const got = buffer.got(half);
    // The search for the ends of lines stores one behind the data: where nothing was read, in the place of what tells so.
    buffer.setGot(half, got);
    const to = data + got;
    const remains = delivery.deliver({ ...chunk, to });
    if (remains !== undefined) yield* remains;
    const stamp = delivery.restStamp;
    const unfinished = lines.position < to || lines.inLine;
    if (!unfinished) return NOTHING;
    if (samePipe && (!lines.inLine || this.sameArgs(buffer.args))) {
      const taking = lines.slotOf.map((slot) => lines.taking[slot] === 1);
      return { tail: bytes.slice(lines.position, to), stamp, inLine: lines.inLine, taking };
    }
    // The rest of the line can never come: it ends here, as at the end of input.
    const lineStart = lines.position;
    bytes[to] = NEWLINE;
    buffer.setGot(half, to + 1 - data);
    delivery.alertsToSkip = 0;
    const end = delivery.deliver({ ...chunk, from: lineStart, data: to, tailStamp: stamp, to: to + 1 });
    if (end !== undefined) yield* end;
    return NOTHING;
  }

  private sameArgs(args: readonly ByteString[]): boolean {
    return args.length === this.args.length && args.every((arg, i) => arg === this.args[i]);
  }

  /** The place of that name: among those that are locked already, or another. @throws {Refused} */
  private placeFor(path: ByteString): LogPlace {
    const known = this.places.find((place) => place.name === path);
    return known ?? new LogPlace(this.site.at, path, this.site.shown(path));
  }

  // Input

  /** Takes and delivers input until there is to be no more. */
  private *log(): Task {
    for (;;) {
      const { remains } = this;
      if (remains !== undefined) {
        this.remains = undefined;
        yield* remains;
      }
      if (this.rotating) {
        this.rotating = false;
        yield* together(this.directories.filter((d) => !d.empty).map((d) => d.rotate()));
      } else if (this.leaving && (this.suspending || !this.midLine)) return;
      else if (this.ended) {
        if (!this.midLine) return;
        this.endLine();
      } else {
        if (this.crowded) this.grow();
        yield (resume) => this.waitForInput(resume);
        if (this.desk === undefined && this.busy) this.work(NOTHING);
      }
    }
  }

  private waitForInput(resume: () => void): void {
    this.waiting = resume;
    if (this.paused) return;
    const { loop } = this.world;
    if (this.remains !== undefined) return loop.soon(() => this.wake());
    if (this.pollable && !this.watched) {
      try {
        loop.watch(this.input, () => this.onReadable());
        this.watched = true;
      } catch (error) {
        // A regular file, or none: a read tells at once.
        errnoOf(error);
        this.pollable = false;
      }
    }
    if (this.pollable) this.lend();
    else loop.at(this.world.now().at, () => this.onReadable());
  }

  private onReadable(): void {
    if (this.waiting === undefined) {
      // Something else is waited for: until that has come, input stays where it is.
      this.unwatch();
      return;
    }
    if (this.paused) return;
    this.busy = true;
    let more = true;
    this.takeBack();
    try {
      // Whoever has no desk gets one in `log` first.
      if (this.desk !== undefined && this.remains === undefined) more = this.takeInput();
    } catch (error) {
      this.remains = failing(error);
    }
    if (more) this.wake();
    else if (!this.pollable) this.waitForInput(this.waiting);
    else this.lend();
  }

  private unwatch(): void {
    this.takeBack();
    if (this.watched) this.world.loop.unwatch(this.input);
    this.watched = false;
  }

  private wake(): void {
    this.takeBack();
    const resume = this.waiting;
    this.waiting = undefined;
    resume?.();
  }

  /** Whether the last byte read was not the end of a line. */
  private get midLine(): boolean {
    if (this.desk === undefined) return false;
    const { lines } = this;
    return lines.inLine || lines.position < this.chunk.to;
  }

  /**
   * Takes and delivers what there is. All that need not wait is done here: `log` could do it as well, but slower.
   * @returns whether there is something for `log` to do
   */
  private takeInput(): boolean {
    const most = this.leaving ? 1 : this.capacity - 1;
    const turns = this.site.frugal ? CHUNKS_OF_MANY : CHUNKS_A_TURN;
    for (let turn = 0; turn < turns; turn++) {
      const got = this.read(most, turn > 0);
      if (got === NONE) return false;
      if (got === END) {
        this.ended = true;
        return true;
      }
      this.remains = this.at.delivery.deliver(this.chunk);
      if (this.remains !== undefined || this.crowded || this.leaving) return true;
      const large = got === most && !this.leaving;
      this.world.footprint.worked(large ? LARGE_PIECE_WORK : PIECE_WORK);
      if (!large) return false;
    }
    return false;
  }

  /**
   * Takes at most `most` bytes: first it is noted what is about to be read, then it is read, by one call that takes all of
   * it or nothing.
   * @param more there was more just now, and there may be nothing
   */
  private read(most: number, more: boolean): number {
    try {
      const { input, ahead } = this;
      if (!this.piped || ahead === undefined)
        // Without being told that there is something a read might wait.
        return more && this.pollable ? NONE : this.readPlanned(most, undefined);
      const waiting = bytesWaiting(input);
      if (waiting >= MARK_SIZE && most >= MARK_SIZE) {
        if (waiting > most && !this.grown) this.crowded = true;
        return this.readPlanned(Math.min(waiting, most), "mark");
      }
      if (more && waiting === 0) return NONE;
      const first = this.peek(peekPipe());
      return first < 0 ? first : this.readPlanned(Math.min(Math.max(1, waiting), most), first ^ 0xff);
    } catch (error) {
      // As in C: an input that cannot be read has ended.
      return errnoOf(error) === EAGAIN ? NONE : END;
    }
  }

  /** The first byte of the input, which stays there. */
  private peek([to, from]: readonly [Fd, Fd]): number {
    if (tee(this.input, from, 1) === 0) return END;
    const { region, peekAt: at } = this.at.memory;
    readTo(to, region.base + at, 1);
    return region.bytes[at] as number;
  }

  private readPlanned(length: number, before: number | "mark" | undefined): number {
    const data = this.plan(length, before);
    const got = readTo(this.input, this.region.base + data, length);
    this.ahead?.setGot(this.half, got);
    this.chunk.to = data + got;
    return got > 0 ? got : END;
  }

  /** What was taken last, if anything was, was little, and is written: from now on the like of it is taken while the loop sleeps. */
  private lend(): void {
    const { ahead, chunk, directories, watched } = this;
    if (!this.straight || ahead === undefined || !watched || !this.piped || this.leaving) return;
    if (chunk.to - chunk.data > SMALL_PIECE || this.midLine) return;
    const { trickle } = this.world.loop;
    const [directory] = directories;
    const appendable = directory?.appendable;
    if (trickle === undefined || directory === undefined || appendable === undefined) return;
    const { mark, plan, note, ...at } = ahead.outline(directory.inode);
    const buffer = this.region.base + this.window.at;
    const addresses = ([first, second]: readonly [number, number]) =>
      [buffer + first, buffer + second] as const;
    this.lent = trickle.lend(this.input, {
      ...appendable,
      half: this.half,
      stamped: this.script.stamp === "tai64n",
      buffer,
      plans: addresses(at.plans),
      notes: addresses(at.notes),
      data: addresses(at.data),
      ...{ mark, plan, note },
    });
  }

  /** Learns what has been taken, and does what remains to be done with it. */
  private takeBack(): void {
    if (!this.lent) return;
    this.lent = false;
    const { ahead, chunk, directories, world } = this;
    const back = world.loop.trickle?.takeBack(this.input);
    const [directory] = directories;
    if (back === undefined || directory === undefined || ahead === undefined) return;
    const { half, bytes, pieces, written, got } = back;
    if (pieces === 0 && got === undefined) return;
    this.busy = true;
    this.half = half;
    const { delivery, window } = this.at;
    delivery.noteIn(ahead, half);
    const { stamp } = ahead.planOf(half);
    this.beginChunk(window.at + ahead.dataAt(half), 0, stamp, stamp);
    if (got === undefined) {
      chunk.from = chunk.data = chunk.to = this.lines.position = chunk.data + ahead.got(half);
      directory.appended(bytes, written);
      return;
    }
    directory.appended(bytes + written, written);
    directory.passOver();
    if (got > 0) {
      ahead.setGot(half, got);
      chunk.to += got;
      try {
        this.remains = delivery.deliver(chunk);
      } catch (error) {
        this.remains = failing(error);
      }
    } else if (got === 0 || (-got !== EAGAIN && -got !== EINTR)) this.ended = true;
  }

  /** Makes the other half ready for `length` bytes, with the unfinished line in front, and makes it the one that counts. */
  private plan(length: number, before: number | "mark" | undefined): number {
    const { ahead, directories } = this;
    const { delivery, memory, window } = this.at;
    const { lines } = delivery;
    const { inLine, position } = lines;
    const { bytes } = memory.region;
    const half: Half = this.half === 0 ? 1 : 0;
    const data = window.at + (ahead?.dataAt(half) ?? (half + 1) * TAIL_ROOM + half * CAPACITY_MOST);
    const { to } = this.chunk;
    const tail = to - position;
    const stamp = stampMoment();
    const tailStamp = tail === 0 ? stamp : delivery.restStamp;
    if (tail > 0) bytes.copyWithin(data - tail, position, to);
    for (let i = 0; i < directories.length; i++) {
      const directory = directories[i] as LogDirectory;
      directory.beginChunk();
      const taking = inLine && lines.taking[lines.slotOf[i] as number] === 1;
      ahead?.setWriting(half, i, directory.inode, directory.length, taking);
    }
    if (ahead !== undefined) {
      ahead.plan(half, { tail, length, before, stamp, tailStamp, inLine });
      if (!this.locked) for (let at = data + PAGE; at < data + length; at += PAGE) bytes[at] = 0;
      ahead.activate(half);
      delivery.noteIn(ahead, half);
    }
    this.half = half;
    this.beginChunk(data, tail, stamp, tailStamp);
    return data;
  }

  private beginChunk(data: number, tail: number, stamp: Moment, tailStamp: Moment): void {
    const { chunk } = this;
    chunk.from = data - tail;
    chunk.data = chunk.to = data;
    chunk.stamp = stamp;
    chunk.tailStamp = tailStamp;
    this.lines.position = data - tail;
  }

  /** The end of input inside a line: it gets its newline. */
  private endLine(): void {
    const data = this.plan(1, undefined);
    this.memory[data] = NEWLINE;
    this.ahead?.setGot(this.half, 1);
    this.chunk.to = data + 1;
    this.remains = this.at.delivery.deliver(this.chunk);
  }

  /** The pipe held more than was taken: more is taken at once from now on. */
  private grow(): void {
    this.crowded = false;
    const [place] = this.places;
    const { ahead } = this;
    const larger = CAPACITIES.find((capacity) => capacity > this.capacity);
    if (place === undefined || ahead === undefined || larger === undefined) return;
    // If the old buffer is all that the next multilog finds, it needs no more than the unfinished line from it.
    for (let i = 0; i < this.directories.length; i++) ahead.setNote(this.half, i, { at: "done" });
    try {
      this.makeAhead(place, larger);
    } catch (error) {
      errnoOf(error);
      // What is there goes on to be used.
      this.grown = true;
      return;
    }
    if (larger !== CAPACITY_MOST) return;
    try {
      setPipeSize(this.input, PIPE_SIZE);
    } catch (error) {
      errnoOf(error);
    }
  }

  // Leaving while something is in the way

  /** TERM while something is waited for that is not input: what is not written lies in the buffer, and multilog may go. */
  private leaveTrouble(): void {
    if (!this.leaving) return;
    const busy = this.directories.filter((directory) => directory.processing);
    const { loop } = this.world;
    if (busy.length > 0) {
      loop.at(later(this.world.now().at, PROCESSOR_PATIENCE_MS), () => {
        for (const directory of busy) directory.stopProcessor("SIGTERM");
        loop.at(later(this.world.now().at, PROCESSOR_END_MS), () => {
          for (const directory of busy) directory.stopProcessor("SIGKILL");
          this.abandon();
        });
      });
    } else if (this.ahead !== undefined || this.desk === undefined) this.abandon();
    else loop.at(later(this.world.now().at, BARE_PATIENCE_MS), () => this.abandon());
  }

  private abandon(): void {
    const kept = this.ahead !== undefined || this.desk === undefined;
    const bytes = kept ? 0 : this.chunk.to - this.lines.position;
    return this.hooks.end(bytes === 0 ? { code: "done" } : { code: "lost", bytes });
  }
}

// biome-ignore lint/correctness/useYield: a task that fails at once.
function* failing(error: unknown): Task {
  throw error;
}

function readBuffer(file: Fd, size: number): WriteAhead {
  const region = new Region(size);
  region.show(file, 0, size);
  try {
    return WriteAhead.open(region.bytes);
  } catch (error) {
    close(file);
    throw error;
  }
}
