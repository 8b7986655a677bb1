// Puts a label in front of every line. tai64n(8)
import { STAMP_SIZE, Stamper } from "../formats/stamper.ts";
import type { Tai64n } from "../formats/tai64n.ts";
import { type LineFilter, type Passage, passLine } from "./line-filter.ts";

export class StampLines implements LineFilter {
  private readonly stamper = new Stamper();
  private lineStart = true;

  /** @param memory the block that the passages are in */
  constructor(private readonly memory: DataView) {}

  /** From now on lines begin at `moment`. */
  set now(moment: Tai64n) {
    this.stamper.set(moment);
  }

  pass(passage: Passage): void {
    while (passage.from < passage.to) {
      if (this.lineStart) {
        if (passage.room - passage.out < STAMP_SIZE) return;
        this.stamper.put(this.memory, passage.out);
        passage.out += STAMP_SIZE;
      }
      this.lineStart = passLine(passage);
      if (passage.out === passage.room) return;
    }
  }
}
