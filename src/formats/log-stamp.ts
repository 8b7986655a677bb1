// What multilog puts in front of a line.
import type { StampKind } from "./log-script.ts";
import { STAMP_SIZE, Stamper } from "./stamper.ts";
import type { Tai64n } from "./tai64n.ts";

const stamper = new Stamper();
const NOTHING = new Uint8Array(0);

/** The stamp of that kind for `moment`, with the space behind it. */
export function stampOf(kind: StampKind, moment: Tai64n): Uint8Array {
  switch (kind) {
    case "none":
      return NOTHING;
    case "tai64n":
    case "iso8601": {
      const bytes = new Uint8Array(STAMP_SIZE);
      stamper.set(moment);
      stamper.put(new DataView(bytes.buffer), 0);
      return bytes;
    }
  }
}
