// The `supervise` directory inside a service directory: taken, kept, let go. reference: supervise-protocol 1 to 3
import { DEATH_SIZE, withDeath } from "../formats/death-tally.ts";
import { MOST_DEATHS } from "../formats/service-files.ts";
import { decodeStatus, encodeStatus, STATUS_SIZE, type Status } from "../formats/status.ts";
import type { Tai64n } from "../formats/tai64n.ts";
import type { WaitStatus } from "../formats/wait-status.ts";
import {
  EACCES,
  EAGAIN,
  EEXIST,
  EINVAL,
  EISDIR,
  EMFILE,
  ENFILE,
  ENOENT,
  ENOSPC,
  ErrnoError,
  errnoOf,
  unless,
} from "../sys/errno.ts";
import {
  AT_FDCWD,
  close,
  exchange,
  existsat,
  flock,
  fstat,
  ftruncate,
  linkat,
  mkdirat,
  mkfifoat,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  openat,
  pwrite,
  read,
  readlinkat,
  renameat,
  setPipeSize,
  statat,
  unlinkat,
} from "../sys/files.ts";
import { targetOf } from "../sys/inherited.ts";
import { keepByMapping } from "../sys/memory.ts";
import { type ByteString, byteString, type Fd } from "../units/units.ts";
import type { HandedHalf } from "./handover.ts";
import type { World } from "./world.ts";

/** A directory that is open when it is asked for. What it is may be another number each time. */
export type Entered = { readonly directory: Fd };

/** A call failed, and this is what the supervisor has to say of it: `unable to VERB OBJECT: TEXT`. */
export class Unable extends ErrnoError {
  constructor(
    override readonly message: ByteString,
    reason: ErrnoError,
  ) {
    super(reason.errno, reason.call, reason.path);
    this.name = "Unable";
  }
}

/** Runs `act`; its failure becomes an `Unable`. `doing` is the verb and the object, asked only then. */
export function trying<Result>(doing: () => ByteString, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof ErrnoError) || error instanceof Unable) throw error;
    throw new Unable(`unable to ${doing()}: ${error.text}`, error);
  }
}

const SUPERVISE = "supervise";
const LOCK = "supervise/lock";
const CONTROL = "supervise/control";
const OK = "supervise/ok";
/** The second name of the control fifo, for the moment before it replaces an `ok` that is a fifo of its own. */
const OK_NEW = "supervise/ok.new";
/** Commands that a control fifo holds, in bytes. */
const CONTROL_SIZE = 4096;
const STATUS = "supervise/status";
const TALLY = "supervise/death_tally";
const STATUS_NEW = "supervise/status.new";

/** A service directory that this process supervises. */
export class ControlDirectory {
  /** By which it is known again. */
  readonly identity: string;
  /** The service directory, open unless it was lent; and the turn of the loop in which it was asked for last. */
  private entered: Fd | undefined;
  private used: number | undefined;
  /** There was no `down` file when the directory was taken. */
  readonly normallyUp: boolean;
  /** Every descriptor that keeps the directory ours. */
  readonly held: Fd[] = [];
  /** The control fifo once it is open, and `ok` where that is a fifo of its own. */
  private control: Fd | undefined;
  private ok: Fd | undefined;
  /** The lock's descriptor, while it has one; and what lets go of the lock where it has none. */
  private lock: Fd | undefined;
  private unmapLock: (() => void) | undefined;
  private readonly title: ByteString;
  /** As text: what is kept for each of thousands is small. */
  private written: ByteString | undefined;

