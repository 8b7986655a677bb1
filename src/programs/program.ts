// What every program has: its arguments, its way to say what is wrong, and its exit codes. reference: README section 1
import { ErrnoError } from "../sys/errno.ts";
import { writableNow, write } from "../sys/files.ts";
import { exit } from "../sys/process.ts";
import { type ByteString, type Fd, fd } from "../units/units.ts";

export const STDIN = fd(0);
export const STDOUT = fd(1);
export const STDERR = fd(2);

/** Exit codes of the suite. */
export const EXIT = { ok: 0, usage: 100, failure: 111 } as const;

/** Ends the process with `code`. */
export type Main = (program: Program) => never;

/** Writes to `file`, and gives up at the first error: there is nobody left to tell. */
export function put(file: Fd, text: ByteString): void {
  try {
    for (let rest = text; rest.length > 0; ) rest = rest.slice(write(file, rest.slice(0, 65536)));
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
  }
}

/** One run of one program. */
export class Program {
  constructor(
    /** The name in messages: fixed, whatever argv[0] is. */
    readonly name: string,
    /** The words after the program's own. */
    readonly args: readonly ByteString[],
    /** argv[0] after its last slash; the option parser's messages begin with it. */
    readonly calledAs: ByteString = name,
  ) {}

  /** `NAME: usage: TEXT`, exit 100. */
  usage(text: string): never {
    put(STDERR, `${this.name}: usage: ${text}\n`);
    exit(EXIT.usage);
  }

  /** `NAME: fatal: DOING: reason`, exit 111. */
  fatal(doing: ByteString, reason?: ErrnoError): never {
    put(STDERR, `${this.name}: fatal: ${doing}${reason === undefined ? "" : `: ${reason.text}`}\n`);
    exit(EXIT.failure);
  }

  /** `NAME: warning: DOING: reason`. */
  warn(doing: ByteString, reason?: ErrnoError): void {
    put(STDERR, `${this.name}: warning: ${doing}${reason === undefined ? "" : `: ${reason.text}`}\n`);
  }

  /** What `act` returns; if a system call of it fails, `otherwise` is asked. */
  attempt<Result, Other>(act: () => Result, otherwise: (reason: ErrnoError) => Other): Result | Other {
    try {
      return act();
    } catch (error) {
      if (error instanceof ErrnoError) return otherwise(error);
      throw error;
    }
  }

  /** What `act` returns; fatal if a system call of it fails. */
  orFatal<Result>(doing: ByteString, act: () => Result): Result {
    return this.attempt(act, (reason) => this.fatal(doing, reason));
  }
}

/**
 * Says `line` on standard error without ever waiting for a reader: a supervisor must not hang because the process that
 * shows its errors is stopped. A line that finds the pipe full is lost.
 */
export function report(line: ByteString): void {
  if (writableNow(STDERR)) put(STDERR, `${line}\n`);
}
