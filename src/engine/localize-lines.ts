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

/**
 * Seconds, from a multiple of this number on, in which a clock runs as in any minute if it is as much later at the last as at the
 * first: it does not jump forth and back in so short a time.
 */
const SPAN = 64;

/** A span in which the clock runs evenly, and the second of the day at which it begins. */
type Even = { readonly span: number; readonly begins: number };

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
  /** The span of that second, and the last one that was even. */
  private span = -1;
  private even: Even | undefined;

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
    const upper = (high - EPOCH_HIGH - borrow) >>> 0;
    const lower = (low - EPOCH_LOW) >>> 0;
    // A number holds no more. Nor has a clock much to say of times that are so far away.
    const seconds = upper < 2 ** 20 ? upper * 2 ** 32 + lower : -1;
    const span = seconds < 0 ? -1 : Math.floor(seconds / SPAN);
    if (span >= 0 && span === this.span) {
      // The second second of it: others are likely to come.
      if (this.even?.span !== span && this.length > 0) this.even = this.evenly(span) ?? this.even;
      if (this.even?.span === span) return this.putTime(this.even.begins + (seconds - span * SPAN));
    }
    this.span = span;
    this.putMoment(this.clock(upper, lower));
  }

  /** `span`, if the clock runs through it evenly, on one day. */
  private evenly(span: number): Even | undefined {
    const at = (seconds: number) => this.clock(Math.floor(seconds / 2 ** 32), seconds % 2 ** 32);
    const [first, last] = [at(span * SPAN), at((span + 1) * SPAN - 1)];
    if (first === undefined || last === undefined || first.day !== last.day) return undefined;
    if (first.second >= 60 || last.second >= 60) return undefined; // A leap second.
    const begins = secondOfDay(first);
    return secondOfDay(last) - begins === SPAN - 1 ? { span, begins } : undefined;
  }

  private putMoment(time: CivilTime | undefined): void {
    this.length = 0;
    if (time === undefined) return;
    const { text } = this;
    // The C program prints a year before 0 as a 64-bit number without sign.
    const year = String(time.year < 0 ? BigInt.asUintN(64, BigInt(time.year)) : time.year);
    let at = 0;
    for (; at < year.length; at++) text[at] = year.charCodeAt(at);
    at = putTwo(text, at, DASH, time.month);
    at = putTwo(text, at, DASH, time.day);
    at = putTwo(text, at, SPACE, time.hour);
    at = putTwo(text, at, COLON, time.minute);
    at = putTwo(text, at, COLON, time.second);
    text[at++] = POINT;
    this.length = at;
  }

  /** Changes the time of day, and leaves the day. */
  private putTime(second: number): void {
    const { text, length } = this;
    const minute = Math.floor(second / 60);
    const hour = Math.floor(minute / 60);
    putTwo(text, length - 10, SPACE, hour);
    putTwo(text, length - 7, COLON, minute - hour * 60);
    putTwo(text, length - 4, COLON, second - minute * 60);
  }
}

const secondOfDay = ({ hour, minute, second }: CivilTime): number => (hour * 60 + minute) * 60 + second;

/** Writes `before`, and `value` with two digits. @returns where they end */
function putTwo(memory: Uint8Array, at: number, before: number, value: number): number {
  const tens = Math.floor(value / 10);
  memory[at] = before;
  memory[at + 1] = ZERO + tens;
  memory[at + 2] = ZERO + value - tens * 10;
  return at + 3;
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
