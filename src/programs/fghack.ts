// fghack - keeps a program in the foreground that puts itself in the background. fghack(8)
import { decodeWaitStatus } from "../formats/wait-status.ts";
import { Reading } from "../runtime/footprint.ts";
import { ErrnoError } from "../sys/errno.ts";
import { close, dup, pipe, read, setCloseOnExec } from "../sys/files.ts";
import { exit, waitFor } from "../sys/process.ts";
import type { Fd, Pid } from "../units/units.ts";
import type { Chain } from "./chain.ts";
import type { Program } from "./program.ts";

/** How many the child gets beside the pipe's own end: a daemon may close some descriptors that it did not open. */
const COPIES = 30;

export function fghack(program: Program, chain: Chain): never {
  const [command, ...args] = program.args;
  if (command === undefined) program.usage("fghack child");
  const [output, input] = program.orFatal("unable to create pipe", pipe);
  // The copies have the numbers they have in C, whose child closes `output` before it makes them: one takes its place.
  setCloseOnExec(input, false);
  const inputs = [input, ...copies(program, input, COPIES - 1)];
  const child = chain.spawn(program, [command, ...args], [{ do: "dup2", from: input, to: output }]);
  inputs.forEach(close);
  waitForEnd(output);
  return exit(exitCode(program, child));
}

/** Up to `count` copies, as far as there are free descriptors. */
function copies(program: Program, file: Fd, count: number): Fd[] {
  const made: Fd[] = [];
  const copy = (): number => made.push(dup(file));
  while (made.length < count && program.attempt(copy, () => 0) > 0);
  return made;
}

/** Returns when nobody has the other end any more. */
function waitForEnd(output: Fd): void {
  const reading = new Reading();
  try {
    do reading.await(output);
    while (read(output).length > 0);
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
  }
}

/** The exit code of the program that was run, which may have ended long ago. */
function exitCode(program: Program, child: Pid): number {
  const ended = decodeWaitStatus(program.orFatal("wait failed", () => waitFor(child)).status);
  return "exited" in ended ? ended.exited : program.fatal("child crashed");
}
