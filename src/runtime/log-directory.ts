// One log directory: opened after a clean end or a crash, written to, rotated, pruned, finished. Every step that can fail
// is tried again after a pause, as in C; here the loop goes on meanwhile. engine/log-rotation.ts decides where files are
// cut and which old logs go. multilog(8)
import { full, MARGIN, oldLogs, portion, surplus } from "../engine/log-rotation.ts";
import { FormatError } from "../formats/format-error.ts";
import { type Ending, type Label, labelIn, labelOf, oldLogName } from "../formats/log-name.ts";
import type { Keeping } from "../formats/log-script.ts";
import { decodeWaitStatus } from "../formats/wait-status.ts";
import type { Note } from "../formats/write-ahead.ts";
import { stampTime } from "../sys/clock.ts";
import { EEXIST, ENOENT, ENOSPC, ErrnoError, errnoOf } from "../sys/errno.ts";
import {
  changeOf,
  close,
  fchmod,
  flock,
  fstat,
  fsync,
  mkdirat,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_NONBLOCK,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  openat,
  readdir,
  renameat,
  renameNew,
  type Stat,
  statat,
  tryWrite,
  unlinkat,
  writeSome,
} from "../sys/files.ts";
import type { Region } from "../sys/memory.ts";
import { kill } from "../sys/process.ts";
import { type ByteString, type Fd, fd, later, type Pid } from "../units/units.ts";
import { start, type Task, type Wait } from "./task.ts";
import type { World } from "./world.ts";

/** How long after a failure a step is tried again, in milliseconds. */
export const PAUSE_MS = 5000;

/** `current` in use, and after a clean end: the owner's execute bit is the sign. */
const MODE_OPEN = 0o644;
const MODE_CLEAN = 0o744;
const CLEAN_BIT = 0o100;

/** So many times at most the names of old logs are taken as they were: somebody may come in between in one tick of the clock. */
const KNOWN_USES = 16;

const APPEND = O_WRONLY | O_NONBLOCK | O_APPEND | O_CREAT;
const TRUNCATE = O_WRONLY | O_NONBLOCK | O_TRUNC | O_CREAT;

/** multilog cannot begin: `unable to VERB OBJECT`, and the reason. */
export class Refused extends Error {
  constructor(
    readonly doing: ByteString,
    readonly reason: ErrnoError,
  ) {
    super(doing);
  }
}

/** What `act` returns. @throws {Refused} if a call of it fails. */
export function orRefuse<Result>(doing: ByteString, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    if (error instanceof ErrnoError) throw new Refused(doing, error);
    throw error;
  }
}

/** The file at `path`; undefined if there is none. @throws {ErrnoError} */
export function statIfThere(at: Fd, path: ByteString): Stat | undefined {
  try {
    return statat(at, path);
  } catch (error) {
    if (errnoOf(error) === ENOENT) return undefined;
    throw error;
  }
}

/** A directory that is open and locked. */
export class LogPlace {
  readonly directory: Fd;
  readonly identity: string;
  private readonly lock: Fd;

  /**
   * Makes the directory if need be.
   * @param at what `name` is relative to
   * @param path the directory in messages
   * @throws {Refused}
   */
  constructor(
    at: Fd,
    readonly name: ByteString,
    readonly path: ByteString,
  ) {
    try {
      mkdirat(at, name, 0o700);
    } catch (error) {
      errnoOf(error);
    }
    const directory = orRefuse(`open directory ${path}`, () =>
      openat(at, name, O_RDONLY | O_NONBLOCK | O_DIRECTORY),
    );
    let lock: Fd | undefined;
    try {
      this.directory = directory;
      this.identity = orRefuse(`open directory ${path}`, () => fstat(directory).identity);
      this.lock = orRefuse(`lock directory ${path}`, () => {
        lock = openat(directory, "lock", APPEND, 0o600);
        flock(lock, true);
        return lock;
      });
    } catch (error) {
      if (lock !== undefined) close(lock);
      close(directory);
      throw error;
    }
  }

