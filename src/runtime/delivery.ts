// Brings the lines of a chunk to where the script wants them: log directories, status files, standard error. Used for what
// comes in, and for what a multilog that was killed has left behind. multilog(8)
import { LEAST_ROOM, LogLines, type Search, STATUS_SIZE } from "../engine/log-lines.ts";
import type { Script } from "../formats/log-script.ts";
import { isoStamp, LabelStamp } from "../formats/log-stamp.ts";
import type { Moment } from "../formats/tai64n.ts";
import type { Half, WriteAhead } from "../formats/write-ahead.ts";
import { ErrnoError, ESPIPE } from "../sys/errno.ts";
import { close, O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY, openat, pwrite } from "../sys/files.ts";
import { localtime } from "../sys/local-time.ts";
import { type ByteString, type Fd, later } from "../units/units.ts";
import { type LogDirectory, orRefuse, PAUSE_MS } from "./log-directory.ts";
import { type LogMemory, type Room, STAMP_ROOM } from "./log-memory.ts";
import { start, type Task, type Wait } from "./task.ts";
import type { World } from "./world.ts";

/** Room for output: that of one slot, and that of all together unless each would get too little. */
const ROOM_EACH = 512 * 1024;
const ROOM_ALL = 2 * 1024 * 1024;

/** Bytes at hand, in a region's memory: an unfinished line from before, and what was read behind it. */
export type Chunk = {
  /** Where the tail begins, the data, and where that ends. */
  from: number;
  data: number;
  to: number;
  stamp: Moment;
  tailStamp: Moment;
};

/** Runs all of `tasks` at once, and waits for the last of them. */
export function* together(tasks: readonly Task[]): Task {
  let left = tasks.length;
  let resume: (() => void) | undefined;
  const done = () => {
    left--;
    if (left === 0) resume?.();
  };
  for (const task of tasks)
    start(task, done, (error) => {
      throw error;
    });
  if (left > 0)
    yield (waiting) => {
      resume = waiting;
    };
}

/**
 * The files of the `=` actions, in their order.
 * @param at what their names are relative to
 * @param shown how messages show them
 * @throws {Refused}
 */
export function openStatusFiles(
  script: Script,
  { at, shown }: { readonly at: Fd; readonly shown: (name: ByteString) => ByteString },
): StatusFile[] {
  return script.actions.flatMap((action) => {
    if (action.do !== "status") return [];
    const { file } = action;
    const name = shown(file);
    orRefuse(`create ${name}`, () =>
      close(openat(at, file, O_WRONLY | O_NONBLOCK | O_APPEND | O_CREAT, 0o600)),
    );
    return { name, file: orRefuse(`write ${name}`, () => openat(at, file, O_WRONLY | O_NONBLOCK)) };
  });
}

export type StatusFile = { readonly name: ByteString; readonly file: Fd };

/** How much room `script` has for its output, in bytes: all, and each slot of it. */
export function roomFor(script: Script): { readonly size: number; readonly each: number } {
  const slots = LogLines.roomFor(script, 1);
  const each = slots === 0 ? 0 : Math.max(LEAST_ROOM, Math.min(ROOM_EACH, Math.floor(ROOM_ALL / slots)));
  return { size: slots * each, each };
}

const search: Search = (memory, wanted, from, to) => {
  const found = Buffer.prototype.indexOf.call(memory.subarray(from, to), wanted);
  return found === -1 ? -1 : from + found;
};

export class Delivery {
  readonly lines: LogLines;
  /** Where output lies at the moment. */
  private room: Room | undefined;
  /** How many lines of the chunk have gone to standard error, and how many more are not to because they have before. */
  private alerted = 0;
  alertsToSkip = 0;
  /** Of the chunk at hand: its end, the moment of its lines, and whether the next is the one that began before. */
  private to = 0;
  private stamp: Moment = { seconds: 0, nanoseconds: 0 };
  private inTail = false;
  private readonly stamped: boolean;
  private readonly label = new LabelStamp();
  /** The moment of the line that a delivered chunk has left unfinished. */
  restStamp: Moment = this.stamp;
  /** Where progress is noted, if there is such a place. */
  private ahead: WriteAhead | undefined;
  private half: Half = 0;

  /**
   * @param alert puts a line to standard error
   * @param memory where the chunks lie
   */
  constructor(
    private readonly world: World,
    private readonly script: Script,
    readonly directories: readonly LogDirectory[],
    private readonly statusFiles: readonly StatusFile[],
    private readonly alert: (line: Uint8Array) => void,
    private readonly paused: () => void,
    private readonly memory: LogMemory,
  ) {
    this.stamped = script.stamp !== "none";
    const { each } = roomFor(script);
    this.lines = new LogLines(script, memory.region.bytes, 0, { start: 0, each }, search);
  }

