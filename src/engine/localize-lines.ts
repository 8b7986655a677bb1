// Turns the label at the start of a line into local time. tai64nlocal(8)
import { type LineFilter, LONGEST_HOLD, type Passage, passLine } from "./line-filter.ts";

/** A moment as people read it. The year is a 32-bit number. */
export type CivilTime = {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
};

/** The local time `seconds` after the beginning of 1970, a 64-bit number in two halves; undefined where it has none. */
export type Clock = (high: number, low: number) => CivilTime | undefined;

const AT = 0x40;
const ZERO = 0x30;
const DASH = 0x2d;
const SPACE = 0x20;
const COLON = 0x3a;
const POINT = 0x2e;
/** 2^62 + 10. */
const EPOCH_HIGH = 0x40000000;
const EPOCH_LOW = 10;
/** The most that a label becomes: a year of 20 digits, `-MM-DD HH:MM:SS.` and 10 digits. */
const LONGEST_TIME = 20 + 16 + 10;

/** What a byte is worth as a lower-case hex digit; 16 for one that is none. */
const DIGIT = new Uint8Array(256).fill(16);
for (let value = 0; value < 16; value++) DIGIT["0123456789abcdef".charCodeAt(value)] = value;

export class LocalizeLines implements LineFilter {
  private lineStart = true;
  /** The second whose text is at hand, as in the label. */
  private high = -1;
  private low = -1;
  /** `YYYY-MM-DD HH:MM:SS.`; empty where the second has no local time. */
  private readonly text = new Uint8Array(LONGEST_TIME);
  private length = 0;

  constructor(private readonly clock: Clock) {}

  pass(passage: Passage): void {
    while (passage.from < passage.to) {
      if (this.lineStart && passage.memory[passage.from] === AT && !this.label(passage)) return;
      this.lineStart = passLine(passage);
      if (passage.out === passage.room) return;
    }
  }

  /**
   * Takes a label and makes a time of it, or leaves it where it is to be copied.
   * @returns false if it cannot be told yet what to do: there must be more input, or more room
   */
  private label(passage: Passage): boolean {
    const { memory, from, to } = passage;
    if (passage.room - passage.out < LONGEST_TIME) return false;
    // The last 24 digits count, however many there are.
    let high = 0;
    let low = 0;
    let nanoseconds = 0;
    let at = from + 1;
    for (; at < to; at++) {
      const digit = DIGIT[memory[at] as number] as number;
      if (digit === 16) break;
      high = (high << 4) | (low >>> 28);
      low = (low << 4) | (nanoseconds >>> 28);
      nanoseconds = (nanoseconds << 4) | digit;
    }
    // A label as long as all that can be held: no program wrote it.
    if (at - from >= LONGEST_HOLD) return true;
    if (at === to) return false;
    if (high !== this.high || low !== this.low) this.turn(high, low);
    if (this.length === 0) return true;
    const { text, length } = this;
    let out = passage.out;
    for (let i = 0; i < length; i++) memory[out++] = text[i] as number;
    passage.out = putDigits(memory, out, nanoseconds >>> 0);
    passage.from = at;
    this.lineStart = false;
    return true;
  }

  private turn(high: number, low: number): void {
    this.high = high;
    this.low = low;
    const borrow = low >>> 0 < EPOCH_LOW ? 1 : 0;
    const time = this.clock((high - EPOCH_HIGH - borrow) >>> 0, (low - EPOCH_LOW) >>> 0);
    this.length = 0;
    if (time === undefined) return;
    const { text } = this;
    let at = 0;
    // The C program prints a year before 0 as a 64-bit number without sign.
    const year = String(time.year < 0 ? BigInt.asUintN(64, BigInt(time.year)) : time.year);
    for (let i = 0; i < year.length; i++) text[at++] = year.charCodeAt(i);
    const two = (before: number, value: number): void => {
      text[at] = before;
      text[at + 1] = ZERO + Math.floor(value / 10);
      text[at + 2] = ZERO + (value % 10);
      at += 3;
    };
    two(DASH, time.month);
    two(DASH, time.day);
    two(SPACE, time.hour);
    two(COLON, time.minute);
    two(COLON, time.second);
    text[at++] = POINT;
    this.length = at;
  }
}

/** Writes `value`, 32 bits, with at least nine digits. @returns where they end */
function putDigits(memory: Uint8Array, at: number, value: number): number {
  const end = at + (value < 1e9 ? 9 : 10);
  let rest = value;
  for (let i = end - 1; i >= at; i--) {
    const next = Math.floor(rest / 10);
    memory[i] = ZERO + rest - next * 10;
    rest = next;
  }
  return end;
}