  /** Lets go of it. */
  close(): void {
    close(this.lock);
    close(this.directory);
  }
}

/** A program that runs a command, and its arguments. */
export type Shell = (command: ByteString) => {
  readonly path: ByteString;
  readonly argv: readonly ByteString[];
};

export const SHELL: Shell = (command) => ({ path: "/bin/sh", argv: ["sh", "-c", command] });

/** What a directory tells. */
export type LogHost = {
  /** How far it is: for the write-ahead buffer. */
  readonly note: (note: Note) => void;
  /** It begins a pause. */
  readonly paused: () => void;
  /** `current` has become too old. */
  readonly aged: () => void;
  /** The program that runs a processor. */
  readonly shell: Shell;
};

export class LogDirectory {
  /** `current`, open; its length as far as it was written here. */
  private current: Fd | undefined;
  private bytes = 0;
  private currentInode = 0n;
  private permissions = 0;
  /** Bytes of the present chunk's output that are in files, and that are to be passed over because they were there before. */
  private done = 0;
  private skip = 0;
  /** No old log of this directory has a greater label. */
  private label: Label | undefined;
  /** After a crash: files that are exchanged get `u`, and no processor. */
  private recovering = false;
  /** The processor that runs, and who waits for its end. */
  private child: Pid | undefined;
  /** The end of what runs beside the logging. */
  private beside: Wait | undefined;
  private readonly unremovable = new Set<ByteString>();
  /** Old logs, oldest first, and when the directory changed last: while that is true, they need not be read again. */
  private known: { readonly old: ByteString[]; change: number; uses: number } | undefined;
  /** Told when `current` is to be exchanged for its age. */
  private aging: (() => void) | undefined;

  /** @param host what the directory is part of */
  constructor(
    private readonly world: World,
    readonly place: LogPlace,
    private readonly keeping: Keeping,
    private readonly host: LogHost,
  ) {}

  get path(): ByteString {
    return this.place.path;
  }

  private get at(): Fd {
    return this.place.directory;
  }

  // Beginning

  /** Whether `current` was closed in order. @throws {Refused} */
  get clean(): boolean {
    const current = orRefuse(`stat ${this.path}/current`, () => statIfThere(this.at, "current"));
    return current !== undefined && current.type === "file" && (current.permissions & CLEAN_BIT) !== 0;
  }

  /** Makes the directory ready to be written to. @throws {Refused} */
  *open(): Task {
    if (this.clean) {
      const current = orRefuse(`append to ${this.path}/current`, () =>
        openat(this.at, "current", APPEND, 0o600),
      );
      orRefuse(`set mode of ${this.path}/current`, () => fchmod(current, MODE_OPEN));
      this.use(current);
      return;
    }
    yield* this.clearUp();
    yield* this.finish("current", "u");
    orRefuse(`write to ${this.path}/state`, () => close(openat(this.at, "state", TRUNCATE, 0o644)));
    orRefuse(`write to ${this.path}/current`, () => {
      const current = openat(this.at, "current", APPEND, 0o600);
      fchmod(current, MODE_OPEN);
      this.use(current);
    });
  }

  /** After a crash: what a rotation has left is brought to its end. @throws {Refused} */
  private *clearUp(): Task {
    for (const name of ["state", "newstate"]) this.remove(name);
    const processed = orRefuse(`stat ${this.path}/processed`, () => statIfThere(this.at, "processed"));
    if (processed !== undefined && (processed.permissions & CLEAN_BIT) !== 0) {
      this.remove("previous");
      yield* this.finish("processed", "s");
    } else {
      this.remove("processed");
      yield* this.finish("previous", "u");
    }
  }

  /** Removes a file that may be missing; what cannot be removed stays. */
  private remove(name: ByteString): void {
    try {
      unlinkat(this.at, name);
    } catch (error) {
      errnoOf(error);
    }
  }

