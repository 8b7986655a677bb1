// setlock - runs a program with a file locked. setlock(8)
import type { ErrnoError } from "../sys/errno.ts";
import {
  AT_FDCWD,
  flock,
  O_APPEND,
  O_CREAT,
  O_NONBLOCK,
  O_WRONLY,
  openat,
  setCloseOnExec,
} from "../sys/files.ts";
import { exit } from "../sys/process.ts";
import type { Chain, Command } from "./chain.ts";
import { parseOptions } from "./options.ts";
import { EXIT, type Program, put, STDERR } from "./program.ts";

const USAGE = "setlock [ -nNxX ] file program [ arg ... ]";

export function setlock(program: Program, _chain: Chain): Command {
  const { options, operands } = parseOptions(program, "nNxX", () =>
    put(STDERR, `setlock: usage: ${USAGE}\n`),
  );
  // Of two that contradict each other, the last.
  let nonblocking = false;
  let quiet = false;
  for (const { letter } of options) {
    if (letter === "n" || letter === "N") nonblocking = letter === "n";
    else quiet = letter === "x";
  }
  const [file, child, ...args] = operands;
  if (file === undefined || child === undefined) program.usage(USAGE);
  const giveUp = (doing: string, reason: ErrnoError): never =>
    quiet ? exit(EXIT.ok) : program.fatal(`${doing} ${file}`, reason);
  const lock = program.attempt(
    () => openat(AT_FDCWD, file, O_WRONLY | O_NONBLOCK | O_APPEND | O_CREAT, 0o600),
    (reason) => giveUp("unable to open", reason),
  );
  program.attempt(
    () => flock(lock, nonblocking),
    (reason) => giveUp("unable to lock", reason),
  );
  // The program holds the lock, and whatever it starts, until the last of them has ended.
  setCloseOnExec(lock, false);
  return [child, ...args];
}
