// The pipe between a service and its logger: a fifo in the service's `supervise` directory. Every process opens it anew,
// so nobody's O_NONBLOCK is another's; the service's end is open for reading too, so it never gets SIGPIPE, and the lines
// in the pipe live as long as the service, the logger or this process does. svscan(8), docs/architecture.md
import {
  bytesWaiting,
  close,
  fstat,
  O_DIRECTORY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  openat,
  setNonblocking,
} from "../sys/files.ts";
import type { FileAction } from "../sys/process.ts";
import { type ByteString, type Fd, fd } from "../units/units.ts";
import { makeDirectory, makeFifo } from "./control-directory.ts";

const DIRECTORY = "supervise";
const FIFO: ByteString = "supervise/log-pipe";

/**
 * Makes the fifo of the service in `directory`, or takes the one that is there with what it holds.
 * @returns an end that is reader and writer, non-blocking
 * @throws {ErrnoError}
 */
export function openLogPipe(directory: Fd): Fd {
  makeDirectory(directory, DIRECTORY);
  makeFifo(directory, FIFO);
  // Never waits: this end is reader and writer. What is no fifo after all must not make us wait either.
  return openat(directory, FIFO, O_RDWR | O_NONBLOCK);
}

export class LogPipe {
  /** The service directory; undefined once it was let go. */
  private directory: Fd | undefined;
  /** The end that keeps the pipe alive; undefined once it was let go. */
  held: Fd | undefined;

  /** @param held reader and writer of the fifo in `directory` */
  constructor({ directory, held }: { readonly directory: Fd; readonly held: Fd }) {
    this.directory = directory;
    this.held = held;
  }

  /**
   * Makes the fifo of the service `name` in `at`, or takes the one that is there with what it holds.
   * @throws {ErrnoError}
   */
  static make(at: Fd, name: ByteString): LogPipe {
    const directory = openat(at, name, O_PATH | O_DIRECTORY);
    try {
      const held = openLogPipe(directory);
      setNonblocking(held, false);
      return new LogPipe({ directory, held });
    } catch (error) {
      close(directory);
      throw error;
    }
  }

  /** Which file the fifo is: device and inode; undefined once it was let go. */
  get identity(): string | undefined {
    return this.held === undefined ? undefined : fstat(this.held).identity;
  }

  /** What a new image of this process needs of it. */
  get handedOn(): { readonly directory: Fd; readonly held: Fd } | undefined {
    const { directory, held } = this;
    return directory === undefined || held === undefined ? undefined : { directory, held };
  }

  /** Makes the pipe the standard output of a service that is being started. */
  readonly output = (): FileAction[] => this.end(1, O_RDWR);

  /** Makes the pipe the standard input of a logger that is being started. */
  readonly input = (): FileAction[] => this.end(0, O_RDONLY);

  private end(to: number, flags: number): FileAction[] {
    if (this.directory === undefined) return [];
    return [
      { do: "fchdir", directory: this.directory },
      { do: "open", to: fd(to), path: FIFO, flags },
    ];
  }

  /** Nothing is left for the logger to read. */
  get drained(): boolean {
    return this.held === undefined || bytesWaiting(this.held) === 0;
  }

  /** Lets go: once the last writer is gone as well, the logger sees the end of its input. */
  close(): void {
    if (this.held !== undefined) close(this.held);
    if (this.directory !== undefined) close(this.directory);
    this.held = undefined;
    this.directory = undefined;
  }
}