  /** Takes `current` over as it is, after a crash, to put into it what is missing. Later exchanges are a crash's. */
  *reopen(): Task {
    this.recovering = true;
    if (!this.clean) yield* this.clearUp();
    this.use(
      yield* this.trying(`create ${this.path}/current`, () => openat(this.at, "current", APPEND, MODE_OPEN)),
    );
  }

  private use(current: Fd): void {
    const { size, inode, permissions } = fstat(current);
    this.permissions = permissions;
    this.current = current;
    this.bytes = size;
    this.currentInode = inode;
    if (size > 0) this.watchAge();
  }

  /** Something is in `current` now: from here on it grows old. */
  private watchAge(): void {
    const { age } = this.keeping;
    if (age === undefined || this.aging !== undefined || this.recovering) return;
    const { world } = this;
    this.aging = world.loop.at(later(world.now().at, 1000 * age), () => {
      this.aging = undefined;
      this.host.aged();
    });
  }

  /** A new chunk: nothing of its output is in the files. */
  beginChunk(): void {
    this.done = 0;
    this.skip = 0;
  }

  /** A chunk of which `done` bytes of output are in the directory's files. */
  resumeChunk(done: number): void {
    this.done = done;
    this.skip = done;
    this.host.note({ at: "writing", inode: this.currentInode, base: this.bytes - done });
  }

  /** How many bytes of a chunk's output are in the files. */
  progressOf(note: Note): number {
    switch (note.at) {
      case "done":
        return Number.POSITIVE_INFINITY;
      case "rotating":
        return note.done;
      case "writing": {
        // Another multilog may have given the file another name since.
        for (const name of ["current", "previous", ...oldLogs(readdir(this.at))]) {
          const found = statIfThere(this.at, name);
          if (found?.inode === note.inode) return Math.max(0, found.size - note.base);
        }
        return 0;
      }
    }
  }

  // Writing

  /** Whether there is nothing in `current`. */
  get empty(): boolean {
    return this.bytes === 0;
  }

  /** Bytes in `current`, as far as it was written here. */
  get length(): number {
    return this.bytes;
  }

  /** The inode of `current`. */
  get inode(): bigint {
    return this.currentInode;
  }

  /** `current`, if a writer may append to it by itself as long as it stays shorter than `limit`: nothing has to be done first. */
  get appendable(): { readonly current: Fd; readonly bytes: number; readonly limit: number } | undefined {
    const { bytes, current } = this;
    const { age, size } = this.keeping;
    const limit = size - MARGIN;
    // With its first bytes it begins to age.
    const ageless = bytes === 0 && age !== undefined;
    return current === undefined || this.skip > 0 || ageless || bytes >= limit
      ? undefined
      : { current, bytes, limit };
  }

  /** It has done so: `current` has `bytes` bytes now, the last `done` of which are output of the present chunk. */
  appended(bytes: number, done: number): void {
    this.bytes = bytes;
    this.done = done;
  }

  /** Of the present chunk's output, what was appended so is to be passed over when all of it is written. */
  passOver(): void {
    this.skip = this.done;
  }

  /** Writes `length` bytes of memory. @returns what remains to be done, if something has to be waited for */
  write(memory: Region, from: number, length: number): Task | undefined {
    // Almost always: there is room in `current`, and the call takes all.
    const { bytes } = this;
    if (this.skip === 0 && bytes + length < this.keeping.size - MARGIN) {
      const taken = tryWrite(this.current as Fd, memory.base + from, length);
      if (taken > 0) {
        if (bytes === 0) this.watchAge();
        this.bytes = bytes + taken;
        this.done += taken;
        if (taken === length) return undefined;
        return this.writeOn(memory, from + taken, length - taken);
      }
    }
    return this.writeOn(memory, from, length);
  }

  private *writeOn(memory: Region, from: number, length: number): Task {
    const passed = Math.min(this.skip, length);
    this.skip -= passed;
    let at = from + passed;
    const end = from + length;
    const { size } = this.keeping;
    while (at < end) {
      if (this.bytes >= size) yield* this.rotate();
      const wanted = portion(memory.bytes, at, end - at, this.bytes, size);
      const taken = yield* this.put(memory.base + at, wanted);
      at += taken;
      if (this.bytes === 0) this.watchAge();
      this.bytes += taken;
      this.done += taken;
      if (full(this.bytes, memory.bytes[at - 1], size)) yield* this.rotate();
    }
  }

