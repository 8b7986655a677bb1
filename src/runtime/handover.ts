// This process becomes a new image of itself, by execve, and hands on what must not be let go meanwhile: the descriptors of
// locks, fifos, pipes and processes, what they are for, and the signal mask it was given. Pid, children and pending signals stay
// by themselves. The list lies in a memfd, whose number a variable of the environment tells, which no program that is started
// gets. docs/architecture.md
import type { Identity, Part } from "../engine/scan.ts";
import { pathCandidates } from "../formats/path-search.ts";
import { environment, environmentOf, getenv, unsetenv, variables } from "../sys/environment.ts";
import { errnoOf } from "../sys/errno.ts";
import {
  AT_FDCWD,
  close,
  memfdCreate,
  readAll,
  readlinkat,
  seek,
  setCloseOnExec,
  statat,
  write,
} from "../sys/files.ts";
import { targetOf } from "../sys/inherited.ts";
import { execve, getpid } from "../sys/process.ts";
import type { SignalSet } from "../sys/signals.ts";
import { type ByteString, type Fd, fd, type Pid } from "../units/units.ts";

const LABEL = "tend-handover";
/** The number of the memfd, for the new image alone. */
const VARIABLE = "TEND_HANDOVER";
/** Of the list. An image that does not know it begins as after a kill, with what the records say. */
const FORMAT = 2;
/** Bytes of the list that are written at once. */
const PIECE = 1 << 16;

/** What keeps a service directory ours, and its process. */
export type HandedHalf = {
  /** Its identity where there was no descriptor for it. */
  readonly directory: Fd | string;
  /** Undefined where no descriptor holds the lock: it is to be taken anew. */
  readonly lock?: Fd | undefined;
  readonly control: Fd;
  readonly ok?: Fd | undefined;
  /** Where the service notifies. */
  readonly socket?: Fd | undefined;
  /** What runs, where a pidfd will tell of its end. */
  readonly process?: { readonly pid: Pid; readonly pidfd: Fd } | undefined;
};

/** What belongs to one name of the scan directory. */
export type HandedPair = {
  readonly identity: Identity;
  readonly name: ByteString;
  readonly log: boolean;
  readonly pipe?: { readonly directory: Fd; readonly held: Fd } | undefined;
  readonly halves: { readonly [part in Part]?: HandedHalf | "hosted" | undefined };
};

/** What one image of svscan hands on to the next. */
export type HandedOn = {
  readonly pairs: readonly HandedPair[];
  /** The log process. */
  readonly logs?: HandedHalf | undefined;
  /**
   * The inotify instances: of the scan directory's names, of what svscan need not look at, of files that are written to. Closing
   * one takes 25 ms, for the kernel waits until nobody can be using its watches.
   */
  readonly names?: Fd | undefined;
  readonly vigil?: Fd | undefined;
  readonly writes?: Fd | undefined;
  /** Goes on to report what it was told to: that it was told of each descriptor again would take longer than all the rest. */
  readonly epoll?: Fd | undefined;
};

/** Those of a pair that have supervisors. */
export const halvesOf = ({ halves }: HandedPair): HandedHalf[] =>
  [halves.service, halves.log].filter((half) => half !== undefined && half !== "hosted");

const NOTHING: HandedOn = { pairs: [] };

function descriptorsOf({ pairs, logs, names, vigil, writes, epoll }: HandedOn): Fd[] {
  const held: (Fd | undefined)[] = [names, vigil, writes, epoll];
  const add = (half: HandedPair["halves"][Part]): void => {
    if (half === undefined || half === "hosted") return;
    if (typeof half.directory !== "string") held.push(half.directory);
    held.push(half.lock, half.control, half.ok, half.socket, half.process?.pidfd);
  };
  add(logs);
  for (const { pipe, halves } of pairs) {
    held.push(pipe?.directory, pipe?.held);
    add(halves.service);
    add(halves.log);
  }
  return held.filter((file) => file !== undefined);
}

/** What the list says. Every version has these. */
type Letter = {
  readonly format: number;
  /** The process it is meant for. */
  readonly owner: number;
  readonly mask: string;
  readonly started: boolean;
  /** The descriptors that the first image was given, and programs that are started get. */
  readonly given: readonly Fd[];
  /** Every descriptor that is handed on. */
  readonly held: readonly Fd[];
  readonly handed: HandedOn;
};

/** What the image before this one handed on. */
export class Handover {
  /** The signals that were blocked when the first image began. */
  readonly mask: SignalSet;
  /** The first image had finished its start: the working directory is the one it changed to. */
  readonly started: boolean;
  /** The descriptors that the first image was given. */
  readonly given: readonly Fd[];
  readonly handed: HandedOn;

  private constructor({ format, mask, started, given, held, handed }: Letter) {
    this.mask = BigInt(mask);
    this.started = started;
    this.given = given;
    this.handed = format === FORMAT ? handed : NOTHING;
    // The runtime marks those from 4 up.
    for (const file of held)
      if (format !== FORMAT) close(file);
      else if (file < 4) setCloseOnExec(file, true);
  }

  /** What was handed on; undefined where this is the first image. To be called before anybody asks for the environment. */
  static receive(): Handover | undefined {
    const number = getenv(VARIABLE);
    if (number === undefined) return undefined;
    unsetenv(VARIABLE);
    try {
      const list = fd(Number(number));
      if (!targetOf(list).startsWith(`/memfd:${LABEL}`)) return undefined;
      seek(list, 0);
      const letter: Letter = JSON.parse(readAll(list));
      // Somebody else's, passed on to us by a program that was not to have it.
      if (letter.owner !== getpid()) return undefined;
      close(list);
      return new Handover(letter);
    } catch (error) {
      errnoOf(error);
      return undefined;
    }
  }
}

/**
 * Becomes `path` with this process's arguments and environment; returns only by throwing, and then nothing has changed.
 * @param mask the signals that the first image was given blocked
 * @param given the descriptors that it was given
 * @param handed what is handed on; undefined: the new image has to begin from the start
 * @throws {ErrnoError} what execve or memfd_create says
 */
export function becomeAnew(
  path: ByteString,
  argv: readonly ByteString[],
  mask: SignalSet,
  given: readonly Fd[],
  handed: HandedOn | undefined,
): never {
  const held = handed === undefined ? [] : descriptorsOf(handed);
  const list = memfdCreate(LABEL);
  try {
    const letter: Letter = {
      ...{ format: FORMAT, owner: getpid(), mask: String(mask), started: handed !== undefined },
      ...{ given, held, handed: handed ?? NOTHING },
    };
    const words = JSON.stringify(letter);
    for (let at = 0; at < words.length; at += PIECE) write(list, words.slice(at, at + PIECE));
    setCloseOnExec(list, false);
    for (const file of held) setCloseOnExec(file, false);
    return execve(path, argv, environmentOf([...variables(environment()), `${VARIABLE}=${list}`]));
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
