// /proc/PID/stat: who a process is. proc_pid_stat(5)
import type { ByteString } from "../units/units.ts";
import { FormatError } from "./format-error.ts";

export type ProcStat = {
  readonly pid: number;
  /** One letter: R, S, D, T, Z (ended, not yet waited for), X, ... */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** How many threads it has; one that ended (Z) and still has more than itself lives on in them. */
  readonly threads: number;
  /** When it started, in clock ticks since the machine did. */
  readonly started: number;
};

/** @throws {FormatError} if the text is no such line */
export function decodeProcStat(text: ByteString): ProcStat {
  // The name, in parentheses, may hold anything; the last one closes it.
  const name = text.lastIndexOf(")");
  const fields = text.slice(name + 2).split(" ");
  const number = (index: number): number => Number(fields[index]);
  const stat = {
    pid: Number(text.slice(0, text.indexOf(" "))),
    state: fields[0] ?? "",
    parent: number(1),
    group: number(2),
    session: number(3),
    threads: number(17),
    started: number(19),
  };
  if (name < 0 || !Object.values(stat).slice(2).every(Number.isInteger))
    throw new FormatError("no /proc stat line", 0);
  return stat;
}
