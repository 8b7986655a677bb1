// supervise/death_tally: when and how a service died, as s6 writes it and s6-svdt(1) reads it.
//
// | bytes of an entry | meaning                                   |
// |-------------------|-------------------------------------------|
// | 0-11              | TAI64N label                              |
// | 12                | exit code, or 128 and the signal; 255 if nobody knows |
// | 13                | the signal that ended it, else 0          |
import { encodeTai64n, TAI64N_SIZE, type Tai64n } from "./tai64n.ts";
import type { WaitStatus } from "./wait-status.ts";

/** Bytes of an entry. */
export const DEATH_SIZE = TAI64N_SIZE + 2;

/** `tally` with one more death, the last `most` of them. A piece of an entry at its end is left out. */
export function withDeath(
  tally: Uint8Array,
  ended: Tai64n,
  how: WaitStatus | undefined,
  most: number,
): Uint8Array {
  const signal = how !== undefined && "killed" in how ? how.killed : 0;
  const code = how === undefined ? 255 : "exited" in how ? how.exited : 128 + how.killed;
  const whole = Math.floor(tally.length / DEATH_SIZE);
  const kept = Math.max(0, Math.min(whole, most - 1));
  const bytes = new Uint8Array((kept + 1) * DEATH_SIZE);
  bytes.set(tally.subarray((whole - kept) * DEATH_SIZE, whole * DEATH_SIZE));
  bytes.set(encodeTai64n(ended), kept * DEATH_SIZE);
  bytes.set([code, signal], kept * DEATH_SIZE + TAI64N_SIZE);
  return bytes;
}
