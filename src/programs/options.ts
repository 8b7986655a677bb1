// The option parser of svc, setlock and softlimit: djb's getopt, word for word. reference: README section 1

import { exit } from "../sys/process.ts";
import type { ByteString } from "../units/units.ts";
import { EXIT, type Program, put, STDERR } from "./program.ts";

export type Options = {
  /** The options in the order they were given, each with its argument where it takes one. */
  readonly options: readonly { readonly letter: string; readonly value: ByteString }[];
  readonly operands: readonly ByteString[];
};

/**
 * Reads `args` up to the first word that is no option.
 * @param letters the options there are; a colon after one means that it takes an argument
 * @param complain prints the tool's own usage line after the parser's; the exit code is 100
 * @param take told of each option before the words after it are looked at
 */
export function parseOptions(
  program: Program,
  letters: string,
  complain: () => void,
  take: (letter: string, value: ByteString) => void = () => {},
): Options {
  const options: { letter: string; value: ByteString }[] = [];
  const refuse = (problem: string, letter: string): never => {
    put(STDERR, `${program.calledAs}: ${problem} -- ${letter}\n`);
    complain();
    exit(EXIT.usage);
  };
  const { args } = program;
  let next = 0;
  while (next < args.length) {
    const word = args[next] as ByteString;
    if (!word.startsWith("-") || word === "-") break;
    next++;
    // Any word that begins with two dashes ends the options; the rest of it is not looked at.
    if (word[1] === "-") break;
    for (let i = 1; i < word.length; i++) {
      const letter = word[i] as string;
      const known = letter === ":" ? -1 : letters.indexOf(letter);
      if (known === -1) refuse("illegal option", letter);
      if (letters[known + 1] !== ":") {
        options.push({ letter, value: "" });
        take(letter, "");
        continue;
      }
      const attached = word.slice(i + 1);
      const value = attached === "" ? args[next++] : attached;
      if (value === undefined) return refuse("option requires an argument", letter);
      options.push({ letter, value });
      take(letter, value);
      break;
    }
  }
  return { options, operands: args.slice(next) };
}
