// What a multilog that was killed has left: what it had taken and not written is written now, by its own arguments, from its
// write-ahead buffer. docs/formats.md proves that nothing is lost or doubled, though this can be killed as well. multilog(8)
import { FormatError } from "../formats/format-error.ts";
import { parseScript } from "../formats/log-script.ts";
import {
  AHEAD_NAME,
  type Half,
  type Note,
  type Plan,
  type Source,
  WriteAhead,
} from "../formats/write-ahead.ts";
import { ENOENT, type ErrnoError, errnoOf } from "../sys/errno.ts";
import { close, fstat, O_NOFOLLOW, O_NONBLOCK, O_RDWR, openat, renameat } from "../sys/files.ts";
import { Region } from "../sys/memory.ts";
import type { ByteString, Fd } from "../units/units.ts";
import { Delivery, openStatusFiles, roomFor } from "./delivery.ts";
import { NOTHING, type Rest } from "./log-desk.ts";
import { LogDirectory, type LogHost, LogPlace, type Shell } from "./log-directory.ts";
import type { LogMemory, Window } from "./log-memory.ts";
import type { Task } from "./task.ts";
import type { World } from "./world.ts";

const PAGE = 4096;
const NEWLINE = 10;

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

/** Whom it is done for. */
export type Heir = {
  readonly args: readonly ByteString[];
  readonly source: Source;
  /** The directories of its script, which are locked. */
  readonly places: readonly LogPlace[];
  /** Puts a line to standard error. */
  readonly alert: (line: Uint8Array) => void;
  /** Told when something has to be waited for. */
  readonly paused: () => void;
};

export class LogRecovery {
  /** Lets go of what the one at hand has. */
  private release: () => void = () => {};

  constructor(
    private readonly world: World,
    private readonly site: LogSite,
    private readonly heir: Heir,
  ) {}

  /** Lets go of everything; its task must not go on. */
  dispose(): void {
    this.release();
    this.release = () => {};
  }

  /** Writes what a multilog that was killed had taken and not written. @returns the line that it was in */
  *run(): Task<Rest> {
    const { places } = this.heir;
    let rest = NOTHING;
    for (const place of places) {
      try {
        const left = yield* this.recoverFrom(place, place === places[0]);
        if (place === places[0]) rest = left;
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        this.dispose();
        this.world.report(`multilog: warning: unable to use ${place.path}/${AHEAD_NAME}: ${error.message}`);
        try {
          renameat(place.directory, AHEAD_NAME, `${AHEAD_NAME}.bad`);
        } catch (cause) {
          // It stays: a new buffer takes its place, or there is none.
          errnoOf(cause);
        }
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
    const { heir, site, world } = this;
    const host = (i: number): LogHost => ({
      shell: site.shell,
      note: (note: Note) => buffer.setNote(half, i, note),
      paused: heir.paused,
      aged: () => {},
    });
    const places = logs.map(({ path }) => this.placeFor(path));
    const directories = logs.map(
      ({ keeping }, i) => new LogDirectory(world, places[i] as LogPlace, keeping, host(i)),
    );
    const memory = site.memory(size, roomFor(script).size);
    const statusFiles = openStatusFiles(script, site);
    const { alert, paused } = heir;
    const delivery = new Delivery(world, script, directories, statusFiles, alert, paused, memory);
    const window = memory.takeWindow() as Window;
    this.release = () => {
      delivery.dispose();
      memory.giveBackWindow(window);
      for (const directory of directories) directory.release();
      for (const each of places) if (!heir.places.includes(each)) each.close();
      for (const each of statusFiles) close(each.file);
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
    this.dispose();
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
    const { source } = this.heir;
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
    const { args: own } = this.heir;
    return args.length === own.length && args.every((arg, i) => arg === own[i]);
  }

  /** The place of that name: among those that are locked already, or another. @throws {Refused} */
  private placeFor(path: ByteString): LogPlace {
    const known = this.heir.places.find((place) => place.name === path);
    return known ?? new LogPlace(this.site.at, path, this.site.shown(path));
  }
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
