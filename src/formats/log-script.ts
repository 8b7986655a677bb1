// The script of multilog: each argument is one action, told by its first byte. multilog(8)
import type { ByteString } from "../units/units.ts";

/** What is put in front of each line. */
export type StampKind = "none" | "tai64n" | "iso8601";

/** How a log directory is kept: what the actions before it have set. */
export type Keeping = {
  /** No file is longer, in bytes. 4096 to 16777215. */
  readonly size: number;
  /** How many files there are at most, `current` with them. 2 or more. */
  readonly files: number;
  /** Old logs, oldest first, are removed while all of them together are longer, in bytes; undefined: no such limit. */
  readonly total: number | undefined;
  /** `current` is rotated when its first line is older, in seconds; undefined: never. */
  readonly age: number | undefined;
  /** When the disk is full, old logs are removed while there are more of them than this; undefined: none is. */
  readonly least: number | undefined;
  /** What /bin/sh runs over each file that is finished; `beside`: while logging goes on. */
  readonly processor: { readonly command: ByteString; readonly beside: boolean } | undefined;
};

export type Action =
  /** A selected line that matches is deselected; a deselected line that matches is selected. */
  | { readonly do: "deselect" | "select"; readonly pattern: ByteString }
  /** A selected line goes to standard error, its first 200 bytes. */
  | { readonly do: "alert" }
  /** A selected line becomes the content of the file, its first 1000 bytes. */
  | { readonly do: "status"; readonly file: ByteString }
  /** A selected line is logged there. */
  | { readonly do: "log"; readonly path: ByteString; readonly keeping: Keeping };

export type Script = { readonly stamp: StampKind; readonly actions: readonly Action[] };

/** Of the line, label included, this many bytes are matched and put into status files. */
export const MATCHED_BYTES = 1000;
/** And this many put to standard error. */
export const ALERT_BYTES = 200;

const DEFAULTS: Keeping = {
  size: 99999,
  files: 10,
  total: undefined,
  age: undefined,
  least: undefined,
  processor: undefined,
};
const SIZE_LEAST = 4096;
const SIZE_MOST = 16777215;

/** The digits that `text` begins with, as a number; 0 if there are none. It wraps at 2^64, as in C. */
function digits(text: ByteString): number {
  const [found = ""] = /^[0-9]*/.exec(text) ?? [];
  return Number(BigInt.asUintN(64, BigInt(found)));
}

const clamp = (n: number, least: number, most: number): number => Math.min(Math.max(n, least), most);

/**
 * Reads the arguments. `t` and `T` mean something as the first alone; `s`, `n`, `S`, `R`, `N`, `!` and `&` set what holds for the
 * directories after them; what has no meaning is ignored.
 */
export function parseScript(args: readonly ByteString[]): Script {
  let keeping = DEFAULTS;
  const actions: Action[] = [];
  for (const arg of args) {
    const rest = arg.slice(1);
    switch (arg[0]) {
      case "-":
        actions.push({ do: "deselect", pattern: rest });
        break;
      case "+":
        actions.push({ do: "select", pattern: rest });
        break;
      case "e":
        actions.push({ do: "alert" });
        break;
      case "=":
        actions.push({ do: "status", file: rest });
        break;
      case ".":
      case "/":
        actions.push({ do: "log", path: arg, keeping });
        break;
      case "s":
        keeping = { ...keeping, size: clamp(digits(rest), SIZE_LEAST, SIZE_MOST) };
        break;
      case "n":
        keeping = { ...keeping, files: Math.max(digits(rest), 2) };
        break;
      case "S":
        keeping = { ...keeping, total: digits(rest) };
        break;
      case "R":
        keeping = { ...keeping, age: digits(rest) || undefined };
        break;
      case "N":
        keeping = { ...keeping, least: digits(rest) };
        break;
      case "!":
      case "&":
        keeping = { ...keeping, processor: { command: rest, beside: arg[0] === "&" } };
        break;
    }
  }
  const first = args[0]?.[0];
  return { stamp: first === "t" ? "tai64n" : first === "T" ? "iso8601" : "none", actions };
}
