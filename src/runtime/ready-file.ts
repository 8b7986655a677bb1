// Where a service with a notification-fd writes its newline: the file supervise/ready, new for each run. A file and no pipe:
// what is written to a pipe and closed again is gone if nobody has the pipe open, and there may be no supervisor just then.
// It never makes the service wait, and never gives it SIGPIPE. service-directory(5)
import { monotonic } from "../sys/clock.ts";
import { ELOOP, ENOENT, ENXIO, ErrnoError, unless } from "../sys/errno.ts";
import {
  close,
  fstat,
  O_APPEND,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  openat,
  read,
  unlinkat,
} from "../sys/files.ts";
import { type ByteString, type Errno, type Fd, later } from "../units/units.ts";
import type { Entered } from "./control-directory.ts";
import type { World } from "./world.ts";

const READY: ByteString = "supervise/ready";
const NEWLINE = 10;
/** There is no such file, or no file: it cannot become ready. */
const GONE: readonly Errno[] = [ENOENT, ELOOP, ENXIO];
/** Where it cannot be read just now, it is tried again after so long, in milliseconds. */
const RETRY_MS = 1000;

export class ReadyFile {
  private forget: () => void = () => {};
  private stopRetry: () => void = () => {};

  constructor(
    private readonly world: World,
    private readonly place: Entered,
    /** Told once that a newline is in it. */
    private readonly onReady: () => void,
  ) {}

  /** For a run that is about to be started. @returns it, open for writing, to be closed once that has it @throws {ErrnoError} */
  make(): Fd {
    const { place } = this;
    this.end();
    // What was left of an earlier run may yet write to the file it had.
    unless([ENOENT], () => unlinkat(place.directory, READY));
    const flags = O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW;
    const file = this.world.descriptors.open(() => openat(place.directory, READY, flags, 0o600));
    try {
      this.watch(file);
    } catch (error) {
      close(file);
      throw error;
    }
    return file;
  }

  /** Of a run that another supervisor started, which may have written it already. @throws {ErrnoError} */
  take(): void {
    const file = this.world.descriptors.open(() =>
      openat(this.place.directory, READY, O_RDONLY | O_NONBLOCK | O_NOFOLLOW),
    );
    try {
      this.watch(file);
    } finally {
      close(file);
    }
    this.look();
  }

  /** The run has ended, or is ready. */
  end(): void {
    this.forget();
    this.forget = () => {};
    this.stopRetry();
    this.stopRetry = () => {};
  }

  private watch(file: Fd): void {
    const { descriptors, writes } = this.world;
    this.forget = descriptors.open(() => writes.onWrite(`/proc/self/fd/${file}`, () => this.look()));
  }

  private look(): void {
    this.stopRetry();
    const found = this.holdsNewline();
    if (found === undefined) {
      this.stopRetry = this.world.loop.at(later(monotonic(), RETRY_MS), () => this.look());
    } else if (found) {
      this.end();
      this.onReady();
    }
  }

  /** Undefined where that cannot be told: for want of a descriptor or of memory, or for an error of input. */
  private holdsNewline(): boolean | undefined {
    try {
      return this.world.descriptors.briefly(() => {
        const file = openat(this.place.directory, READY, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
        try {
          return fstat(file).type === "file" && read(file).includes(NEWLINE);
        } finally {
          close(file);
        }
      });
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      // Somebody has put something else in its place: nothing will come of that.
      return GONE.includes(error.errno) ? false : undefined;
    }
  }
}
