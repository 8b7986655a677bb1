// supervise/status: what a supervisor tells the world of its service. reference: supervise-protocol section 3
import { FormatError } from "./format-error.ts";
import { decodeTai64n, encodeTai64n, TAI64N_SIZE, type Tai64n } from "./tai64n.ts";

/** What is wished of a service: kept up, kept down, or left as it is and not started again ("once"). */
export type Want = "up" | "down" | "once";

/** The content of supervise/status. */
export type Status = {
  /** When the pid last changed: the start or the end of the service, or the start of the supervisor. */
  readonly since: Tai64n;
  /** The service's process id, 0 when it is down. 32 bits, unsigned. */
  readonly pid: number;
  readonly paused: boolean;
  readonly want: Want;
};

/** Bytes that the C programs write and read. */
export const STATUS_SIZE = 18;

const WANT_BYTE = { up: 0x75, down: 0x64, once: 0 } as const satisfies Record<Want, number>;

/**
 * | bytes | meaning                                     | order         |
 * |-------|---------------------------------------------|---------------|
 * | 0-7   | TAI64 seconds of the last change of pid      | big-endian    |
 * | 8-11  | nanoseconds                                  | big-endian    |
 * | 12-15 | pid, 0 when down                             | little-endian |
 * | 16    | 1 if paused, else 0                          |               |
 * | 17    | `u` wants up, `d` wants down, 0 once         |               |
 */
export function encodeStatus(status: Status): Uint8Array {
  const bytes = new Uint8Array(STATUS_SIZE);
  bytes.set(encodeTai64n(status.since));
  new DataView(bytes.buffer).setUint32(TAI64N_SIZE, status.pid, true);
  bytes[16] = status.paused ? 1 : 0;
  bytes[17] = WANT_BYTE[status.want];
  return bytes;
}

/**
 * Reads what a supervisor wrote. Bytes after the 18th are left to whoever wrote them; any byte 17 but `u` and `d` means
 * "once", as svstat takes it; any byte 16 but 0 means paused.
 * @throws {FormatError} if there are fewer than 18 bytes.
 */
export function decodeStatus(bytes: Uint8Array): Status {
  if (bytes.length < STATUS_SIZE) throw new FormatError("status is too short", bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const want = bytes[17];
  return {
    since: decodeTai64n(bytes),
    pid: view.getUint32(TAI64N_SIZE, true),
    paused: bytes[16] !== 0,
    want: want === WANT_BYTE.up ? "up" : want === WANT_BYTE.down ? "down" : "once",
  };
}
