// TAI64N labels: a moment, to the nanosecond, as 12 bytes or as `@` and 24 hex digits. tai64n(8)
// daemontools counts no leap seconds: a label is always the Unix time plus 2^62 + 10 seconds.
import { FormatError } from "./format-error.ts";

/** A moment: seconds since 1970 without leap seconds (-2^62-10 to 2^64-2^62-11), and 0 to 999 999 999 nanoseconds. */
export type Tai64n = { readonly seconds: bigint; readonly nanoseconds: number };

/** A moment of our time: whole seconds since 1970, and nanoseconds. No BigInt has to be made for it. */
export type Moment = { readonly seconds: number; readonly nanoseconds: number };

/** Bytes of an encoded label. */
export const TAI64N_SIZE = 12;

const EPOCH = 4611686018427387914n;

/**
 * | bytes | meaning              | order      |
 * |-------|----------------------|------------|
 * | 0-7   | 2^62 + 10 + seconds  | big-endian |
 * | 8-11  | nanoseconds          | big-endian |
 */
export function encodeTai64n(moment: Tai64n): Uint8Array {
  const bytes = new Uint8Array(TAI64N_SIZE);
  putTai64n(new DataView(bytes.buffer), 0, moment);
  return bytes;
}

/** The same, at offset `at` of `view`. */
export function putTai64n(view: DataView, at: number, moment: Tai64n): void {
  view.setBigUint64(at, moment.seconds + EPOCH);
  view.setUint32(at + 8, moment.nanoseconds);
}

/**
 * The moment in the first 12 bytes. Any 12 bytes are one: nanoseconds are taken as they are, also above 999 999 999.
 * @throws {FormatError} if there are fewer than 12.
 */
export function decodeTai64n(bytes: Uint8Array): Tai64n {
  if (bytes.length < TAI64N_SIZE) throw new FormatError("TAI64N label is too short", bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { seconds: view.getBigUint64(0) - EPOCH, nanoseconds: view.getUint32(8) };
}
