// The log process: writes the logs of all services of a scan directory that have `log/multilog` instead of `log/run`. svscan
// starts it, tells it when there is something to look at, and stops it. It finds the directories itself and holds what it has
// found, so neither its death nor that of svscan loses anything. svscan(8), docs/architecture.md
import type { Identity } from "../engine/scan.ts";
import type { Account } from "../sys/credentials.ts";
import { ErrnoError, errnoOf } from "../sys/errno.ts";
import { close, existsat, fstat, O_NONBLOCK, O_RDONLY, openat, read, readdir, statat } from "../sys/files.ts";
import { type ByteString, type Fd, type Instant, later } from "../units/units.ts";
import { Unable } from "./control-directory.ts";
import { HostedLogger, type LogHouse } from "./hosted-logger.ts";
import type { Shell } from "./log-directory.ts";
import { LogMemory } from "./log-memory.ts";
import type { World } from "./world.ts";

/** Where svscan keeps what it needs of the log process: a service directory of its own. Names with a dot are no services. */
export const LOG_HOST: ByteString = ".tend-log-host";
/** In it: a fifo that svscan holds as long as it lives, and writes to when something is to be looked at. */
export const SCAN_FIFO: ByteString = `${LOG_HOST}/scan`;

/** A directory that could not be taken, or was let go of, is looked at again after this long, in milliseconds. */
const SCAN_INTERVAL_MS = 5000;
/** How soon, and how often, a directory that somebody else holds is looked at again: that one is just ending, perhaps. */
const CONTEST_MS = 200;
const CONTESTS = 10;
/** How long a stop waits for the ends of the pipes, then for the ends of lines, in milliseconds. */
const GRACE_MS = 3000;
/** How long a new version waits for processors, in milliseconds: longer than one that is told to leave may take. */
const UPGRADE_MS = 15_000;
const DRAIN_POLL_MS = 20;
/** A writer that had nothing to do for this long, or twice as long at most, gives its memory back, in milliseconds. */
const REST_MS = 10_000;

/** Writers that share a block of memory: as much address space as a gigabyte, of which few pages are touched. */
const WRITERS_A_BLOCK = 64;
/** Windows are this large in a block: for all scripts but very long ones. */
const WINDOW_SIZE = 768 * 1024;
const ROOM_SIZE = 2 * 1024 * 1024;

/** Memory for any number of writers, in blocks. */
class SharedMemory {
  private readonly blocks: LogMemory[] = [];

  take(windowSize: number, roomSize: number): LogMemory {
    if (windowSize > WINDOW_SIZE || roomSize > ROOM_SIZE) return new LogMemory(1, windowSize, roomSize);
    const free = this.blocks.find((block) => block.free > 0);
    if (free !== undefined) return free;
    const block = new LogMemory(WRITERS_A_BLOCK, WINDOW_SIZE, ROOM_SIZE);
    this.blocks.push(block);
    return block;
  }
}

type Kept = {
  readonly logger: HostedLogger;
  /** Its name was there at the last scan. */
  active: boolean;
};

export class HostedLogs {
  private readonly loggers = new Map<Identity, Kept>();
  /** What was said last of a name that could not be taken. */
  private problems = new Map<ByteString, ByteString>();
  private readonly memory = new SharedMemory();
  private readonly house: LogHouse;
  private fifo: Fd;
  /** svscan lives: what was let go of is to be taken again. */
  private wanted = true;
  private cancelScan: (() => void) | undefined;
  private scanDue: Instant | undefined;
  private contests = CONTESTS;
  private resting: (() => void) | undefined;
  private stopping = false;

  /**
   * @param directory the scan directory
   * @param executable of this process: runs processors as somebody
   * @param onEmpty there is nothing left to do
   */
  constructor(
    private readonly world: World,
    private readonly directory: Fd,
    executable: ByteString,
    alert: (line: Uint8Array) => void,
    private readonly onEmpty: () => void,
  ) {
    const shellOf =
      ({ uid, gid }: Account): Shell =>
      (command) => ({ path: executable, argv: ["tend", "log-processor", `${uid}:${gid}`, command] });
    const memory = (windowSize: number, roomSize: number): LogMemory => {
      this.restLater();
      return this.memory.take(windowSize, roomSize);
    };
    this.house = { world, alert, memory, shellOf };
    this.fifo = this.listen();
    this.scan();
  }

  private listen(): Fd {
    const fifo = openat(this.directory, SCAN_FIFO, O_RDONLY | O_NONBLOCK);
    this.world.loop.watch(fifo, () => this.told());
    return fifo;
  }

  /** svscan has something to say, or is gone. */
  private told(): void {
    const { fifo } = this;
    try {
      if (read(fifo).length > 0) {
        this.wanted = true;
        this.contests = CONTESTS;
        return this.scan();
      }
    } catch (error) {
      return void errnoOf(error);
    }
    // An end that was opened anew has none, until somebody has come and gone again.
    this.wanted = false;
    this.world.loop.unwatch(fifo);
    close(fifo);
    this.fifo = this.listen();
    this.endIfEmpty();
  }

  private scanAfter(ms: number): void {
    if (this.stopping) return;
    const due = later(this.world.now().at, ms);
    if (this.scanDue !== undefined && this.scanDue <= due) return;
    this.cancelScan?.();
    this.scanDue = due;
    this.cancelScan = this.world.loop.at(due, () => this.scan());
  }

