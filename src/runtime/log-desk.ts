// Where a log writer works while there is something to do: a write-ahead buffer in memory, what was read into it, and its
// delivery. The order of stores and calls is that of docs/formats.md, which proves that no kill loses or doubles a byte.
import { FormatError } from "../formats/format-error.ts";
import type { Script } from "../formats/log-script.ts";
import type { Moment } from "../formats/tai64n.ts";
import {
  AHEAD_NAME,
  AHEAD_NEW,
  aheadSize,
  type Half,
  MARK_SIZE,
  type Note,
  type Source,
  TAIL_ROOM,
  WriteAhead,
} from "../formats/write-ahead.ts";
import { stampMoment } from "../sys/clock.ts";
import { EAGAIN, ErrnoError, errnoOf } from "../sys/errno.ts";
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
import { mapShared } from "../sys/memory.ts";
import { type Loan, type Return, MOST as SMALL_PIECE } from "../sys/trickle.ts";
import type { ByteString, Fd } from "../units/units.ts";
import type { Chunk, Delivery } from "./delivery.ts";
import type { LogDirectory, LogPlace } from "./log-directory.ts";
import { type LogMemory, peekPipe, type Window } from "./log-memory.ts";

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
const PAGE = 4096;
const NEWLINE = 10;

/** Instead of a number of bytes that were read: nothing is there now, or ever. */
export const NONE = -1;
export const END = -2;

/** An unfinished line. */
export type Rest = {
  readonly tail: Uint8Array;
  readonly stamp: Moment;
  readonly inLine: boolean;
  /** Of each directory: whether it takes the line. */
  readonly taking: readonly boolean[];
};

export const NOTHING: Rest = {
  tail: new Uint8Array(0),
  stamp: { seconds: 0, nanoseconds: 0 },
  inLine: false,
  taking: [],
};

/** What is read. */
export type Input = {
  readonly file: Fd;
  /** A pipe: its first byte can be looked at before it is taken. */
  readonly piped: boolean;
  /** Whether it can be waited for. */
  readonly pollable: boolean;
};

/** What is done here. */
export type Work = {
  readonly args: readonly ByteString[];
  readonly script: Script;
  readonly source: Source;
  /** The first directory has the buffer. A script may have none. */
  readonly place: LogPlace | undefined;
  readonly directories: readonly LogDirectory[];
  /** It is one of many: its buffer begins small. */
  readonly frugal: boolean;
};

const shape = ({ args, directories }: Work, capacity: number) => ({
  capacity,
  directories: directories.length,
  args,
});

/** Bytes of the window that it needs. */
export const windowFor = (work: Work): number =>
  Math.max(aheadSize(shape(work, CAPACITY_MOST)).total, 2 * (TAIL_ROOM + CAPACITY_MOST));

export class LogDesk {
  /** What was taken, and what of it is still to be delivered. */
  readonly chunk: Chunk = { from: 0, data: 0, to: 0, stamp: NOTHING.stamp, tailStamp: NOTHING.stamp };
  /** The pipe held more than was taken at once. */
  crowded = false;
  private readonly window: Window;
  private ahead: WriteAhead | undefined;
  /** Whether the buffer's pages are certain to be there. */
  private locked = false;
  /** The half that counts. */
  private half: Half = 0;
  private capacity = CAPACITY_BARE;
  /** There is no larger buffer to be had. */
  private grown = false;

  /**
   * Begins to work, without a buffer.
   * @param memory what `delivery` has, with a free window of `windowFor` bytes
   * @param rest the line that is under way, which is put where it would be had it been read here
   */
  constructor(
    private readonly work: Work,
    private readonly memory: LogMemory,
    readonly delivery: Delivery,
    { tail, stamp, inLine, taking }: Rest,
  ) {
    this.window = memory.takeWindow() as Window;
    const { lines } = delivery;
    const data = this.window.at + TAIL_ROOM;
    this.bytes.set(tail, data - tail.length);
    delivery.restStamp = stamp;
    this.beginChunk(data, tail.length, stamp, stamp);
    lines.inLine = inLine;
    for (const [i, takes] of taking.entries()) lines.taking[lines.slotOf[i] as number] = takes ? 1 : 0;
    if (work.place === undefined) this.capacity = CAPACITY_MOST;
  }

