// What a service directory asks for beyond the classic files: each is a file in it, named as in the suite that introduced
// it. A directory with none of them is CLASSIC and behaves as in C. service-directory(5)
import type { ByteString, Signo } from "../units/units.ts";
import { FormatError } from "./format-error.ts";
import {
  ALWAYS,
  type Backoff,
  backoff,
  type RestartRule,
  restartRule,
  type StartLimit,
  startLimit,
} from "./restart-files.ts";
import { signalNamed } from "./signal-name.ts";
import type { WaitStatus } from "./wait-status.ts";

/** Bytes of a file that are read; a longer one is refused. */
export const MOST_BYTES = 4096;

export type Asks = {
  /** At least one of the files is there. Exit code 100 of `run` means something only then. */
  readonly modern: boolean;
  /** `finish` is there: run after each death. */
  readonly finish: boolean;
  /** `timeout-finish`: how long it may run, in milliseconds; 0 for as long as it likes. */
  readonly timeoutFinishMs: number;
  /** `control` is there: scripts that run in the place of a command's signal. */
  readonly control: boolean;
  /** `timeout-control`: how long one may run, in milliseconds; 0 for as long as it likes. */
  readonly timeoutControlMs: number;
  /** `timeout-kill`: how long after the signal of `d` KILL follows, in milliseconds; 0 for never. */
  readonly timeoutKillMs: number;
  /** `down-signal`: what `d` sends; undefined for TERM. */
  readonly downSignal: Signo | undefined;
  /** `process-group` is there: the service leads a group of its own, and has ended when nobody is left in it. */
  readonly group: boolean;
  /** `notification-fd`: the descriptor on which a newline says that the service is ready. */
  readonly notificationFd: number | undefined;
  /** `sd-notify` is there: it says so in a datagram. */
  readonly sdNotify: boolean;
  /** `check` is there: it is ready once that exits 0. */
  readonly check: boolean;
  /** `timeout-ready`: how long it may take to become ready, in milliseconds; 0 for as long as it likes. */
  readonly timeoutReadyMs: number;
  /** `watchdog`: how often it must give a sign of life, in milliseconds; 0 for never. */
  readonly watchdogMs: number;
  /** `session` is there: the same with a session. */
  readonly session: boolean;
  /** `cgroup` is there: the same with a control group, where there can be one. */
  readonly cgroup: boolean;
  /** `max-death-tally`: how many deaths are noted in supervise/death_tally. */
  readonly deathTally: number;
  /** `restart`, `backoff`, `start-limit`: whether and how soon the service is started again after its end. */
  readonly restart: RestartRule;
  readonly backoff: Backoff | undefined;
  readonly startLimit: StartLimit | undefined;
  /** `starts-per-second` of the scan directory: of all services that ended early; 0 for as many as there are. */
  readonly startsPerSecond: number;
};

export const CLASSIC: Asks = {
  modern: false,
  finish: false,
  timeoutFinishMs: 5000,
  control: false,
  timeoutControlMs: 5000,
  timeoutKillMs: 0,
  downSignal: undefined,
  group: false,
  notificationFd: undefined,
  sdNotify: false,
  check: false,
  timeoutReadyMs: 0,
  watchdogMs: 0,
  session: false,
  cgroup: false,
  deathTally: 0,
  restart: ALWAYS,
  backoff: undefined,
  startLimit: undefined,
  startsPerSecond: 0,
};

/** The most deaths that are noted, as in s6. */
export const MOST_DEATHS = 4096;

/** The files whose content says something. @throws {FormatError} each, if it says something else */
const VALUES = {
  "timeout-finish": (text): Partial<Asks> => ({ timeoutFinishMs: milliseconds(text) }),
  "timeout-control": (text): Partial<Asks> => ({ timeoutControlMs: milliseconds(text) }),
  "timeout-kill": (text): Partial<Asks> => ({ timeoutKillMs: milliseconds(text) }),
  "timeout-ready": (text): Partial<Asks> => ({ timeoutReadyMs: milliseconds(text) }),
  watchdog: (text): Partial<Asks> => ({ watchdogMs: milliseconds(text) }),
  "notification-fd": (text): Partial<Asks> => {
    const line = firstLine(text);
    const notificationFd = Number(line);
    if (!/^[0-9]+$/.test(line) || notificationFd < 3 || notificationFd >= 2 ** 31)
      throw new FormatError("not the number of a descriptor from 3 on", 0);
    return { notificationFd };
  },
  "down-signal": (text): Partial<Asks> => {
    const downSignal = signalNamed(firstLine(text));
    if (downSignal === undefined) throw new FormatError("not a signal", 0);
    return { downSignal };
  },
  "max-death-tally": (text): Partial<Asks> => {
    const line = firstLine(text);
    if (!/^[0-9]+$/.test(line) || Number(line) > MOST_DEATHS)
      throw new FormatError(`not a number up to ${MOST_DEATHS}`, 0);
    return { deathTally: Number(line) };
  },
  restart: (text): Partial<Asks> => ({ restart: restartRule(text) }),
  backoff: (text): Partial<Asks> => ({ backoff: backoff(text) }),
  "start-limit": (text): Partial<Asks> => ({ startLimit: startLimit(text) }),
} as const satisfies { readonly [name: string]: (text: ByteString) => Partial<Asks> };

export type ValueFile = keyof typeof VALUES;

/** The files that ask by being there. */
const PRESENT = {
  finish: { finish: true },
  "process-group": { group: true },
  "sd-notify": { sdNotify: true },
  check: { check: true },
  session: { session: true },
  control: { control: true },
  cgroup: { cgroup: true },
} as const satisfies { readonly [name: string]: Partial<Asks> };

/** Every name that asks for something. */
export const ASKING = [
  ...(Object.keys(PRESENT) as (keyof typeof PRESENT)[]),
  ...(Object.keys(VALUES) as ValueFile[]),
] as const;
export type Asking = (typeof ASKING)[number];

/** Of the names in a service directory, those that ask for something. */
export const asking = (names: readonly ByteString[]): Asking[] =>
  names.filter((name): name is Asking => (ASKING as readonly ByteString[]).includes(name));

export const isValueFile = (name: ByteString): name is ValueFile => Object.hasOwn(VALUES, name);

/** What a file asks for that says nothing. */
export const askedBy = (name: Exclude<Asking, ValueFile>): Partial<Asks> => PRESENT[name];

/** What the file `name` with the content `text` asks for. @throws {FormatError} with what it should be */
export const asked = (name: ValueFile, text: ByteString): Partial<Asks> => VALUES[name](text);

/** The first line, without the space around it. */
const firstLine = (text: ByteString): ByteString => (text.split("\n", 1)[0] ?? "").trim();

/** A number of milliseconds, up to 2^32 - 1 (49 days). */
function milliseconds(text: ByteString): number {
  const line = firstLine(text);
  const ms = Number(line);
  if (!/^[0-9]+$/.test(line) || ms >= 2 ** 32) throw new FormatError("not a number of milliseconds", 0);
  return ms;
}

/**
 * The arguments of `finish`, as s6 gives them, of which runit knows the first two: exit code, or 256 if a signal ended the
 * service; that signal, or 0; the service's name; the process group of the dead run if it had one of its own, which has its
 * pid for a number. `256 0` is an end of which the kernel did not tell.
 */
export function finishArguments(
  how: WaitStatus | undefined,
  name: ByteString,
  run: number,
): readonly ByteString[] {
  const [code, signal] = how === undefined ? [256, 0] : "exited" in how ? [how.exited, 0] : [256, how.killed];
  return ["./finish", `${code}`, `${signal}`, name, `${run}`];
}
