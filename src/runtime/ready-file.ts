// Where a service with a notification-fd writes its newline: the file supervise/ready, new for each run. A file and no pipe:
// what is written to a pipe and closed again is gone if nobody has the pipe open, and there may be no supervisor just then.
// It never makes the service wait, and never gives it SIGPIPE. service-directory(5)
import { ENOENT, ErrnoError, unless } from "../sys/errno.ts";
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
import type { ByteString, Fd } from "../units/units.ts";
import type { Entered } from "./control-directory.ts";
import type { World } from "./world.ts";

const READY: ByteString = "supervise/ready";
const NEWLINE = 10;

export class ReadyFile {
  private forget: () => void = () => {};

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
  }

  private watch(file: Fd): void {
    const { descriptors, writes } = this.world;
    this.forget = descriptors.open(() => writes.onWrite(`/proc/self/fd/${file}`, () => this.look()));
  }

  private look(): void {
    if (!this.holdsNewline()) return;
    this.end();
    this.onReady();
  }

  private holdsNewline(): boolean {
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
      if (error instanceof ErrnoError) return false;
      throw error;
    }
  }
}
