// softlimit - runs a program with lower resource limits. softlimit(8)
import { type Resource, RLIM_INFINITY } from "../sys/limits.ts";
import { exit } from "../sys/process.ts";
import type { ByteString } from "../units/units.ts";
import type { Chain, Command } from "./chain.ts";
import { parseOptions } from "./options.ts";
import { EXIT, type Program, put, STDERR } from "./program.ts";

/** The limits that each option sets, in this order. */
const LIMITS: { readonly [letter: string]: readonly Resource[] } = {
  a: ["AS"],
  c: ["CORE"],
  d: ["DATA"],
  f: ["FSIZE"],
  l: ["MEMLOCK"],
  m: ["DATA", "STACK", "MEMLOCK", "AS"],
  o: ["NOFILE"],
  p: ["NPROC"],
  r: ["RSS"],
  s: ["STACK"],
  t: ["CPU"],
};
const letters = (): string => `${Object.keys(LIMITS).join(":")}:`;

const USAGE =
  "softlimit: usage: softlimit [-a allbytes] [-c corebytes] [-d databytes] [-f filebytes] [-l lockbytes] " +
  "[-m membytes] [-o openfiles] [-p processes] [-r residentbytes] [-s stackbytes] [-t cpusecs] child\n";

const complain = (): void => put(STDERR, USAGE);

function usage(): never {
  complain();
  exit(EXIT.usage);
}

export function softlimit(program: Program, chain: Chain): Command {
  const { operands } = parseOptions(program, letters(), complain, (letter, value) => {
    for (const resource of LIMITS[letter] ?? []) {
      // More than the hard limit is that.
      const soft = value === "=" ? RLIM_INFINITY : (decodeNumber(value) ?? usage());
      program.attempt(
        () => chain.limit(resource, soft),
        (reason) => program.fatal(`${reason.call} failed`, reason),
      );
    }
  });
  const [child, ...args] = operands;
  return child === undefined ? usage() : [child, ...args];
}

/** Decimal digits, any number of them, even none, as an unsigned long: modulo 2^64. Undefined for anything else. */
function decodeNumber(word: ByteString): bigint | undefined {
  for (const letter of word) if (letter < "0" || letter > "9") return undefined;
  return BigInt.asUintN(64, BigInt(word));
}
