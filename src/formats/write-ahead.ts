// The write-ahead buffer of multilog: what has been taken from the pipe and may not be in the log directories yet, with all
// that is needed to write the rest of it after multilog was killed. It is a file in the first log directory, mapped shared,
// so a store is kept by the kernel whatever becomes of the process. docs/formats.md has the protocol and its proof.
//
// This module knows the layout, and the order of the stores that counts. All numbers are little-endian.
import { type ByteString, byteString } from "../units/units.ts";
import { FormatError } from "./format-error.ts";
import type { Moment } from "./tai64n.ts";

/** Its name in the log directory. C multilog counts only names that begin with `@`, and ls does not show it. */
export const AHEAD_NAME: ByteString = ".tend-ahead";
/** Its name while it is being made. */
export const AHEAD_NEW: ByteString = ".tend-ahead.new";

const MAGIC = 0x31676c74; // tlg1
const PAGE = 4096;

/** Room in front of each half's data, for the unfinished line that comes before it. */
export const TAIL_ROOM = PAGE;

/** What is known of one directory's progress within a chunk. */
export type Note =
  /** The file with this inode is `current`; it held `base` bytes when the directory's output of this chunk began (less than 0: it began in a file before). */
  | { readonly at: "writing"; readonly inode: bigint; readonly base: number }
  /** `current` is being exchanged: `done` bytes of this chunk's output are in finished files, and none in the next. */
  | { readonly at: "rotating"; readonly done: number }
  /** All of this chunk's output is there. */
  | { readonly at: "done" };

const PHASES = { writing: 0, rotating: 1, done: 2 } as const satisfies Record<Note["at"], number>;

/** What a half holds before its read begins. */
export type Plan = {
  /** Bytes of the unfinished line that lie right in front of the data. 0 to 4096. */
  readonly tail: number;
  /** How many bytes are about to be read. */
  readonly length: number;
  /**
   * What tells that the read has happened: the first of the data is another byte than this one then; or its first 16 bytes are
   * others than the mark, of which there must be as many to read; undefined: nothing tells.
   */
  readonly before: number | "mark" | undefined;
  /** The moment of the lines that begin in the data, and that of the tail's line. */
  readonly stamp: Moment;
  readonly tailStamp: Moment;
  /** The data begins inside a line that is longer than what is matched, so what it is selected for is settled. */
  readonly inLine: boolean;
};

/** Bytes of the mark. */
export const MARK_SIZE = 16;

/** Where the input comes from: a pipe is known again by its device and inode. */
export type Source = { readonly device: bigint; readonly inode: bigint };

export type Shape = {
  /** Bytes of data that a half can take. A multiple of 4096. */
  readonly capacity: number;
  /** How many directories the script has. */
  readonly directories: number;
  /** The arguments of multilog. */
  readonly args: readonly ByteString[];
};

/** A half of the buffer; the other one is 1 - half. */
export type Half = 0 | 1;

const AT = {
  magic: 0,
  header: 4,
  capacity: 8,
  directories: 12,
  script: 16,
  active: 20,
  device: 24,
  inode: 32,
  mark: 40,
};
const HALF_AT = 64;
const HALF_SIZE = 64;
const IN_HALF = {
  tail: 0,
  length: 4,
  before: 8,
  got: 12,
  stamp: 16,
  inLine: 28,
  tailStamp: 32,
  alerts: 44,
  size: 48,
};
const NOTES_AT = HALF_AT + 2 * HALF_SIZE;
/** A slot's number, whether the directory takes the line that the data begins in, and two slots. */
const NOTE_SIZE = 72;
const NOTE_SLOT = { size: 32, inode: 0, base: 8, done: 16, phase: 24 };
const NO_BYTE = 256;
const BY_MARK = 257;

const pages = (bytes: number): number => Math.ceil(bytes / PAGE) * PAGE;
const scriptText = (args: readonly ByteString[]): ByteString => args.map((arg) => `${arg}\0`).join("");

