// Reads what a service directory asks for. Looking costs one system call while nothing of that is in the directory: its
// ctime tells when a name came or went. What a file says wrongly is said once, and the classic behaviour stays.
import { FormatError } from "../formats/format-error.ts";
import {
  ASKING,
  type Asking,
  type Asks,
  asked,
  askedBy,
  asking,
  isValueFile,
  MOST_BYTES,
} from "../formats/service-files.ts";
import { wallTime } from "../sys/clock.ts";
import { EACCES, EIO, EMFILE, ENFILE, ENOENT, ENOMEM, ErrnoError } from "../sys/errno.ts";
import {
  changeOf,
  close,
  existsat,
  fstat,
  O_DIRECTORY,
  O_NONBLOCK,
  O_RDONLY,
  openat,
  read,
  readdir,
} from "../sys/files.ts";
import { type ByteString, byteString, type Errno, type Fd } from "../units/units.ts";
import type { Entered } from "./control-directory.ts";

/** The kernel's stamps are some milliseconds coarse: a directory that changed just now may change again unseen. */
const SETTLED_NS = 100_000_000n;

export class ServiceFiles {
  /** What `changeOf` told of the directory when its names were read, unless it may have changed again since. */
  private seen: number | undefined;
  private present: readonly Asking[] = [];
  private readonly values: ValueReader;

  /**
   * @param warn told `unable to use FILE: WHY`
   * @param unless what is asked for where no file asks otherwise
   */
  constructor(
    private readonly place: Entered,
    warn: (text: ByteString) => void,
    private readonly unless: () => Asks,
  ) {
    this.values = new ValueReader(warn);
  }

  /** What is asked for at this moment. @throws {ErrnoError} EMFILE, ENFILE, ENOMEM, EIO: it cannot be looked at now */
  look(): Asks {
    const { directory } = this.place;
    if (this.seen === undefined || this.seen !== changeOf(directory)) {
      const { change, changed } = fstat(directory);
      this.present = asking(this.names());
      this.seen = now() - changed > SETTLED_NS ? change : undefined;
    }
    const unless = this.unless();
    if (this.present.length === 0) return unless;
    let asks: Asks = { ...unless, modern: true };
    for (const name of this.present) asks = { ...asks, ...this.askedIn(name) };
    return asks;
  }

  private askedIn(name: Asking): Partial<Asks> {
    if (!isValueFile(name)) return askedBy(name);
    return this.values.read(this.place.directory, name, (text) => {
      const content = text();
      return content === undefined ? {} : asked(name, content);
    });
  }

  private names(): readonly ByteString[] {
    let names: Fd;
    try {
      names = openat(this.place.directory, ".", O_RDONLY | O_DIRECTORY);
    } catch (error) {
      // A directory that we may use and not read.
      if (!(error instanceof ErrnoError) || error.errno !== EACCES) throw error;
      return ASKING.filter((name) => existsat(this.place.directory, name));
    }
    try {
      return readdir(names);
    } finally {
      close(names);
    }
  }
}

/** What says nothing of the file: all that is asked for stays as it was. */
const PASSING: readonly Errno[] = [EMFILE, ENFILE, ENOMEM, EIO];

/** Reads files that ask for something; what one says wrongly is said once in a row, and asks for nothing. */
export class ValueReader {
  /** What is wrong with a file, said already. */
  private problems: Map<ByteString, ByteString> | undefined;

  /** @param warn told `unable to use FILE: WHY` */
  constructor(private readonly warn: (text: ByteString) => void) {}

  /**
   * What `ask` makes of the file `name`, whose content it is given when it asks for it, undefined where there is none.
   * @throws {ErrnoError} EMFILE, ENFILE, ENOMEM, EIO: it cannot be looked at now
   */
  read(
    directory: Fd,
    name: ByteString,
    ask: (text: () => ByteString | undefined) => Partial<Asks>,
  ): Partial<Asks> {
    try {
      const value = ask(() => readSmall(directory, name));
      this.problems?.delete(name);
      return value;
    } catch (error) {
      if (!(error instanceof FormatError) && !(error instanceof ErrnoError)) throw error;
      if (error instanceof ErrnoError && PASSING.includes(error.errno)) throw error;
      const problem = error instanceof ErrnoError ? error.text : error.message;
      this.problems ??= new Map();
      if (this.problems.get(name) !== problem) this.warn(`unable to use ${name}: ${problem}`);
      this.problems.set(name, problem);
      return {};
    }
  }
}

/**
 * The content of a small regular file, which nothing can make us wait for; undefined where there is none.
 * @throws {ErrnoError} if it cannot be read @throws {FormatError} if it is no regular file, or too long
 */
function readSmall(directory: Fd, name: ByteString): ByteString | undefined {
  let file: Fd;
  try {
    file = openat(directory, name, O_RDONLY | O_NONBLOCK);
  } catch (error) {
    if (error instanceof ErrnoError && error.errno === ENOENT) return undefined;
    throw error;
  }
  try {
    if (fstat(file).type !== "file") throw new FormatError("not a regular file", 0);
    const bytes = read(file, MOST_BYTES + 1);
    if (bytes.length > MOST_BYTES) throw new FormatError(`longer than ${MOST_BYTES} bytes`, MOST_BYTES);
    return byteString(bytes);
  } finally {
    close(file);
  }
}

/** Nanoseconds of Unix time. */
function now(): bigint {
  const { seconds, nanoseconds } = wallTime();
  return seconds * 1_000_000_000n + BigInt(nanoseconds);
}
