// What tai64n and tai64nlocal have in common: bytes are edited line by line on their way from input to output, in one block
// of memory. No line is ever held whole, so its length does not matter.

/** Where a filter stands in its memory. Input is at `from` to `to`, output goes to `out` and ends before `room`. */
export type Passage = {
  readonly memory: Uint8Array;
  from: number;
  readonly to: number;
  out: number;
  readonly room: number;
};

/**
 * Takes input and makes output, and moves `from` and `out` along. It stops where the input ends or the output has no room;
 * with room for all it may leave up to `LONGEST_HOLD` bytes of input, which it wants to see again with more behind them. The
 * byte at `to` is the filter's to write to.
 */
export interface LineFilter {
  pass(passage: Passage): void;
}

/** The most input that a filter leaves, in bytes. */
export const LONGEST_HOLD = 4096;

export const NEWLINE = 10;

/**
 * Copies the rest of a line with its newline, as far as there is input and room.
 * @returns whether the line ended
 */
export function passLine(passage: Passage): boolean {
  const { memory, from, to, out, room } = passage;
  // Found at the latest there.
  memory[to] = NEWLINE;
  const end = memory.indexOf(NEWLINE, from) + 1;
  const length = Math.min(end, to, from + room - out) - from;
  memory.copyWithin(out, from, from + length);
  passage.from = from + length;
  passage.out = out + length;
  return from + length === end;
}
