// What each part of the executable begins with: the command line, byte for byte, and the signals as they were given.
// Before every other module: see there. An import for its effect alone is never moved by the formatter.
import "../sys/boot.ts";

import { programOf } from "../programs/names.ts";
import { type Main, Program } from "../programs/program.ts";
import { inheritedMask } from "../sys/boot.ts";
import { commandLine } from "../sys/inherited.ts";
import { setMask } from "../sys/signals.ts";

const { program = "tend", words } = programOf(commandLine());

/** The program that was asked for: with its own words, or `tend` with all. */
export const called = new Program(program, words);

/** For what takes no signals as events. */
export const takeNoSignals = (): void => setMask(inheritedMask);

/** Runs a program that takes no signals as events. */
export function start(main: Main): never {
  takeNoSignals();
  return main(called);
}