  private *put(address: number, length: number): Task<number> {
    for (;;) {
      let reason: ErrnoError;
      try {
        const taken = writeSome(this.current as Fd, address, length);
        if (taken > 0) return taken;
        reason = new ErrnoError(ENOSPC, "write");
      } catch (error) {
        if (!(error instanceof ErrnoError)) throw error;
        reason = error;
      }
      if (reason.errno === ENOSPC && this.makeRoom()) continue;
      yield* this.pause(`unable to write to ${this.path}/current, pausing`, reason);
    }
  }

  /** Removes the oldest old log, if there are more than must be kept. @returns whether one went */
  private makeRoom(): boolean {
    const { least } = this.keeping;
    if (least === undefined) return false;
    this.known = undefined;
    const old = oldLogs(readdir(this.at));
    for (const name of old.slice(0, Math.max(0, old.length - least))) if (this.removeOld(name)) return true;
    return false;
  }

  // Exchanging `current`

  /** Finishes `current` and begins another. */
  *rotate(): Task {
    const { path } = this;
    if (this.beside !== undefined) yield this.beside;
    this.host.note({ at: "rotating", done: this.done });
    this.aging?.();
    this.aging = undefined;
    const current = this.current as Fd;
    yield* this.trying(`write ${path}/current to disk`, () => fsync(current));
    const { processor } = this.keeping;
    if (this.recovering || processor === undefined) {
      const ending = this.recovering && !this.clean ? "u" : "s";
      yield* this.trying(
        () => `rename current to old log in directory ${path}`,
        () => this.nameOld("current", ending),
      );
      if (ending === "s")
        yield* this.trying(`set mode of ${path}/old log`, () => fchmod(current, MODE_CLEAN));
      this.release();
      yield* this.begin();
      yield* this.settleNames();
      return;
    }
    yield* this.trying(`rename current to previous in directory ${path}`, () => this.moveAside());
    yield* this.trying(`set mode of ${path}/previous`, () => fchmod(current, MODE_CLEAN));
    this.release();
    yield* this.begin();
    if (processor.beside) this.processBeside(processor.command);
    else yield* this.process(processor.command);
  }

  /** A `previous` that is there already becomes an old log: it was left by somebody, and nothing is lost. */
  private moveAside(): void {
    try {
      renameNew(this.at, "current", "previous");
    } catch (error) {
      if (errnoOf(error) !== EEXIST) throw error;
      this.nameOld("previous", "u");
      renameNew(this.at, "current", "previous");
    }
  }

  private *begin(): Task {
    const { path } = this;
    const current = yield* this.trying(`create ${path}/current`, () =>
      openat(this.at, "current", APPEND, MODE_OPEN),
    );
    this.use(current);
    if (this.permissions !== MODE_OPEN)
      yield* this.trying(`set mode of ${path}/current`, () => fchmod(current, MODE_OPEN));
    this.host.note({ at: "writing", inode: this.currentInode, base: this.bytes - this.done });
  }

  /** Makes `name` an old log, if it is there, and removes old logs that are too many. */
  private *finish(name: ByteString, ending: Ending): Task {
    const { path, at } = this;
    const file = yield* this.trying(`stat ${path}/${name}`, () => statIfThere(at, name));
    if (file === undefined) return;
    // Two names: a crash, of the C program, came between link and unlink.
    if (file.type !== "directory" && file.links > 1)
      yield* this.trying(`remove ${path}/${name}`, () => unlinkat(at, name));
    else {
      yield* this.trying(
        () => `link to ${path}/${oldLogName(this.nextLabel(), ending)}`,
        () => this.nameOld(name, ending),
      );
    }
    yield* this.settleNames();
  }