/** Bytes of the header of such a buffer, and of all of it. */
export function aheadSize({ capacity, directories, args }: Shape): { header: number; total: number } {
  const header = pages(NOTES_AT + 2 * directories * NOTE_SIZE + scriptText(args).length);
  return { header, total: header + 2 * (TAIL_ROOM + capacity) };
}

/** A write-ahead buffer in memory. */
export class WriteAhead {
  private constructor(
    private readonly view: DataView,
    /** The word that says which half counts: the one store that takes the step from chunk to chunk. */
    private readonly words: Int32Array,
    private readonly header: number,
    readonly capacity: number,
    readonly directories: number,
  ) {}

  /**
   * Lays out an empty buffer in `memory`, which is as long as `aheadSize` says.
   * @param mark 16 bytes that no input will ever have: random ones
   */
  static create(memory: Uint8Array, shape: Shape, source: Source, mark: Uint8Array): WriteAhead {
    const { header } = aheadSize(shape);
    memory.fill(0, 0, header);
    const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    const text = scriptText(shape.args);
    view.setUint32(AT.magic, MAGIC, true);
    view.setUint32(AT.header, header, true);
    view.setUint32(AT.capacity, shape.capacity, true);
    view.setUint32(AT.directories, shape.directories, true);
    view.setUint32(AT.script, text.length, true);
    view.setBigUint64(AT.device, source.device, true);
    view.setBigUint64(AT.inode, source.inode, true);
    memory.set(mark, AT.mark);
    const at = NOTES_AT + 2 * shape.directories * NOTE_SIZE;
    for (let i = 0; i < text.length; i++) view.setUint8(at + i, text.charCodeAt(i));
    return WriteAhead.over(memory, header, shape.capacity, shape.directories);
  }

  /** The buffer that is in `memory`. @throws {FormatError} if it is none, or not all of it is there. */
  static open(memory: Uint8Array): WriteAhead {
    if (memory.length < PAGE) throw new FormatError("write-ahead buffer is too short", memory.length);
    const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    const word = (at: number) => view.getUint32(at, true);
    if (word(AT.magic) !== MAGIC) throw new FormatError("not a write-ahead buffer", AT.magic);
    const [header, capacity, directories] = [word(AT.header), word(AT.capacity), word(AT.directories)];
    if (header !== pages(NOTES_AT + 2 * directories * NOTE_SIZE + word(AT.script)) || capacity % PAGE !== 0)
      throw new FormatError("write-ahead buffer is inconsistent", AT.header);
    const total = header + 2 * (TAIL_ROOM + capacity);
    if (memory.length < total) throw new FormatError("write-ahead buffer is too short", memory.length);
    const ahead = WriteAhead.over(memory, header, capacity, directories);
    const half = ahead.active;
    if (half === undefined) return ahead;
    if (half !== 0 && half !== 1) throw new FormatError("write-ahead buffer is inconsistent", AT.active);
    const { tail, length } = ahead.planOf(half);
    if (tail > TAIL_ROOM || length > capacity || ahead.got(half) > capacity)
      throw new FormatError("write-ahead buffer is inconsistent", HALF_AT);
    return ahead;
  }

  private static over(memory: Uint8Array, header: number, capacity: number, directories: number): WriteAhead {
    const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    const words = new Int32Array(memory.buffer, memory.byteOffset, header / 4);
    return new WriteAhead(view, words, header, capacity, directories);
  }

  /** The arguments of the multilog that made the buffer. */
  get args(): ByteString[] {
    const at = NOTES_AT + 2 * this.directories * NOTE_SIZE;
    const length = this.view.getUint32(AT.script, true);
    const bytes = new Uint8Array(this.view.buffer, this.view.byteOffset + at, length);
    return byteString(bytes).split("\0").slice(0, -1);
  }

  get source(): Source {
    return {
      device: this.view.getBigUint64(AT.device, true),
      inode: this.view.getBigUint64(AT.inode, true),
    };
  }

  /** Where the data of a half begins, in bytes from the buffer's start; its tail ends there. */
  dataAt(half: Half): number {
    return this.header + (half + 1) * TAIL_ROOM + half * this.capacity;
  }

