// The names in a log directory. multilog(8), docs/formats.md

import type { ByteString } from "../units/units.ts";
import { FormatError } from "./format-error.ts";
import { STAMP_SIZE } from "./stamper.ts";
import type { Tai64n } from "./tai64n.ts";

/** Bytes of `@` and 24 hex digits. */
const LABEL_SIZE = STAMP_SIZE - 1;

/** How an old log ended: `s` is safely on disk, `u` was found after a crash and may lack something. */
export type Ending = "s" | "u";

/** A moment as old logs are named after: nanoseconds since TAI64's zero. */
export type Label = bigint;

const EPOCH = 4611686018427387914n;
const BILLION = 1_000_000_000n;

export const labelOf = ({ seconds, nanoseconds }: Tai64n): Label =>
  (seconds + EPOCH) * BILLION + BigInt(nanoseconds);

/** `@LABEL.s` or `@LABEL.u`. */
export function oldLogName(label: Label, ending: Ending): ByteString {
  const seconds = (label / BILLION).toString(16).padStart(16, "0");
  return `@${seconds}${Number(label % BILLION)
    .toString(16)
    .padStart(8, "0")}.${ending}`;
}

/** Whether a name counts as that of an old log: `@` and at least 24 more bytes, whatever they are. */
export const isOldLog = (name: ByteString): boolean => name.length >= LABEL_SIZE && name.startsWith("@");

/** What old logs are sorted by, in byte order: the first 25 bytes of the name. */
export const sortKey = (name: ByteString): ByteString => name.slice(0, LABEL_SIZE);

/**
 * The label in the name of an old log.
 * @throws {FormatError} where there are no 24 lower-case hex digits behind the `@`, or they name no moment.
 */
export function labelIn(name: ByteString): Label {
  if (!/^@[0-9a-f]{24}/.test(name)) throw new FormatError("not the name of an old log", 0);
  const nanoseconds = BigInt(`0x${name.slice(17, 25)}`);
  if (nanoseconds >= BILLION) throw new FormatError("not a moment", 17);
  return BigInt(`0x${name.slice(1, 17)}`) * BILLION + nanoseconds;
}
