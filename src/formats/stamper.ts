// The label that is put in front of a line: `@`, 24 hex digits and a space. tai64n(8), multilog(8)
import { encodeTai64n, TAI64N_SIZE, type Tai64n } from "./tai64n.ts";

/** Bytes of a printed label with the space behind it. */
export const STAMP_SIZE = 26;

const DIGITS = "0123456789abcdef";

/** Holds one printed label, ready to be put in front of any number of lines. */
export class Stamper {
  // 26 bytes are put as six words and a half: for so few, twice as fast as a copy between arrays.
  private readonly label = new DataView(new ArrayBuffer(STAMP_SIZE));
  private readonly words = [0, 0, 0, 0, 0, 0];
  private last = 0;

  /** Makes the label that of `moment`. */
  set(moment: Tai64n): void {
    const { label } = this;
    const bytes = encodeTai64n(moment);
    label.setUint8(0, 0x40);
    for (let i = 0; i < TAI64N_SIZE; i++) {
      const byte = bytes[i] as number;
      label.setUint8(1 + 2 * i, DIGITS.charCodeAt(byte >> 4));
      label.setUint8(2 + 2 * i, DIGITS.charCodeAt(byte & 15));
    }
    label.setUint8(STAMP_SIZE - 1, 0x20);
    for (let i = 0; i < 6; i++) this.words[i] = label.getInt32(4 * i);
    this.last = label.getInt16(24);
  }

  /** Writes the 26 bytes at `at`. */
  put(into: DataView, at: number): void {
    const { words } = this;
    for (let i = 0; i < 6; i++) into.setInt32(at + 4 * i, words[i] as number);
    into.setInt16(at + 24, this.last);
  }
}