  /** After names have changed: makes that certain, and removes old logs that are too many. */
  private *settleNames(): Task {
    const { path, at } = this;
    yield* this.trying(`write ${path} to disk`, () => fsync(at));
    yield* this.trying(`read ${path}`, () => this.prune());
  }

  private nameOld(name: ByteString, ending: Ending): void {
    for (;;) {
      const label = this.nextLabel();
      try {
        const old = this.oldLogs();
        const made = oldLogName(label, ending);
        renameNew(this.at, name, made);
        old.push(made);
        this.label = label;
        return;
      } catch (error) {
        if (errnoOf(error) !== EEXIST) throw error;
        this.label = label;
      }
    }
  }

  /** Now, but always later than any old log's. */
  private nextLabel(): Label {
    this.label ??= greatest(this.oldLogs());
    const now = labelOf(stampTime());
    return now > this.label ? now : this.label + 1n;
  }

  /** Old logs, oldest first: whoever makes one adds it. */
  private oldLogs(): ByteString[] {
    const change = changeOf(this.at);
    const { known } = this;
    if (known !== undefined && known.change === change && ++known.uses < KNOWN_USES) return known.old;
    const old = oldLogs(readdir(this.at));
    this.known = { old, change, uses: 0 };
    return old;
  }

  private prune(): void {
    const { known } = this;
    const old = known?.old ?? oldLogs(readdir(this.at));
    let over = surplus(old.length, this.keeping);
    let total = 0;
    const sizes =
      this.keeping.total === undefined ? undefined : new Map(old.map((name) => [name, this.sizeOf(name)]));
    for (const size of sizes?.values() ?? []) total += size;
    for (let i = 0; i < old.length - 1; ) {
      if (over <= 0 && !(sizes !== undefined && total > (this.keeping.total as number))) break;
      const name = old[i] as ByteString;
      if (!this.removeOld(name)) {
        i++;
        continue;
      }
      old.splice(i, 1);
      over--;
      total -= sizes?.get(name) ?? 0;
    }
    if (known !== undefined) known.change = changeOf(this.at);
  }

  private sizeOf(name: ByteString): number {
    try {
      return statat(this.at, name).size;
    } catch (error) {
      errnoOf(error);
      return 0;
    }
  }

  private removeOld(name: ByteString): boolean {
    try {
      unlinkat(this.at, name);
      return true;
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      if (error.errno === ENOENT) return true;
      if (!this.unremovable.has(name)) this.warn(`unable to remove ${this.path}/${name}: ${error.text}`);
      this.unremovable.add(name);
      return false;
    }
  }

  // The processor

  /** Runs the processor over `previous` until it succeeds. */
  private *process(command: ByteString): Task {
    const { path, at } = this;
    for (;;) {
      const outcome = yield* this.runProcessor(command);
      if (outcome === undefined) break;
      yield* this.pause(outcome);
    }
    const processed = yield* this.trying(`create ${path}/processed`, () =>
      openat(at, "processed", APPEND, 0o600),
    );
    yield* this.trying(`write ${path}/processed to disk`, () => fsync(processed));
    yield* this.trying(`set mode of ${path}/processed`, () => fchmod(processed, MODE_CLEAN));
    close(processed);
    const state = yield* this.trying(`create ${path}/newstate`, () => openat(at, "newstate", APPEND, 0o600));
    yield* this.trying(`write ${path}/newstate to disk`, () => fsync(state));
    close(state);
    yield* this.trying(`remove ${path}/previous`, () => unlinkat(at, "previous"));
    yield* this.trying(`rename newstate to state in directory ${path}`, () =>
      renameat(at, "newstate", "state"),
    );
    yield* this.finish("processed", "s");
  }

  /** Runs the processor while logging goes on. The next exchange waits for its end. */
  private processBeside(command: ByteString): void {
    let over = false;
    let resume: (() => void) | undefined;
    start(
      this.process(command),
      () => {
        over = true;
        this.beside = undefined;
        resume?.();
      },
      (error) => {
        throw error;
      },
    );
    if (over) return;
    this.beside = (waiting) => {
      resume = waiting;
    };
  }

