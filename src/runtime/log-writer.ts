// multilog at work: takes input as it comes and delivers it; obeys TERM and ALRM; gives up its memory while there is nothing to
// do. log-desk.ts is where it works, log-recovery.ts what it begins with. multilog(8)
import { parseScript, type Script } from "../formats/log-script.ts";
import { AHEAD_NAME, type Source } from "../formats/write-ahead.ts";
import { EAGAIN, EINTR, ErrnoError, errnoOf } from "../sys/errno.ts";
import { close, fstat, unlinkIfThere } from "../sys/files.ts";
import { type ByteString, type Fd, type Instant, later } from "../units/units.ts";
import { Delivery, openStatusFiles, roomFor, type StatusFile, together } from "./delivery.ts";
import { LARGE_PIECE_WORK, PIECE_WORK } from "./footprint.ts";
import { END, type Input, LogDesk, NONE, NOTHING, type Rest, type Work, windowFor } from "./log-desk.ts";
import { LogDirectory, type LogHost, LogPlace } from "./log-directory.ts";
import { LogRecovery, type LogSite } from "./log-recovery.ts";
import { start, type Task } from "./task.ts";
import type { World } from "./world.ts";

/** So many chunks are taken before the loop looks whether there is anything else to do; one of many leaves it to the others. */
const CHUNKS_A_TURN = 16;
const CHUNKS_OF_MANY = 2;

/** How long it goes on without a write-ahead buffer before it tries again, in milliseconds: as long as C pauses for trouble. */
const BUFFER_RETRY_MS = 5_000;

/** How long TERM waits for a processor, in milliseconds, and for its end after TERM was sent to it. */
export const PROCESSOR_PATIENCE_MS = 10_000;
const PROCESSOR_END_MS = 2_000;
/** How long TERM waits for trouble to end where there is no write-ahead buffer and so bytes would be lost, in milliseconds. */
const BARE_PATIENCE_MS = 30_000;

export type Ending = { readonly code: "done" } | { readonly code: "lost"; readonly bytes: number };

export type Hooks = {
  /** Puts a line to standard error. */
  readonly alert: (line: Uint8Array) => void;
  /** multilog ends. */
  readonly end: (ending: Ending) => void;
  /** It cannot begin, or something is wrong with it. */
  readonly failed: (error: unknown) => void;
};

