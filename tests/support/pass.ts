// Runs a line filter without a process: on pieces of input, in memory of any size.
import { type LineFilter, LONGEST_HOLD } from "../../src/engine/line-filter.ts";
import { byteString, bytesOf } from "../../src/units/units.ts";

/**
 * What `make`'s filter makes of `pieces`, each given as one read gives it.
 * @param room how many bytes of output it is given at a time
 */
export function passAll(
  make: (memory: DataView) => LineFilter,
  pieces: readonly string[],
  room: number,
  onRead: (filter: LineFilter, piece: number) => void = () => {},
): string {
  const longest = Math.max(0, ...pieces.map((piece) => piece.length));
  const memory = new Uint8Array(room + LONGEST_HOLD + longest + 1);
  const filter = make(new DataView(memory.buffer));
  let output = "";
  let held = new Uint8Array(0);
  for (const [i, piece] of pieces.entries()) {
    if (piece === "") continue;
    onRead(filter, i);
    memory.set(held, room);
    memory.set(bytesOf(piece), room + held.length);
    const passage = { memory, from: room, to: room + held.length + piece.length, out: 0, room };
    do {
      passage.out = 0;
      filter.pass(passage);
      output += byteString(memory.subarray(0, passage.out));
    } while (passage.out > 0 && passage.from < passage.to);
    held = memory.slice(passage.from, passage.to);
    if (held.length > LONGEST_HOLD) throw new Error(`${held.length} bytes are held back`);
  }
  return output;
}

/** `text` in pieces that end at `cuts`. */
export function cutAt(text: string, cuts: readonly number[]): string[] {
  const at = [0, ...cuts.map((cut) => cut % (text.length + 1)), text.length].sort((a, b) => a - b);
  return at.slice(1).map((end, i) => text.slice(at[i], end));
}