  private get region() {
    return this.memory.region;
  }
  private get bytes() {
    return this.memory.region.bytes;
  }
  private get lines() {
    return this.delivery.lines;
  }

  /** Whether what was taken outlives this process. */
  get kept(): boolean {
    return this.ahead !== undefined;
  }

  /** Whether the last byte read was not the end of a line. */
  get midLine(): boolean {
    const { lines } = this;
    return lines.inLine || lines.position < this.chunk.to;
  }

  /** How much is taken at once. */
  get most(): number {
    return this.capacity - 1;
  }

  /** What was taken and not delivered, in bytes. */
  get undelivered(): number {
    return this.chunk.to - this.lines.position;
  }

  /** Notes how far a directory is with the chunk. */
  note(directory: number, note: Note): void {
    this.ahead?.setNote(this.half, directory, note);
  }

  private noteDone(): void {
    for (let i = 0; i < this.work.directories.length; i++) this.note(i, { at: "done" });
  }

  // The buffer

  /** Makes a buffer in `place`. @throws {ErrnoError} There is none then. */
  makeBuffer(place: LogPlace): void {
    this.make(place, this.work.frugal ? CAPACITIES[0] : CAPACITIES[1]);
  }

  /** Takes up the buffer that `giveUp` has left in `place`. @returns whether it is there */
  reuseBuffer(place: LogPlace): boolean {
    const [capacity] = CAPACITIES;
    const { total } = aheadSize(shape(this.work, capacity));
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
   * All is written: the buffer says so, and the desk is left. A buffer that has grown goes.
   * @returns whether there is one to be taken up again
   */
  giveUp(): boolean {
    const { ahead, capacity, work } = this;
    this.noteDone();
    const small = ahead !== undefined && capacity === CAPACITIES[0];
    if (ahead !== undefined && !small && work.place !== undefined)
      unlinkIfThere(work.place.directory, AHEAD_NAME);
    this.leave();
    return small;
  }

  /** Lets go of memory; the buffer stays where it is. */
  leave(): void {
    this.delivery.dispose();
    this.memory.giveBackWindow(this.window);
  }

  /**
   * Makes a buffer with the unfinished line that there is, in place of any other.
   * @throws {ErrnoError} Nothing has changed then.
   */
  private make(place: LogPlace, capacity: number): void {
    const { lines, bytes, work } = this;
    const layout = shape(work, capacity);
    const { total } = aheadSize(layout);
    const tail = bytes.slice(lines.position, this.chunk.to);
    const stamp = this.delivery.restStamp;
    const file = openat(place.directory, AHEAD_NEW, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
    try {
      // Blocks for all of it: a store into a hole of a full disk would be a SIGBUS.
      fallocate(file, total);
      const made = mapShared(file, total);
      const mark = crypto.getRandomValues(new Uint8Array(MARK_SIZE));
      const ahead = WriteAhead.create(made.bytes, layout, work.source, mark);
      made.bytes.set(tail, ahead.dataAt(0) - tail.length);
      for (const [i, directory] of work.directories.entries()) {
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
    } catch (error) {
      // A part of it may take what is left of the disk.
      unlinkIfThere(place.directory, AHEAD_NEW);
      throw error;
    } finally {
      close(file);
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

  /** The pipe held more than was taken: more is taken at once from now on. */
  grow(input: Input): void {
    this.crowded = false;
    const { place } = this.work;
    const larger = CAPACITIES.find((capacity) => capacity > this.capacity);
    if (place === undefined || this.ahead === undefined || larger === undefined) return;
    // If the old buffer is all that the next multilog finds, it needs no more than the unfinished line from it.
    this.noteDone();
    try {
      this.make(place, larger);
    } catch (error) {
      errnoOf(error);
      // What is there goes on to be used.
      this.grown = true;
      return;
    }
    if (larger !== CAPACITY_MOST) return;
    try {
      setPipeSize(input.file, PIPE_SIZE);
    } catch (error) {
      errnoOf(error);
    }
  }

  // Input

  /**
   * Takes at most `most` bytes: first it is noted what is about to be read, then it is read, by one call that takes all of
   * it or nothing.
   * @param more there was more just now, and there may be nothing
   * @returns how many, or NONE or END
   */
  read(input: Input, most: number, more: boolean): number {
    try {
      const { file, piped, pollable } = input;
      if (!piped || this.ahead === undefined)
        // Without being told that there is something a read might wait.
        return more && pollable ? NONE : this.readPlanned(file, most, undefined);
      const waiting = bytesWaiting(file);
      if (waiting >= MARK_SIZE && most >= MARK_SIZE) {
        if (waiting > most && !this.grown) this.crowded = true;
        return this.readPlanned(file, Math.min(waiting, most), "mark");
      }
      if (more && waiting === 0) return NONE;
      const first = this.peek(file, peekPipe());
      return first < 0 ? first : this.readPlanned(file, Math.min(Math.max(1, waiting), most), first ^ 0xff);
    } catch (error) {
      // As in C: an input that cannot be read has ended.
      return errnoOf(error) === EAGAIN ? NONE : END;
    }
  }

  /** The first byte of the input, which stays there. */
  private peek(file: Fd, [to, from]: readonly [Fd, Fd]): number {
    if (tee(file, from, 1) === 0) return END;
    const { region, peekAt: at } = this.memory;
    readTo(to, region.base + at, 1);
    return region.bytes[at] as number;
  }

  private readPlanned(file: Fd, length: number, before: number | "mark" | undefined): number {
    const data = this.plan(length, before);
    const got = readTo(file, this.region.base + data, length);
    this.ahead?.setGot(this.half, got);
    this.chunk.to = data + got;
    return got > 0 ? got : END;
  }

  /** The end of input inside a line: a newline is taken. */
  endLine(): void {
    const data = this.plan(1, undefined);
    this.bytes[data] = NEWLINE;
    this.ahead?.setGot(this.half, 1);
    this.chunk.to = data + 1;
  }

  /** Makes the other half ready for `length` bytes, with the unfinished line in front, and makes it the one that counts. */
  private plan(length: number, before: number | "mark" | undefined): number {
    const { ahead, bytes, delivery, window } = this;
    const { directories } = this.work;
    const { lines } = delivery;
    const { inLine, position } = lines;
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

  // Small pieces, which are taken while the loop sleeps

  /**
   * What is needed to go on without this process's JavaScript, for a script of one directory and no patterns; undefined where
   * that would be no use: what was taken last was not little, or not all of it is written.
   */
  get loan(): Loan | undefined {
    const { ahead, chunk } = this;
    const [directory] = this.work.directories;
    if (ahead === undefined || directory === undefined) return undefined;
    if (chunk.to - chunk.data > SMALL_PIECE || this.midLine) return undefined;
    const { appendable } = directory;
    if (appendable === undefined) return undefined;
    return {
      ...appendable,
      half: this.half,
      stamped: this.work.script.stamp === "tai64n",
      buffer: this.region.base + this.window.at,
      ...ahead.outline(directory.inode),
    };
  }

  /** Learns what became of the loan. @returns whether there is something to be delivered of it */
  takeBack({ half, bytes, written, got }: Return): boolean {
    const { ahead, chunk, delivery, window } = this;
    const [directory] = this.work.directories;
    if (ahead === undefined || directory === undefined) return false;
    this.half = half;
    delivery.noteIn(ahead, half);
    const { stamp } = ahead.planOf(half);
    this.beginChunk(window.at + ahead.dataAt(half), 0, stamp, stamp);
    if (got === undefined) {
      chunk.from = chunk.data = chunk.to = this.lines.position = chunk.data + ahead.got(half);
      directory.appended(bytes, written);
      return false;
    }
    directory.appended(bytes + written, written);
    directory.passOver();
    if (got <= 0) return false;
    ahead.setGot(half, got);
    chunk.to += got;
    return true;
  }
}