  /**
   * Opens the service directory at `path` and takes its lock, in the order of the C program.
   * @param title the directory's name in messages
   * @param handed what an earlier image of this process has open of it: that is taken as it is
   * @param world to whom the directory's descriptor may be lent
   * @throws {Unable} if it is no directory, or the lock is held or cannot be made; nothing stays open then
   */
  constructor(
    at: Fd,
    path: ByteString,
    title: ByteString,
    handed?: HandedHalf,
    private readonly world?: World,
  ) {
    this.title = title;
    // `/.` asks for the right to enter it, as chdir does; the empty path must stay empty to be an error.
    const entered = path === "" ? "" : `${path}/.`;
    const enter = () => this.opening(() => this.hold(openat(at, entered, O_PATH | O_DIRECTORY)));
    if (handed === undefined) this.entered = trying(() => `chdir to ${title}`, enter);
    else this.take(handed);
    try {
      this.identity =
        typeof handed?.directory === "string"
          ? handed.directory
          : trying(
              () => `stat ${title}`,
              () => fstat(this.directory).identity,
            );
      this.normallyUp = trying(
        () => `stat ${title}/down`,
        () => !existsat(this.directory, "down"),
      );
      if (this.lock !== undefined) return;
      trying(
        () => `acquire ${title}/${LOCK}`,
        () => {
          this.lock = this.opening(() => this.hold(openLock(this.directory)));
          flock(this.lock, true);
        },
      );
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Makes and opens the fifos and writes the first status, in the order of the C program: once `ok` can be opened, there
   * is a status to read.
   * @param warn told why the status could not be written, which does not keep the supervisor from beginning
   * @returns the control fifo, non-blocking; its write end is held too, so it never ends
   * @throws {Unable} neither is open then, and it may be tried again; EMFILE also where there is none for the status
   */
  listen(status: Status, warn: (text: ByteString) => void): Fd {
    const { directory, title } = this;
    if (this.control !== undefined) {
      if (!this.says(status)) this.writeOrWarn(status, warn);
      return this.control;
    }
    const before = this.held.length;
    try {
      // One fifo with both names opens for clients as soon as it is ours: the status comes before.
      const oneFifo = !makeFifo(directory, CONTROL) && sameFile(directory, CONTROL, OK);
      if (oneFifo) this.writeOrWarn(status, warn);
      const control = this.openControl();
      this.control = control;
      if (oneFifo) return control;
      this.writeOrWarn(status, warn);
      if (nameOk(directory)) return control;
      makeFifo(directory, OK);
      trying(
        () => `read ${title}/${OK}`,
        () => {
          this.ok = this.hold(openat(directory, OK, O_RDONLY | O_NONBLOCK));
        },
      );
      return control;
    } catch (error) {
      for (const file of this.held.splice(before)) close(file);
      this.control = undefined;
      throw error;
    }
  }

  /** Whether the status says this already, but for the time, which is not known so well. */
  private says({ pid, paused, want }: Status): boolean {
    const bytes = this.readStatus();
    if (bytes.length !== STATUS_SIZE) return false;
    const found = decodeStatus(bytes);
    return found.pid === pid && found.paused === paused && found.want === want;
  }

  private writeOrWarn(status: Status, warn: (text: ByteString) => void): void {
    try {
      this.write(status);
    } catch (error) {
      if (!(error instanceof Unable) || error.errno === EMFILE || error.errno === ENFILE) throw error;
      warn(error.message);
    }
  }

  /** What supervise/status says now; nothing where it cannot be read. @throws {ErrnoError} EMFILE, ENFILE */
  readStatus(): Uint8Array {
    try {
      const file = openat(this.directory, STATUS, O_RDONLY | O_NONBLOCK);
      try {
        return read(file, STATUS_SIZE).slice();
      } finally {
        close(file);
      }
    } catch (error) {
      const code = errnoOf(error);
      if (code === EMFILE || code === ENFILE) throw error;
      return new Uint8Array(0);
    }
  }

  /** Notes a death in supervise/death_tally, of which the last `most` are kept. @throws {Unable} */
  tally(ended: Tai64n, how: WaitStatus | undefined, most: number): void {
    trying(
      () => `write ${this.title}/${TALLY}`,
      () => {
        const flags = O_RDWR | O_NONBLOCK | O_CREAT | O_NOFOLLOW;
        const file = openat(this.directory, TALLY, flags, 0o644);
        try {
          if (fstat(file).type !== "file") throw new ErrnoError(EINVAL, "write");
          const bytes = withDeath(read(file, MOST_DEATHS * DEATH_SIZE), ended, how, most);
          if (pwrite(file, bytes, 0) !== bytes.length) throw new ErrnoError(ENOSPC, "write");
          ftruncate(file, bytes.length);
        } finally {
          close(file);
        }
      },
    );
  }

  private openControl(): Fd {
    let verb = "read";
    return trying(
      () => `${verb} ${this.title}/${CONTROL}`,
      () => {
        try {
          return small(this.hold(openat(this.directory, CONTROL, O_RDWR | O_NONBLOCK)));
        } catch (error) {
          // The C program opens it twice: a directory can be read, not written.
          if (errnoOf(error) === EISDIR) verb = "write";
          throw error;
        }
      },
    );
  }

  /**
   * Makes `status` what the world reads, in one step; nothing is done if it is already.
   * @throws {Unable} The world then reads the old one.
   */
  write(status: Status): void {
    const bytes = encodeStatus(status);
    const text = byteString(bytes);
    if (this.written === text) return;
    const { directory } = this;
    const name = `${this.title}/${STATUS_NEW}`;
    const file = trying(
      () => `open ${name}`,
      () => this.openStatus(),
    );
    try {
      const put = trying(
        () => `write ${name}`,
        () => pwrite(file, bytes, 0),
      );
      // A full disk takes a part first; the next attempt says why.
      if (put !== STATUS_SIZE)
        throw new Unable(`unable to write ${name}: partial write`, new ErrnoError(ENOSPC, "write"));
    } finally {
      close(file);
    }
    trying(
      () => `rename ${name} to status`,
      () => {
        if (!this.statusIsFile() || !exchange(directory, STATUS_NEW, STATUS))
          renameat(directory, STATUS_NEW, STATUS);
      },
    );
    this.written = text;
  }

  /** Whether there is a status to exchange: a directory of that name would become a status.new that never makes way. */
  private statusIsFile(): boolean {
    try {
      return statat(this.directory, STATUS).type === "file";
    } catch (error) {
      errnoOf(error);
      return false;
    }
  }

  /**
   * status.new, open for writing. It is the status before the last: its 18 bytes are written over and the two names then
   * exchanged, because ext4 flushes a file that was truncated or renamed over another to the disk before it goes on
   * (auto_da_alloc; 0.6 ms of a 1.1 ms restart). Whatever else is there of that name makes way.
   * @throws {ErrnoError}
   */
  private openStatus(): Fd {
    const { directory } = this;
    const open = () => openat(directory, STATUS_NEW, O_WRONLY | O_NONBLOCK | O_CREAT | O_NOFOLLOW, 0o644);
    let file: Fd | undefined;
    try {
      file = open();
      const { type, links, size } = fstat(file);
      if (type === "file" && links === 1) {
        if (size > STATUS_SIZE) ftruncate(file, STATUS_SIZE);
        return file;
      }
      close(file);
    } catch (error) {
      if (file !== undefined) close(file);
      // A link (ELOOP) or a fifo (ENXIO) can be replaced; for anything else the second attempt says the same again.
      errnoOf(error);
    }
    unless([ENOENT], () => unlinkat(directory, STATUS_NEW));
    return open();
  }

  /**
   * Keeps the lock without a descriptor, for one that is needed elsewhere: it lies on the open file, which a mapping keeps open as
   * well. A new image of this process takes it anew.
   * @returns whether a descriptor became free
   */
  spare(): boolean {
    const { lock, held } = this;
    if (lock === undefined) return false;
    this.lock = undefined;
    try {
      this.unmapLock = keepByMapping(lock);
    } catch (error) {
      errnoOf(error);
      return false;
    }
    held.splice(held.indexOf(lock), 1);
    close(lock);
    return true;
  }

  /**
   * The service directory itself: renaming or removing it does not lose it. The number is good until the caller is back in the
   * loop, or calls `rest`.
   * @throws {Unable} it was lent, and nothing leads to it any more
   */
  get directory(): Fd {
    this.used = this.world?.loop.turn;
    this.entered ??= this.enterAgain();
    return this.entered;
  }

  /** The caller who took the directory, or a caller of that one, may be about to use it. */
  get inUse(): boolean {
    return this.used !== undefined && this.used === this.world?.loop.turn;
  }

  /** Nobody uses the directory any more who asked for it. */
  rest(): void {
    this.used = undefined;
    if (this.entered !== undefined) this.world?.lending.add(this);
  }

  /**
   * Does without the directory's descriptor until it is asked for, if there is a name that leads to the directory then.
   * @returns whether a descriptor became free
   */
  lend(): boolean {
    const { entered, held, identity } = this;
    if (entered === undefined) return false;
    try {
      if (statat(AT_FDCWD, this.nameNow()).identity !== identity) return false;
    } catch (error) {
      errnoOf(error);
      return false;
    }
    this.entered = undefined;
    held.splice(held.indexOf(entered), 1);
    close(entered);
    return true;
  }

  private enterAgain(): Fd {
    const { title, identity } = this;
    const enter = () => {
      const name = this.nameNow();
      const found = openat(AT_FDCWD, name, O_PATH | O_DIRECTORY);
      if (fstat(found).identity === identity) return this.hold(found);
      close(found);
      throw new ErrnoError(ENOENT, "open", name);
    };
    const found = trying(
      () => `chdir to ${title}`,
      () => this.opening(enter),
    );
    this.world?.lending.add(this);
    return found;
  }

  /**
   * What the directory is called now: the kernel tells where the control fifo is, whatever was renamed meanwhile. That this is the
   * directory is for the caller to see.
   * @throws {ErrnoError} ENOENT where that is no name of a fifo in a service directory
   */
  private nameNow(): ByteString {
    const link = this.control === undefined ? "" : targetOf(this.control);
    if (!link.startsWith("/") || !link.endsWith(`/${CONTROL}`)) throw new ErrnoError(ENOENT, "open", link);
    return `${link.slice(0, -CONTROL.length)}.`;
  }

  /** Lets go of the directory: the lock is free, both fifos are without a reader. */
  close(): void {
    this.world?.lending.delete(this);
    this.world?.sparing.delete(this);
    this.entered = undefined;
    this.control = undefined;
    for (const file of this.held.splice(0)) close(file);
    this.lock = undefined;
    this.unmapLock?.();
    this.unmapLock = undefined;
  }

  private opening<Result>(act: () => Result): Result {
    return this.world === undefined ? act() : this.world.descriptors.open(act);
  }

  private hold(file: Fd): Fd {
    this.held.push(file);
    return file;
  }

  private take({ directory, lock, control, ok }: HandedHalf): void {
    this.entered = typeof directory === "string" ? undefined : directory;
    this.lock = lock;
    this.control = control;
    this.ok = ok;
    for (const file of [this.entered, lock, control, ok]) if (file !== undefined) this.hold(file);
  }

  /** What a new image of this process needs of it. */
  get handedOn(): Pick<HandedHalf, "directory" | "lock" | "control" | "ok"> | undefined {
    const { entered, identity, lock, control, ok } = this;
    return control === undefined ? undefined : { directory: entered ?? identity, lock, control, ok };
  }
}

/** Makes a fifo that is empty now hold a page of commands at most, for which the kernel needs 1 kB less than for sixteen. */
function small(control: Fd): Fd {
  try {
    setPipeSize(control, CONTROL_SIZE);
  } catch (error) {
    // More waits in it than that, or it is no fifo.
    errnoOf(error);
  }
  return control;
}

/** The bytes that wait in a control fifo, at most 4096 of them. */
export function readControl(control: Fd): Uint8Array {
  try {
    return read(control, 4096).slice();
  } catch (error) {
    if (errnoOf(error) === EAGAIN) return new Uint8Array(0);
    throw error;
  }
}

/** For writing, as the C program; and for reading where that makes no difference, so that it can be mapped. */
function openLockFile(directory: Fd): Fd {
  const flags = O_NONBLOCK | O_APPEND | O_CREAT;
  let file: Fd | undefined;
  try {
    file = openat(directory, LOCK, O_RDWR | flags, 0o600);
    if (fstat(file).type === "file") return file;
  } catch (error) {
    if (errnoOf(error) !== EACCES) throw error;
  }
  if (file !== undefined) close(file);
  return openat(directory, LOCK, O_WRONLY | flags, 0o600);
}

/** Makes the directory `supervise` where it is missing, and opens the lock in it. @throws {ErrnoError} */
function openLock(directory: Fd): Fd {
  const open = () => openLockFile(directory);
  makeDirectory(directory, SUPERVISE);
  try {
    return open();
  } catch (error) {
    if (errnoOf(error) !== ENOENT) throw error;
    // As Debian's build: where `supervise` is a dangling link, the directory it names is made, one level.
    makeDirectory(directory, readlinkat(directory, SUPERVISE));
    return open();
  }
}

/** Makes the private directory `path`; failure shows when it is used. */
export function makeDirectory(at: Fd, path: ByteString): void {
  try {
    mkdirat(at, path, 0o700);
  } catch (error) {
    errnoOf(error);
  }
}

/**
 * Makes the fifo `name`; failure shows when it is opened. A file of that name (somebody wrote into it while no supervisor
 * ran) makes way: opened as it is, it would feed old bytes as commands, or tell every client that a supervisor runs.
 * @returns whether it is new
 */
export function makeFifo(directory: Fd, name: ByteString): boolean {
  try {
    if (unless([EEXIST], () => mkfifoat(directory, name, 0o600))) return true;
    const { type } = statat(directory, name);
    if (type === "fifo" || type === "directory") return false;
    unlinkat(directory, name);
    mkfifoat(directory, name, 0o600);
    return true;
  } catch (error) {
    errnoOf(error);
    return false;
  }
}

/** Whether both names stand for one file. */
function sameFile(directory: Fd, a: ByteString, b: ByteString): boolean {
  try {
    return statat(directory, a).identity === statat(directory, b).identity;
  } catch (error) {
    errnoOf(error);
    return false;
  }
}

/**
 * Makes `ok` a second name of the control fifo: one descriptor is then the reader of both. An `ok` that the C program left, a
 * fifo of its own, is replaced; what is neither fifo nor plain file stays.
 * @returns false where that cannot be: a file system without hard links
 */
function nameOk(directory: Fd): boolean {
  try {
    if (unless([EEXIST], () => linkat(directory, CONTROL, OK))) return true;
    const found = openat(directory, OK, O_PATH | O_NOFOLLOW);
    try {
      const { type } = fstat(found);
      if (type !== "fifo" && type !== "file") return false;
    } finally {
      close(found);
    }
    unless([ENOENT], () => unlinkat(directory, OK_NEW));
    linkat(directory, CONTROL, OK_NEW);
    renameat(directory, OK_NEW, OK);
    return true;
  } catch (error) {
    errnoOf(error);
    return false;
  }
}