  /**
   * For whoever stores plans of pieces without a tail by himself (sys/trickle.ts), into a buffer of one directory: where those
   * of each half lie, in bytes from the buffer's start, and all that does not change from one to the next.
   */
  outline(inode: bigint) {
    const [plan, note] = [new Uint8Array(IN_HALF.size), new Uint8Array(8 + NOTE_SLOT.size)];
    new DataView(plan.buffer).setUint32(IN_HALF.before, BY_MARK, true);
    new DataView(note.buffer).setBigUint64(8 + NOTE_SLOT.inode, inode, true);
    const { view } = this;
    return {
      plans: [HALF_AT, HALF_AT + HALF_SIZE] as const,
      notes: [this.noteAt(0, 0), this.noteAt(1, 0)] as const,
      data: [this.dataAt(0), this.dataAt(1)] as const,
      mark: new Uint8Array(view.buffer, view.byteOffset + AT.mark, MARK_SIZE),
      plan,
      note,
    };
  }

  /** The half that counts; undefined: none, nothing has been taken yet. */
  get active(): Half | undefined {
    const word = Atomics.load(this.words, AT.active / 4);
    return word === 0 ? undefined : ((word - 1) as Half);
  }

  /**
   * Makes `half` the one that counts. Everything in it must have been stored, and everything of the other one must be where
   * it belongs: from this store on the other one is free.
   */
  activate(half: Half): void {
    Atomics.store(this.words, AT.active / 4, half + 1);
  }

  /** Writes what is about to be done into a half that does not count yet. The notes and the tail are to be stored as well. */
  plan(half: Half, plan: Plan): void {
    const { view } = this;
    const at = HALF_AT + half * HALF_SIZE;
    view.setUint32(at + IN_HALF.tail, plan.tail, true);
    view.setUint32(at + IN_HALF.length, plan.length, true);
    const { before } = plan;
    view.setUint32(at + IN_HALF.before, before === "mark" ? BY_MARK : (before ?? NO_BYTE), true);
    view.setUint32(at + IN_HALF.got, 0, true);
    this.setMoment(at + IN_HALF.stamp, plan.stamp);
    this.setMoment(at + IN_HALF.tailStamp, plan.tailStamp);
    view.setUint32(at + IN_HALF.inLine, plan.inLine ? 1 : 0, true);
    view.setUint32(at + IN_HALF.alerts, 0, true);
    if (before === "mark") {
      const data = this.dataAt(half);
      for (let i = 0; i < MARK_SIZE; i += 4) view.setUint32(data + i, view.getUint32(AT.mark + i));
    } else if (before !== undefined) view.setUint8(this.dataAt(half), before);
  }

  private setMoment(at: number, { seconds, nanoseconds }: Moment): void {
    const { view } = this;
    view.setUint32(at, seconds % 2 ** 32, true);
    view.setInt32(at + 4, Math.floor(seconds / 2 ** 32), true);
    view.setUint32(at + 8, nanoseconds, true);
  }

  private moment(at: number): Moment {
    const { view } = this;
    const seconds = view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
    return { seconds, nanoseconds: view.getUint32(at + 8, true) };
  }

  planOf(half: Half): Plan {
    const { view } = this;
    const at = HALF_AT + half * HALF_SIZE;
    const before = view.getUint32(at + IN_HALF.before, true);
    return {
      tail: view.getUint32(at + IN_HALF.tail, true),
      length: view.getUint32(at + IN_HALF.length, true),
      before: before === BY_MARK ? "mark" : before >= NO_BYTE ? undefined : before,
      stamp: this.moment(at + IN_HALF.stamp),
      tailStamp: this.moment(at + IN_HALF.tailStamp),
      inLine: view.getUint32(at + IN_HALF.inLine, true) !== 0,
    };
  }

  /** Notes that the read has put `count` bytes there. */
  setGot(half: Half, count: number): void {
    Atomics.store(this.words, (HALF_AT + half * HALF_SIZE + IN_HALF.got) / 4, count + 1);
  }

