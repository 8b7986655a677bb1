// How a process ended, as waitpid(2) tells it. A code and a signal are never folded into one number.
import { FormatError } from "./format-error.ts";

/** `exited`: its exit code, 0 to 255. `killed`: the number of the signal that ended it, 1 to 126. */
export type WaitStatus =
  | { readonly exited: number }
  | { readonly killed: number; readonly coreDumped: boolean };

/**
 * | bits | meaning                                   |
 * |------|-------------------------------------------|
 * | 0-6  | 0: it exited; else the signal's number     |
 * | 7    | with a signal: it left a core file         |
 * | 8-15 | exit code                                  |
 *
 * @throws {FormatError} for a process that only stopped (bits 0-6 are 127) and for bits above 15.
 */
export function decodeWaitStatus(status: number): WaitStatus {
  if (!Number.isInteger(status) || status < 0 || status > 0xffff)
    throw new FormatError("not a wait status", 0);
  const signal = status & 0x7f;
  if (signal === 0) {
    if (status & 0x80) throw new FormatError("not a wait status", 0);
    return { exited: status >> 8 };
  }
  if (signal === 0x7f || status >> 8 !== 0) throw new FormatError("the process has not ended", 0);
  return { killed: signal, coreDumped: (status & 0x80) !== 0 };
}

/** The number that `decodeWaitStatus` reads. */
export const encodeWaitStatus = (status: WaitStatus): number =>
  "exited" in status ? status.exited << 8 : status.killed | (status.coreDumped ? 0x80 : 0);