export class LogWriter {
  private readonly script: Script;
  /** What it works with: undefined while it rests. */
  private desk: LogDesk | undefined;
  private statusFiles: readonly StatusFile[] = [];
  private places: LogPlace[] = [];
  private directories: LogDirectory[] = [];
  /** There is a buffer that was given up. */
  private dormant = false;
  /** Why none could be made, which is said once in a row; and from when on it is tried again, when there is input. */
  private bufferProblem: ByteString | undefined;
  private bufferAt: Instant | undefined;
  /** What an earlier multilog has left, while it is looked after. */
  private recovery: LogRecovery | undefined;
  /** Something was read since the last call of `rest`. */
  private busy = false;
  private input: Input;
  /** Where the input comes from. */
  private readonly source: Source;
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
    input: Fd,
    private readonly hooks: Hooks,
    private readonly site: LogSite,
  ) {
    this.script = parseScript(args);
    const source = pipeOf(input);
    this.input = { file: input, piped: source !== undefined, pollable: true };
    this.source = source ?? { device: 0n, inode: 0n };
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
    this.suspending = this.kept;
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
  changeInput(file: Fd): void {
    this.unwatch();
    this.input = { ...this.input, file };
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
    const { desk } = this;
    const idle = !this.busy && this.waiting !== undefined && !desk.midLine;
    this.busy = false;
    if (idle) {
      this.dormant = desk.giveUp();
      this.desk = undefined;
    } else this.lend();
    return idle;
  }

  /** Lets go of everything, whatever is under way: its tasks must not go on. */
  dispose(): void {
    this.unwatch();
    this.recovery?.dispose();
    this.desk?.leave();
    this.desk = undefined;
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
    if (place !== undefined && this.desk?.midLine !== true) unlinkIfThere(place.directory, AHEAD_NAME);
  }

  // Beginning

  private *begin(): Task {
    const { args, script, source, world, site, hooks } = this;
    this.statusFiles = openStatusFiles(script, site);
    const logs = script.actions.filter((action) => action.do === "log");
    // All are locked before anything is done in one: if one cannot be had the others are as they were.
    for (const { path } of logs) this.places.push(new LogPlace(site.at, path, site.shown(path)));
    const { places } = this;
    const paused = () => this.leaveTrouble();
    this.recovery = new LogRecovery(world, site, { args, source, places, alert: hooks.alert, paused });
    const rest = yield* this.recovery.run();
    this.recovery = undefined;
    this.directories = logs.map(
      ({ keeping }, i) => new LogDirectory(world, places[i] as LogPlace, keeping, this.hostOf(i)),
    );
    for (const directory of this.directories) yield* directory.open();
    if (!site.frugal || rest.tail.length > 0 || rest.inLine) this.work(rest);
    const [, ...others] = places;
    for (const other of this.desk?.kept ? others : places) unlinkIfThere(other.directory, AHEAD_NAME);
  }

  /** Begins to work, or to work again, with the line that is under way. */
  private work(rest: Rest): void {
    const { args, directories, dormant, hooks, script, site, source, statusFiles, world } = this;
    const [place] = this.places;
    const work: Work = { args, script, source, place, directories, frugal: site.frugal };
    const memory = site.memory(windowFor(work), roomFor(script).size);
    const paused = () => this.leaveTrouble();
    const delivery = new Delivery(world, script, directories, statusFiles, hooks.alert, paused, memory);
    const desk = new LogDesk(work, memory, delivery, rest);
    this.desk = desk;
    this.dormant = false;
    if (place !== undefined && !(dormant && desk.reuseBuffer(place))) this.makeBuffer(desk, place);
  }

  private makeBuffer(desk: LogDesk, place: LogPlace): void {
    const { world } = this;
    this.bufferAt = undefined;
    try {
      desk.makeBuffer(place);
      this.bufferProblem = undefined;
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      const problem = `unable to keep a write-ahead buffer in ${place.path}: ${error.text}`;
      if (this.bufferProblem !== problem) world.report(`multilog: warning: ${problem}`);
      this.bufferProblem = problem;
      this.bufferAt = later(world.now().at, BUFFER_RETRY_MS);
    }
  }

  /** Whether it has no buffer and is to try again to make one. */
  private get bufferDue(): boolean {
    return this.bufferAt !== undefined && this.world.now().at >= this.bufferAt;
  }

  private hostOf(i: number): LogHost {
    return {
      shell: this.site.shell,
      note: (note) => this.desk?.note(i, note),
      paused: () => this.leaveTrouble(),
      aged: () => this.rotate(),
    };
  }

  /** Whether nothing is lost if this process ends now. */
  private get kept(): boolean {
    return this.desk?.kept ?? true;
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
        continue;
      }
      const { desk } = this;
      const midLine = desk?.midLine ?? false;
      if (this.leaving && (this.suspending || !midLine)) return;
      if (this.ended) {
        if (desk === undefined || !midLine) return;
        desk.endLine();
        this.remains = desk.delivery.deliver(desk.chunk);
      } else {
        const [place] = this.places;
        if (desk?.crowded) desk.grow(this.input);
        else if (desk !== undefined && place !== undefined && this.bufferDue) this.makeBuffer(desk, place);
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
    if (this.input.pollable && !this.watched) {
      try {
        loop.watch(this.input.file, () => this.onReadable());
        this.watched = true;
      } catch (error) {
        // A regular file, or none: a read tells at once.
        errnoOf(error);
        this.input = { ...this.input, pollable: false };
      }
    }
    if (this.input.pollable) this.lend();
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
      // Whoever has no desk or no buffer gets one in `log` first.
      if (this.desk !== undefined && this.remains === undefined && !this.bufferDue)
        more = this.takeInput(this.desk);
    } catch (error) {
      this.remains = failing(error);
    }
    if (more) this.wake();
    else if (!this.input.pollable) this.waitForInput(this.waiting);
    else this.lend();
  }

  private unwatch(): void {
    this.takeBack();
    if (this.watched) this.world.loop.unwatch(this.input.file);
    this.watched = false;
  }

  private wake(): void {
    this.takeBack();
    const resume = this.waiting;
    this.waiting = undefined;
    resume?.();
  }

  /**
   * Takes and delivers what there is. All that need not wait is done here: `log` could do it as well, but slower.
   * @returns whether there is something for `log` to do
   */
  private takeInput(desk: LogDesk): boolean {
    const most = this.leaving ? 1 : desk.most;
    const turns = this.site.frugal ? CHUNKS_OF_MANY : CHUNKS_A_TURN;
    for (let turn = 0; turn < turns; turn++) {
      const got = desk.read(this.input, most, turn > 0);
      if (got === NONE) return false;
      if (got === END) {
        this.ended = true;
        return true;
      }
      this.remains = desk.delivery.deliver(desk.chunk);
      if (this.remains !== undefined || desk.crowded || this.leaving) return true;
      const large = got === most && !this.leaving;
      this.world.footprint.worked(large ? LARGE_PIECE_WORK : PIECE_WORK);
      if (!large) return false;
    }
    return false;
  }

  /** What was taken last, if anything was, was little, and is written: from now on the like of it is taken while the loop sleeps. */
  private lend(): void {
    const { input, desk, watched } = this;
    if (!this.straight || desk === undefined || !watched || !input.piped || this.leaving) return;
    const { loan } = desk;
    if (loan !== undefined) this.lent = this.world.loop.trickle?.lend(input.file, loan) ?? false;
  }

  /** Learns what has been taken, and does what remains to be done with it. */
  private takeBack(): void {
    if (!this.lent) return;
    this.lent = false;
    const { desk } = this;
    const back = this.world.loop.trickle?.takeBack(this.input.file);
    if (back === undefined || desk === undefined) return;
    const { pieces, got } = back;
    if (pieces === 0 && got === undefined) return;
    this.busy = true;
    if (desk.takeBack(back))
      try {
        this.remains = desk.delivery.deliver(desk.chunk);
      } catch (error) {
        this.remains = failing(error);
      }
    else if (got === 0 || (got !== undefined && -got !== EAGAIN && -got !== EINTR)) this.ended = true;
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
    } else if (this.kept) this.abandon();
    else loop.at(later(this.world.now().at, BARE_PATIENCE_MS), () => this.abandon());
  }

  private abandon(): void {
    const bytes = this.kept ? 0 : (this.desk?.undelivered ?? 0);
    return this.hooks.end(bytes === 0 ? { code: "done" } : { code: "lost", bytes });
  }
}

// biome-ignore lint/correctness/useYield: a task that fails at once.
function* failing(error: unknown): Task {
  throw error;
}

/** The pipe that `input` is; undefined if it is none. */
function pipeOf(input: Fd): Source | undefined {
  try {
    const { type, identity, inode } = fstat(input);
    if (type !== "fifo") return undefined;
    const [major = "0", minor = "0"] = identity.split(":");
    return { device: (BigInt(major) << 32n) | BigInt(minor), inode };
  } catch (error) {
    errnoOf(error);
    return undefined;
  }
}