  /** Waits for a processor that runs beside, if there is one. */
  *settle(): Task {
    if (this.beside !== undefined) yield this.beside;
  }

  /** @returns what went wrong, as a warning */
  private *runProcessor(command: ByteString): Task<ByteString | undefined> {
    const { path, world } = this;
    let ended: (() => void) | undefined;
    let status: number | undefined;
    const { path: shell, argv } = this.host.shell(command);
    try {
      this.child = world.spawn(
        shell,
        argv,
        [
          { do: "fchdir", directory: this.at },
          { do: "open", to: fd(0), path: "previous", flags: O_RDONLY | O_NONBLOCK },
          { do: "open", to: fd(1), path: "processed", flags: TRUNCATE, mode: 0o644 },
          // Made where it is missing: C fails for ever then.
          { do: "open", to: fd(4), path: "state", flags: O_RDONLY | O_NONBLOCK | O_CREAT, mode: 0o644 },
          { do: "open", to: fd(5), path: "newstate", flags: TRUNCATE, mode: 0o644 },
        ],
        (end) => {
          this.child = undefined;
          // Of a child it is always known.
          status = end ?? 0;
          ended?.();
        },
      );
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      this.say(`multilog: fatal: unable to run ${command}: ${error.text}`);
      return `processor failed in ${path}, pausing`;
    }
    if (status === undefined) {
      const wait: Wait = (resume) => {
        ended = resume;
      };
      yield wait;
    }
    const end = decodeWaitStatus(status as number);
    if ("killed" in end) return `processor crashed in ${path}, pausing`;
    return end.exited === 0 ? undefined : `processor failed in ${path}, pausing`;
  }

  /** Whether a processor runs. */
  get processing(): boolean {
    return this.child !== undefined;
  }

  /** Sends the processor a signal, if one runs. */
  stopProcessor(signal: "SIGTERM" | "SIGKILL"): void {
    if (this.child !== undefined) kill(this.child, signal);
  }

  // The end

  /** Says that nothing is lacking: the next multilog goes on with this file. */
  *close(): Task {
    const current = this.current as Fd;
    yield* this.trying(`write ${this.path}/current to disk`, () => fsync(current));
    yield* this.trying(`set mode of ${this.path}/current`, () => fchmod(current, MODE_CLEAN));
  }

  /** Lets go of `current`, for another LogDirectory to open it. */
  release(): void {
    this.aging?.();
    this.aging = undefined;
    if (this.current !== undefined) close(this.current);
    this.current = undefined;
  }

  /** multilog cannot begin after all: what was opened in order is closed in order. */
  putBack(): void {
    if (this.current === undefined) return;
    try {
      fchmod(this.current, MODE_CLEAN);
    } catch (error) {
      errnoOf(error);
    }
  }

  // What goes wrong

  /** What `act` returns, once it succeeds: each failure is a warning and a pause. */
  private *trying<Result>(doing: ByteString | (() => ByteString), act: () => Result): Task<Result> {
    for (;;) {
      try {
        return act();
      } catch (error) {
        if (!(error instanceof ErrnoError)) throw error;
        const what = typeof doing === "string" ? doing : doing();
        yield* this.pause(`unable to ${what}, pausing`, error);
      }
    }
  }

  private *pause(text: ByteString, reason?: ErrnoError): Task {
    this.warn(reason === undefined ? text : `${text}: ${reason.text}`);
    const { world } = this;
    this.host.paused();
    const wait: Wait = (resume) => void world.loop.at(later(world.now().at, PAUSE_MS), resume);
    yield wait;
  }

  private warn(text: ByteString): void {
    this.say(`multilog: warning: ${text}`);
  }

  private say(line: ByteString): void {
    this.world.report(line);
  }
}

/** The greatest label among the names; 0 if there is none. */
function greatest(names: readonly ByteString[]): Label {
  let most = 0n;
  for (const name of names) {
    try {
      const label = labelIn(name);
      if (label > most) most = label;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  }
  return most;
}
