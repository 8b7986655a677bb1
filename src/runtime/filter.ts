// Bytes on their way through a filter: read in large pieces, edited in place, written before the next read, so that nothing
// that arrived is kept back. Constant memory.
import { type LineFilter, LONGEST_HOLD } from "../engine/line-filter.ts";
import { readTo, writeFrom } from "../sys/files.ts";
import { Arena } from "../sys/libc.ts";
import type { Fd } from "../units/units.ts";
import { Reading } from "./footprint.ts";

const READ_SIZE = 65536;
const OUTPUT_SIZE = 2 * READ_SIZE;
const INPUT_AT = OUTPUT_SIZE;

export class Filter {
  // Output, what a filter wanted to see again, new input, and the byte behind it.
  private readonly arena = new Arena(OUTPUT_SIZE + LONGEST_HOLD + READ_SIZE + 16);

  /** The memory that passages are in. */
  get view(): DataView {
    return this.arena.view;
  }

  /**
   * Passes all of `input` to `output`. What the filter still holds at the end is dropped.
   * @param onRead called after each read, before what it gave is passed on
   * @throws {ErrnoError} of a read or a write
   */
  run(filter: LineFilter, input: Fd, output: Fd, onRead: () => void = () => {}): void {
    const { base, bytes: memory } = this.arena;
    const reading = new Reading();
    let held = 0;
    for (;;) {
      reading.await(input);
      const got = readTo(input, base + INPUT_AT + held, READ_SIZE);
      if (got === 0) return;
      onRead();
      const passage = { memory, from: INPUT_AT, to: INPUT_AT + held + got, out: 0, room: OUTPUT_SIZE };
      do {
        passage.out = 0;
        filter.pass(passage);
        writeFrom(output, base, passage.out);
      } while (passage.out > 0 && passage.from < passage.to);
      held = passage.to - passage.from;
      memory.copyWithin(INPUT_AT, passage.from, passage.to);
    }
  }
}
