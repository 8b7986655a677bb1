// Brings the lines of a chunk to where the script wants them: log directories, status files, standard error. Used for what
// comes in, and for what a multilog that was killed has left behind. multilog(8)
import { LEAST_ROOM, LogLines, STATUS_SIZE } from "../engine/log-lines.ts";
import type { Script, StampKind } from "../formats/log-script.ts";
import { isoStamp, labelStamp } from "../formats/log-stamp.ts";
import type { Tai64n } from "../formats/tai64n.ts";
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
  readonly from: number;
  readonly data: number;
  readonly to: number;
  readonly stamp: Tai64n;
  readonly tailStamp: Tai64n;
};

/** The stamp of that kind, which is not `none`, for `moment`. */
function stampOf(kind: StampKind, moment: Tai64n): Uint8Array {
  if (kind === "iso8601") {
    const local = localtime(Number(moment.seconds >> 32n), Number(moment.seconds & 0xffffffffn));
    if (local !== undefined) return isoStamp(moment, local);
  }
  return labelStamp(moment);
}

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

export class Delivery {
  readonly lines: LogLines;
  /** Where output lies at the moment. */
  private room: Room | undefined;
  /** How many lines of the chunk have gone to standard error, and how many more are not to because they have before. */
  private alerted = 0;
  alertsToSkip = 0;
  /** Where progress is noted, if there is such a place. */
  ahead: { readonly buffer: WriteAhead; half: Half } | undefined;

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
    const { each } = roomFor(script);
    this.lines = new LogLines(script, memory.region.bytes, 0, { start: 0, each });
  }

  /** Delivers a chunk. What is left is an unfinished line, from `lines.position` on. @returns that line's moment */
  *deliver(chunk: Chunk): Task<Tai64n> {
    const { memory } = this;
    this.room = memory.takeRoom();
    this.lines.useRoom(this.room.at, this.room.at + STAMP_ROOM);
    const stamp = yield* this.bring(chunk);
    this.dispose();
    return stamp;
  }

  /** Nothing is delivered any more. */
  dispose(): void {
    if (this.room !== undefined) this.memory.giveBackRoom(this.room);
    this.room = undefined;
  }

  private *bring({ from, data, to, stamp, tailStamp }: Chunk): Task<Tai64n> {
    const { lines, script } = this;
    const stamped = script.stamp !== "none";
    lines.position = from;
    this.alerted = 0;
    if (from < data && stamped) {
      lines.setStamp(stampOf(script.stamp, tailStamp));
      for (let all = false; !all; ) {
        all = lines.take(to, lines.inLine ? 0 : 1);
        yield* this.output();
      }
      if (lines.position === from) return tailStamp;
    }
    if (stamped) lines.setStamp(stampOf(script.stamp, stamp));
    while (!lines.take(to)) yield* this.output();
    yield* this.output();
    return from < data && lines.position === from ? tailStamp : stamp;
  }

  /** Brings to the files what the lines have become. */
  private *output(): Task {
    const { lines, directories } = this;
    const { region } = this.memory;
    for (const line of lines.alerts) this.tell(line);
    for (const [i, content] of lines.statuses)
      yield* this.writeStatus(this.statusFiles[i] as StatusFile, content);
    if (directories.length === 1) {
      const { from, to } = lines.slots[0] as { from: number; to: number };
      if (to > from) yield* (directories[0] as LogDirectory).write(region, from, to - from);
      return;
    }
    const tasks: Task[] = [];
    for (const [i, directory] of directories.entries()) {
      const slot = lines.slots[lines.slotOf[i] as number];
      if (slot !== undefined && slot.to > slot.from)
        tasks.push(directory.write(region, slot.from, slot.to - slot.from));
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
    this.ahead?.buffer.setAlerts(this.ahead.half, this.alerted);
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
