// What the files say that tell whether and how soon a service is started again: restart, backoff, start-limit. service-directory(5)
import type { ByteString, Signo } from "../units/units.ts";
import { FormatError } from "./format-error.ts";
import { signalNamed } from "./signal-name.ts";
import type { WaitStatus } from "./wait-status.ts";

/** `restart`: after which ends the service is started again, and which count as success. */
export type RestartRule = {
  readonly after: "always" | "on-failure" | "never";
  /** Exit codes and signals that are a success beside those that always are. */
  readonly codes: readonly number[];
  readonly signals: readonly Signo[];
};

/** `backoff`: pauses after early ends, in milliseconds. The first is doubled with each end in a row, up to the longest. */
export type Backoff = {
  readonly firstMs: number;
  readonly mostMs: number;
  /** A service that was up for so long did not end early. */
  readonly stableMs: number;
};

/** `start-limit`: at most so many starts within a time, in milliseconds; then one now and then, or none (undefined). */
export type StartLimit = {
  readonly starts: number;
  readonly withinMs: number;
  readonly retryMs: number | undefined;
};

export const ALWAYS: RestartRule = { after: "always", codes: [], signals: [] };
export const BACKOFF: Backoff = { firstMs: 1000, mostMs: 60_000, stableMs: 10_000 };
export const START_LIMIT: StartLimit = { starts: 5, withinMs: 10_000, retryMs: 300_000 };

/** The most that a number of milliseconds may be: 49 days. */
const MOST_MS = 2 ** 32 - 1;
const MOST_STARTS = 10_000;

/** Signals that end a service that was asked to, or whose reader is gone: a success, as systemd.service(5) has it. */
const CLEAN_SIGNALS: readonly number[] = [1, 2, 13, 15]; // HUP INT PIPE TERM

/** Whether an end is a success. One of which nobody knows how it came about is none. */
export function isSuccess(how: WaitStatus | undefined, { codes, signals }: RestartRule): boolean {
  if (how === undefined) return false;
  if ("exited" in how) return how.exited === 0 || codes.includes(how.exited);
  return !how.coreDumped && (CLEAN_SIGNALS.includes(how.killed) || signals.some((one) => one === how.killed));
}

/** @throws {FormatError} */
export function restartRule(text: ByteString): RestartRule {
  const [after, ...ends] = words(text);
  if (after !== "always" && after !== "on-failure" && after !== "never")
    throw new FormatError("neither always, on-failure nor never", 0);
  const codes: number[] = [];
  const signals: Signo[] = [];
  for (const word of ends) {
    const signal = /^[0-9]+$/.test(word) ? undefined : signalNamed(word);
    if (signal !== undefined) signals.push(signal);
    else if (/^[0-9]{1,3}$/.test(word) && Number(word) <= 255) codes.push(Number(word));
    else throw new FormatError(`not an exit code or signal: ${shown(word)}`, 0);
  }
  return { after, codes, signals };
}

/** `none` is no backoff where the scan directory asks for one. @throws {FormatError} */
export function backoff(text: ByteString): Backoff | undefined {
  const given = firstLineWords(text);
  if (given[0] === "none" && given.length === 1) return undefined;
  const [firstMs = BACKOFF.firstMs, most, stableMs = BACKOFF.stableMs] = numbers(given, 3, MOST_MS);
  const mostMs = most ?? Math.max(BACKOFF.mostMs, firstMs);
  if (mostMs < firstMs) throw new FormatError("the longest pause is shorter than the first", 0);
  return { firstMs, mostMs, stableMs };
}

/** `none` is no limit where the scan directory asks for one. @throws {FormatError} */
export function startLimit(text: ByteString): StartLimit | undefined {
  const given = firstLineWords(text);
  if (given[0] === "none" && given.length === 1) return undefined;
  const never = given.length === 3 && given[2] === "never";
  const [starts = START_LIMIT.starts, withinMs = START_LIMIT.withinMs, retry = START_LIMIT.retryMs] = numbers(
    never ? given.slice(0, 2) : given,
    never ? 2 : 3,
    MOST_MS,
  );
  if (starts < 1 || starts > MOST_STARTS)
    throw new FormatError(`not a number of starts from 1 to ${MOST_STARTS}`, 0);
  return { starts, withinMs, retryMs: never ? undefined : retry };
}

/** How many starts a second a whole scan may make that follow early ends. @throws {FormatError} */
export function startsPerSecond(text: ByteString): number {
  const [starts] = numbers(firstLineWords(text), 1, MOST_STARTS);
  if (starts === undefined || starts < 1)
    throw new FormatError(`not a number of starts from 1 to ${MOST_STARTS}`, 0);
  return starts;
}

const words = (text: ByteString): ByteString[] => text.split(/[ \t\r\n]+/).filter((word) => word !== "");
const firstLineWords = (text: ByteString): ByteString[] => words(text.split("\n", 1)[0] ?? "");

function numbers(given: readonly ByteString[], most: number, greatest: number): number[] {
  if (given.length > most) throw new FormatError(`more than ${most} words`, 0);
  return given.map((word) => {
    if (!/^[0-9]{1,10}$/.test(word) || Number(word) > greatest)
      throw new FormatError(`not a number up to ${greatest}: ${shown(word)}`, 0);
    return Number(word);
  });
}

/** A word of a file in a message: nothing in it moves a terminal's cursor, or fills the screen. */
const shown = (word: ByteString): ByteString => word.slice(0, 20).replace(/[^!-~]/g, "?");