  /** Progress is noted in `half` of that buffer. */
  noteIn(ahead: WriteAhead, half: Half): void {
    this.ahead = ahead;
    this.half = half;
  }

  /**
   * Delivers a chunk. What is left is an unfinished line, from `lines.position` on, and `restStamp` is its moment.
   * @returns what remains to be done, if something has to be waited for; else all is done
   */
  deliver({ from, data, to, stamp, tailStamp }: Readonly<Chunk>): Task | undefined {
    const { lines, memory } = this;
    this.room = memory.takeRoom();
    lines.useRoom(this.room.at, this.room.at + STAMP_ROOM);
    lines.position = from;
    this.to = to;
    this.stamp = stamp;
    this.restStamp = from < data ? tailStamp : stamp;
    this.inTail = from < data && this.stamped;
    this.alerted = 0;
    if (this.stamped) this.setStamp(this.inTail ? tailStamp : stamp);
    const all = this.take();
    const wait = this.output();
    if (!all || wait !== undefined) return this.goOn(all, wait);
    this.dispose();
    return undefined;
  }

  private *goOn(all: boolean, wait: Task | undefined): Task {
    if (wait !== undefined) yield* wait;
    while (!all) {
      all = this.take();
      const next = this.output();
      if (next !== undefined) yield* next;
    }
    this.dispose();
  }

  /** Nothing is delivered any more. */
  dispose(): void {
    if (this.room !== undefined) this.memory.giveBackRoom(this.room);
    this.room = undefined;
  }

  /** Fills the slots. @returns whether all of the chunk is taken */
  private take(): boolean {
    const { lines, to } = this;
    lines.begin();
    if (this.inTail) {
      // Of these lines the first began before the others.
      const from = lines.position;
      if (!lines.take(to, lines.inLine ? 0 : 1)) return false;
      if (lines.position === from && !lines.inLine) return true;
      this.inTail = false;
      this.restStamp = this.stamp;
      this.setStamp(this.stamp);
    }
    const from = lines.position;
    const all = lines.take(to);
    if (lines.position !== from) this.restStamp = this.stamp;
    return all;
  }

  private setStamp(moment: Moment): void {
    if (this.script.stamp === "iso8601") {
      const { seconds } = moment;
      const local = localtime(Math.floor(seconds / 2 ** 32), seconds % 2 ** 32);
      if (local !== undefined) return this.lines.setStamp(isoStamp(moment, local));
    }
    this.label.set(moment);
    this.lines.setStamp(this.label.bytes);
  }

  /** Brings to the files what the lines have become. @returns as `deliver` */
  private output(): Task | undefined {
    const { lines, directories } = this;
    for (const line of lines.alerts) this.tell(line);
    if (directories.length !== 1 || lines.statuses.size > 0) return this.outputAll();
    const { from, to } = lines.slots[0] as { from: number; to: number };
    if (to === from) return undefined;
    return (directories[0] as LogDirectory).write(this.memory.region, from, to - from);
  }

  private *outputAll(): Task {
    const { lines, directories } = this;
    for (const [i, content] of lines.statuses)
      yield* this.writeStatus(this.statusFiles[i] as StatusFile, content);
    const tasks: Task[] = [];
    for (const [i, directory] of directories.entries()) {
      const slot = lines.slots[lines.slotOf[i] as number];
      if (slot === undefined || slot.to === slot.from) continue;
      const wait = directory.write(this.memory.region, slot.from, slot.to - slot.from);
      if (wait !== undefined) tasks.push(wait);
    }
    if (tasks.length > 0) yield* together(tasks);
  }

  private tell(line: Uint8Array): void {
    this.alerted++;
    if (this.alertsToSkip > 0) {
      this.alertsToSkip--;
      return;
    }
    this.alert(line);
    this.ahead?.setAlerts(this.half, this.alerted);
  }

  private *writeStatus({ name, file }: StatusFile, content: Uint8Array): Task {
    for (;;) {
      let text = "";
      try {
        if (pwrite(file, content, 0) === STATUS_SIZE) return;
      } catch (error) {
        if (!(error instanceof ErrnoError)) throw error;
        text = error.text;
        if (error.errno === ESPIPE) {
          yield* this.pause(`unable to move to beginning of ${name}, pausing: ${text}`);
          continue;
        }
      }
      yield* this.pause(`unable to write ${name}, pausing: ${text || "no error"}`);
    }
  }

  private *pause(text: ByteString): Task {
    const { world } = this;
    world.report(`multilog: warning: ${text}`);
    this.paused();
    const wait: Wait = (resume) => void world.loop.at(later(world.now().at, PAUSE_MS), resume);
    yield wait;
  }
}
