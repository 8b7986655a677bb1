// The end of what was written, in a place of fixed size. readproctitle(8)

/** The dots that stay at the start, as a sign that something went before. */
const LEAD = 3;
const DOT = 0x2e;

/** The shortest place there can be, in bytes. */
export const SHORTEST_TITLE = 5;

/** Fills the place with dots. */
export const clearTitle = (title: Uint8Array): void => void title.fill(DOT);

/**
 * Moves what is in the place to the left, and puts `bytes` at its end. NUL bytes are left out, since they would end the
 * title; any other goes in as it is.
 */
export function shiftIntoTitle(title: Uint8Array, bytes: Uint8Array): void {
  const shown = bytes.includes(0) ? bytes.filter((byte) => byte !== 0) : bytes;
  const window = title.subarray(LEAD);
  const latest = shown.subarray(Math.max(0, shown.length - window.length));
  window.copyWithin(0, latest.length);
  window.set(latest, window.length - latest.length);
}
