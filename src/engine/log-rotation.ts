// Where log files are cut, and which old logs go. Pure: numbers and names. multilog(8)
import { isOldLog, sortKey } from "../formats/log-name.ts";
import type { Keeping } from "../formats/log-script.ts";
import type { ByteString } from "../units/units.ts";

/** A file is finished at the first end of a line within this many bytes of its size limit. */
export const MARGIN = 2000;

const NEWLINE = 10;

/**
 * How many of the `length` bytes at `from` go into a file that holds `bytes` (less than `size`): never beyond `size`, and
 * where that comes near it, up to the last end of a line among them, if there is one.
 */
export function portion(
  memory: Uint8Array,
  from: number,
  length: number,
  bytes: number,
  size: number,
): number {
  const most = Math.min(length, size - bytes);
  if (bytes + most < size - MARGIN) return most;
  const newline = memory.subarray(from, from + most).lastIndexOf(NEWLINE);
  return newline === -1 ? most : newline + 1;
}

/** Whether a file that holds `bytes`, and whose last byte is `last`, is finished. */
export const full = (bytes: number, last: number | undefined, size: number): boolean =>
  bytes >= size - MARGIN && last === NEWLINE;

/** Of any names of a directory, those of old logs, oldest first. */
export const oldLogs = (names: readonly ByteString[]): ByteString[] =>
  names.filter(isOldLog).sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : sortKey(a) > sortKey(b) ? 1 : 0));

/** How many of `count` old logs are too many, beside `current`. */
export const surplus = (count: number, { files }: Keeping): number => Math.max(0, count - (files - 1));