  /** Takes what there is to be taken, and lets go of what has been removed. */
  private scan(): void {
    this.cancelScan?.();
    this.cancelScan = undefined;
    this.scanDue = undefined;
    if (this.stopping) return;
    let names: ByteString[];
    try {
      names = readdir(this.directory).filter((name) => !name.startsWith("."));
    } catch (error) {
      // svscan says it.
      errnoOf(error);
      return this.scanAfter(SCAN_INTERVAL_MS);
    }
    for (const kept of this.loggers.values()) kept.active = false;
    const problems = new Map<ByteString, ByteString>();
    for (const name of names) this.look(name, problems);
    this.problems = problems;
    for (const { logger, active } of this.loggers.values())
      if (!active && fstat(logger.directory).links === 0) logger.command("exit");
    this.endIfEmpty();
  }

  private look(name: ByteString, problems: Map<ByteString, ByteString>): void {
    let identity: Identity;
    try {
      const found = statat(this.directory, name);
      if (found.type !== "directory") return;
      identity = found.identity;
      const known = this.loggers.get(identity);
      if (known !== undefined) {
        known.active = true;
        return;
      }
      if (!isHosted(this.directory, name)) return;
    } catch (error) {
      // svscan says it.
      errnoOf(error);
      return;
    }
    if (!this.wanted) return;
    try {
      const logger = new HostedLogger(this.house, this.directory, name, () => this.left(identity));
      this.loggers.set(identity, { logger, active: true });
      this.world.footprint.begun();
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      const contested = error instanceof Unable && this.contests > 0;
      const text = error instanceof Unable ? error.message : `unable to start ${name}/log: ${error.text}`;
      problems.set(name, text);
      // The one before it may be just ending: that is worth no word yet.
      if (contested) return this.contest(problems, name);
      if (this.problems.get(name) !== text) this.world.report(`multilog: warning: ${text}`);
      this.scanAfter(SCAN_INTERVAL_MS);
    }
  }

  private contest(problems: Map<ByteString, ByteString>, name: ByteString): void {
    problems.delete(name);
    if (this.scanDue === undefined) this.contests--;
    this.scanAfter(CONTEST_MS);
  }

  private left(identity: Identity): void {
    this.loggers.delete(identity);
    if (this.wanted) this.scanAfter(SCAN_INTERVAL_MS);
    this.endIfEmpty();
  }

  /** Nobody is left to log for, and nobody will come. */
  private endIfEmpty(): void {
    if (this.loggers.size === 0 && (this.stopping || !this.wanted)) this.onEmpty();
  }

  private restLater(): void {
    this.resting ??= this.world.loop.at(later(this.world.now().at, REST_MS), () => {
      this.resting = undefined;
      let all = true;
      for (const { logger } of this.loggers.values()) if (!logger.rest()) all = false;
      if (!all) this.restLater();
    });
  }

  /** TERM: every logger reads to the end of its pipe, and leaves. What holds a pipe too long is not waited for. */
  stop(): void {
    if (this.stopping) return;
    this.stopping = true;
    this.cancelScan?.();
    const until = later(this.world.now().at, GRACE_MS);
    for (const { logger } of [...this.loggers.values()]) this.drain(logger, until);
    const after = (ms: number, act: (logger: HostedLogger) => void) =>
      this.world.loop.at(later(this.world.now().at, ms), () => {
        for (const { logger } of [...this.loggers.values()]) act(logger);
      });
    after(GRACE_MS, (logger) => {
      logger.command("exit");
      logger.command("down");
    });
    after(2 * GRACE_MS, (logger) => logger.suspend());
    this.endIfEmpty();
  }

  /** One that is about to begin is to read what there is first. */
  private drain(logger: HostedLogger, until: Instant): void {
    const { at } = this.world.now();
    if (!logger.drained && logger.coming && !logger.up && at < until) {
      this.world.loop.at(later(at, DRAIN_POLL_MS), () => this.drain(logger, until));
      return;
    }
    logger.command("exit");
  }

  /**
   * USR2: every writer stops where it is, for a process of a new version that goes on. Those that a processor keeps go first, so
   * that the others wait for nobody.
   */
  replace(onDone: () => void): void {
    const until = later(this.world.now().at, UPGRADE_MS);
    const loggers = [...this.loggers.values()].map(({ logger }) => logger);
    for (const logger of loggers) if (logger.held) logger.suspend();
    const wait = () => {
      const { at } = this.world.now();
      if (at < until && loggers.some((logger) => logger.held)) {
        this.world.loop.at(later(at, DRAIN_POLL_MS), wait);
        return;
      }
      for (const logger of loggers) logger.suspend();
      this.world.loop.soon(onDone);
    };
    wait();
  }
}

/** Whether the logger of the service `name` in `at` is one among many: it has arguments and no program. */
export function isHosted(at: Fd, name: ByteString): boolean {
  try {
    return existsat(at, `${name}/log/multilog`) && !existsat(at, `${name}/log/run`);
  } catch (error) {
    // Whoever takes it for a logger of its own will say what is wrong.
    errnoOf(error);
    return false;
  }
}