  /** How many bytes of data there are: as noted, or else by whether they are what they were before the read. */
  got(half: Half): number {
    const noted = Atomics.load(this.words, (HALF_AT + half * HALF_SIZE + IN_HALF.got) / 4);
    if (noted !== 0) return noted - 1;
    const { before, length } = this.planOf(half);
    return before === undefined || this.isBefore(half, before) ? 0 : length;
  }

  private isBefore(half: Half, before: number | "mark"): boolean {
    const { view } = this;
    const data = this.dataAt(half);
    if (before !== "mark") return view.getUint8(data) === before;
    for (let i = 0; i < MARK_SIZE; i += 4)
      if (view.getUint32(data + i) !== view.getUint32(AT.mark + i)) return false;
    return true;
  }

  /** How many lines of this chunk have been put to standard error. */
  alerts(half: Half): number {
    return this.view.getUint32(HALF_AT + half * HALF_SIZE + IN_HALF.alerts, true);
  }
  setAlerts(half: Half, count: number): void {
    this.view.setUint32(HALF_AT + half * HALF_SIZE + IN_HALF.alerts, count, true);
  }

  private noteAt(half: Half, directory: number): number {
    return NOTES_AT + (half * this.directories + directory) * NOTE_SIZE;
  }

  /** Replaces the note of a directory, in one store. */
  setNote(half: Half, directory: number, note: Note): void {
    const { view } = this;
    const at = this.noteAt(half, directory);
    const slot = 1 - (Atomics.load(this.words, at / 4) & 1);
    const into = at + 8 + slot * NOTE_SLOT.size;
    view.setUint32(into + NOTE_SLOT.phase, PHASES[note.at], true);
    if (note.at === "writing") {
      view.setBigUint64(into + NOTE_SLOT.inode, note.inode, true);
      view.setFloat64(into + NOTE_SLOT.base, note.base, true);
    } else if (note.at === "rotating") view.setFloat64(into + NOTE_SLOT.done, note.done, true);
    Atomics.store(this.words, at / 4, slot);
  }

  /** As setNote for `writing`, and setTaking. */
  setWriting(half: Half, directory: number, inode: bigint, base: number, taking: boolean): void {
    const { view } = this;
    const at = this.noteAt(half, directory);
    view.setUint32(at + 4, taking ? 1 : 0, true);
    const slot = 1 - (Atomics.load(this.words, at / 4) & 1);
    const into = at + 8 + slot * NOTE_SLOT.size;
    view.setUint32(into + NOTE_SLOT.phase, PHASES.writing, true);
    view.setBigUint64(into + NOTE_SLOT.inode, inode, true);
    view.setFloat64(into + NOTE_SLOT.base, base, true);
    Atomics.store(this.words, at / 4, slot);
  }

  note(half: Half, directory: number): Note {
    const { view } = this;
    const at = this.noteAt(half, directory);
    const from = at + 8 + (Atomics.load(this.words, at / 4) & 1) * NOTE_SLOT.size;
    switch (view.getUint32(from + NOTE_SLOT.phase, true)) {
      case PHASES.writing:
        return {
          at: "writing",
          inode: view.getBigUint64(from + NOTE_SLOT.inode, true),
          base: view.getFloat64(from + NOTE_SLOT.base, true),
        };
      case PHASES.rotating:
        return { at: "rotating", done: view.getFloat64(from + NOTE_SLOT.done, true) };
      case PHASES.done:
        return { at: "done" };
      default:
        throw new FormatError("no such note", from);
    }
  }

  /** Whether the directory takes the line that the data of a half begins in. */
  taking(half: Half, directory: number): boolean {
    return this.view.getUint32(this.noteAt(half, directory) + 4, true) !== 0;
  }
  setTaking(half: Half, directory: number, taking: boolean): void {
    this.view.setUint32(this.noteAt(half, directory) + 4, taking ? 1 : 0, true);
  }
}
