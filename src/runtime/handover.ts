// This process becomes a new image of itself, by execve, and hands on what must not be let go meanwhile: the descriptors of
// locks and fifos, and the signal mask it was given. Pid, children and pending signals stay by themselves. The list lies in
// a memfd, so that neither environment nor arguments show it. docs/architecture.md
import { pathCandidates } from "../formats/path-search.ts";
import { environment } from "../sys/environment.ts";
import { errnoOf } from "../sys/errno.ts";
import {
  AT_FDCWD,
  close,
  fstat,
  memfdCreate,
  readAll,
  readlinkat,
  seek,
  setCloseOnExec,
  statat,
  write,
} from "../sys/files.ts";
import { execve, getpid } from "../sys/process.ts";
import type { SignalSet } from "../sys/signals.ts";
import { receivesAt } from "../sys/socket.ts";
import { type ByteString, type Fd, fd } from "../units/units.ts";

const LABEL = "tend-handover";
/** Bytes of the list that are written at once. */
const PIECE = 1 << 16;

/** What the image before this one handed on. */
export class Handover {
  /** What nobody has claimed, by the file it is open for. */
  private readonly held = new Map<string, Fd[]>();

  private constructor(
    /** The signals that were blocked when the first image began. */
    readonly mask: SignalSet,
    /** The first image had finished its start: the working directory is the one it changed to. */
    readonly started: boolean,
    held: readonly Fd[],
  ) {
    for (const file of held) {
      const { identity } = fstat(file);
      const same = this.held.get(identity);
      if (same === undefined) this.held.set(identity, [file]);
      else same.push(file);
    }
  }

  /**
   * Takes what was handed on out of the inherited descriptors, and makes it ours alone again. Undefined where this is the
   * first image.
   * @param inherited each with what /proc says it is; what is no service's business is removed
   */
  static receive(inherited: ReadonlyMap<Fd, ByteString>): Handover | undefined {
    for (const [file, link] of inherited) {
      if (!link.startsWith(`/memfd:${LABEL}`)) continue;
      seek(file, 0);
      const [owner, mask, started, ...held] = readAll(file).split(" ");
      // Somebody else's, passed on to us by a program that was not to have it.
      if (Number(owner) !== getpid()) continue;
      close(file);
      const files = held.filter((word) => word !== "").map((word) => fd(Number(word)));
      for (const each of files) setCloseOnExec(each, true);
      return new Handover(BigInt(mask ?? "0"), started === "1", files);
    }
    return undefined;
  }

  /**
   * A descriptor handed on for the very file that `file` is open for, which is closed then; else `file`. A lock belongs to
   * the descriptor that took it.
   */
  claim(file: Fd): Fd {
    const claimed = this.held.get(fstat(file).identity)?.shift();
    if (claimed === undefined) return file;
    close(file);
    return claimed;
  }

  /** The socket handed on that receives at the abstract address `name`, if there is one: what waits in it is not lost. */
  claimSocket(name: ByteString): Fd | undefined {
    for (const [identity, [file]] of this.held) {
      if (file === undefined || receivesAt(file) !== name) continue;
      this.held.delete(identity);
      return file;
    }
    return undefined;
  }

  /** Everything that was to be opened is: what nobody claimed is let go. */
  finish(): void {
    for (const files of this.held.values()) for (const file of files) close(file);
    this.held.clear();
  }
}

/**
 * Becomes `path` with this process's arguments and environment; returns only by throwing, and then nothing has changed.
 * @param held what stays open, and is handed on
 * @param mask the signals that the first image was given blocked
 * @throws {ErrnoError} what execve or memfd_create says
 */
export function becomeAnew(
  path: ByteString,
  argv: readonly ByteString[],
  held: readonly Fd[],
  mask: SignalSet,
  started: boolean,
): never {
  const list = memfdCreate(LABEL);
  try {
    const words = [getpid(), mask, started ? 1 : 0, ...held].join(" ");
    for (let at = 0; at < words.length; at += PIECE) write(list, words.slice(at, at + PIECE));
    for (const file of [list, ...held]) setCloseOnExec(file, false);
    return execve(path, argv, environment());
  } catch (error) {
    for (const file of held) setCloseOnExec(file, true);
    close(list);
    throw error;
  }
}

/**
 * The file this program was started from, as a name under which a newer one may be put: looked up as argv[0] was. To be
 * called before the working directory changes. /proc's link where no name leads to this executable, and argv[0] itself where
 * there is no /proc.
 */
export function executablePath(argv0: ByteString, path: ByteString | undefined): ByteString {
  try {
    const here = readlinkat(AT_FDCWD, "/proc/self/cwd");
    const self = statat(AT_FDCWD, "/proc/self/exe").identity;
    const found = pathCandidates(argv0, path)
      .map((file) => (file.startsWith("/") ? file : `${here}/${file}`))
      .find((file) => identityAt(file) === self);
    return found ?? readlinkat(AT_FDCWD, "/proc/self/exe");
  } catch (error) {
    errnoOf(error);
    return argv0;
  }
}

function identityAt(file: ByteString): string | undefined {
  try {
    return statat(AT_FDCWD, file).identity;
  } catch (error) {
    errnoOf(error);
    return undefined;
  }
}
