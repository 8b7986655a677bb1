// Which line goes where: multilog's script, applied to whatever pieces the input comes in. Bytes in, ranges of bytes out; no
// I/O and no clock. multilog(8)
//
// Input and output lie in one block of memory, so that a line is copied by one call. Directories with no `+` or `-` between
// them get the same bytes and share a Slot; one that gets every line as it came gets no copy at all, but the input itself.
import { ALL, advance, FAILED, matched, needed, type Progress } from "../formats/log-pattern.ts";
import { ALERT_BYTES, MATCHED_BYTES, type Script } from "../formats/log-script.ts";
import { STAMP_SIZE as LABEL_SIZE } from "../formats/stamper.ts";
import { bytesOf, exhaustive } from "../units/units.ts";

const NEWLINE = 10;

/** A line up to this long is put whole into the room for output or not at all; a longer one goes in pieces. */
const WHOLE = 4096;

/** Fewer bytes in a row than that are in every other line. */
const LEAST_NEED = 3;

/** A longer stamp than any, and room for one whole line. */
export const LEAST_ROOM = WHOLE + 64;

type Step =
  | {
      readonly do: "select" | "deselect";
      readonly pattern: Uint8Array;
      /** Where the stamps of the chunk's lines, and of its first line, have led. */
      stamped: Progress;
    }
  | { readonly do: "alert" }
  | { readonly do: "status"; readonly index: number }
  | { readonly do: "slot"; readonly index: number };

/** Where `wanted` is found in the memory at `from` or later, wholly before `to`; -1 if nowhere. */
export type Search = (memory: Uint8Array, wanted: Uint8Array, from: number, to: number) => number;

/** What a line needs to be selected by one of the patterns, and where that was found last. */
type Need = { readonly wanted: Uint8Array; at: number };

/** What one group of directories gets: bytes `from` to `to` of the memory. */
export type Slot = {
  from: number;
  to: number;
  /** Every line as it came: then the range lies in the input. */
  readonly direct: boolean;
  /** Room for output, where it is not direct. */
  start: number;
  end: number;
};

/** The content of a status file: the line's first 1000 bytes, the rest newlines. */
export const STATUS_SIZE = MATCHED_BYTES + 1;

export class LogLines {
  readonly slots: readonly Slot[];
  /** The slot of each `log` action, in their order. */
  readonly slotOf: readonly number[];
  /** Of each slot: whether it takes the line that is under way. */
  readonly taking: Uint8Array;
  /** Inside a line that is longer than what is matched: what it is selected for is settled, and part of it is out. */
  inLine = false;
  /** Where the bytes begin that are not taken yet. */
  position = 0;
  /** Lines for standard error, without newline, since `begin`. */
  alerts: Uint8Array[] = [];
  /**
   * New contents of status files since `begin`, by the action's place among its kind, in the order of the
   * lines: two actions may name the same file.
   */
  readonly statuses = new Map<number, Uint8Array>();
  private readonly steps: Step[] = [];
  private stampSize = 0;
  /** The stamp as it lies in memory. */
  private stamp: Uint8Array = new Uint8Array(0);
  /** The memory as numbers. */
  private readonly view: DataView;
  private readonly stampRoom: number;
  /** No line is looked into: there are no patterns and nothing but directories. */
  private readonly plain: boolean;
  private readonly allDirect: boolean;
  /** All lines are deselected at first: those that have none of `needs` need not be looked at. undefined: all must be. */
  private readonly skipping: boolean;
  private needs: Need[] | undefined;

  /**
   * @param memory holds the input, the stamp and the output
   * @param stampAt where the stamp is kept: 64 bytes
   * @param room where output may lie: from `room.start`, `room.each` bytes (LEAST_ROOM or more) for each slot
   * @param search finds bytes in a row, faster than could be done here
   */
  constructor(
    script: Script,
    private readonly memory: Uint8Array,
    private stampAt: number,
    private readonly room: { readonly start: number; readonly each: number },
    private readonly search?: Search,
  ) {
    const slots: Slot[] = [];
    const slotOf: number[] = [];
    let statuses = 0;
    let start = room.start;
    let patterns = false;
    let open = false;
    for (const action of script.actions) {
      switch (action.do) {
        case "select":
        case "deselect":
          this.steps.push({ do: action.do, pattern: bytesOf(action.pattern), stamped: 0 });
          patterns = true;
          open = false;
          break;
        case "alert":
          this.steps.push({ do: "alert" });
          break;
        case "status":
          this.steps.push({ do: "status", index: statuses++ });
          break;
        case "log":
          if (!open) {
            const direct = script.stamp === "none" && !patterns;
            const index = slots.push({ from: 0, to: 0, direct, start, end: start + room.each }) - 1;
            if (!direct) start += room.each;
            this.steps.push({ do: "slot", index });
          }
          open = true;
          slotOf.push(slots.length - 1);
          break;
        default:
          exhaustive(action);
      }
    }
    this.view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    this.slots = slots;
    this.slotOf = slotOf;
    this.taking = new Uint8Array(slots.length);
    this.plain = this.steps.every((step) => step.do === "slot");
    this.allDirect = this.plain && slots.every((slot) => slot.direct);
    const [first] = script.actions;
    this.skipping = search !== undefined && first?.do === "deselect" && first.pattern === "*";
    this.needs = this.skipping ? this.needsOf() : undefined;
    this.stampRoom = script.stamp === "none" ? 0 : 64;
  }

  /** Bytes of room for output that `script` needs, with `each` for a slot. */
  static roomFor(script: Script, each: number): number {
    const lines = new LogLines(script, new Uint8Array(0), 0, { start: 0, each });
    return lines.slots.filter((slot) => !slot.direct).length * each;
  }

  /** From now on the stamp is kept at `stampAt`, and output lies from `start` on: nothing of before is needed there. */
  useRoom(stampAt: number, start: number): void {
    if (stampAt === this.stampAt) return;
    const { each } = this.room;
    this.stampAt = stampAt;
    this.stampSize = 0;
    let at = start;
    for (const slot of this.slots) {
      if (slot.direct) continue;
      slot.start = at;
      at += each;
      slot.end = at;
    }
  }

  /** Lines that begin from now on get `stamp`, at most 64 bytes; none if the script wants none. */
  setStamp(stamp: Uint8Array): void {
    if (this.stampRoom === 0) return;
    this.memory.set(stamp, this.stampAt);
    if (this.stampSize !== stamp.length) {
      this.stampSize = stamp.length;
      this.stamp = this.memory.subarray(this.stampAt, this.stampAt + stamp.length);
    }
    if (this.plain) return;
    let changed = false;
    for (const step of this.steps) {
      if (step.do !== "select" && step.do !== "deselect") continue;
      const before = step.stamped;
      step.stamped = advance(step.pattern, 0, this.stamp, 0, this.stampSize);
      if (step.stamped !== before) changed = true;
    }
    if (changed && this.skipping) this.needs = this.needsOf();
  }

  /** Of each pattern that may select a line, what the line must have; undefined if one may without. */
  private needsOf(): Need[] | undefined {
    const needs: Need[] = [];
    for (const step of this.steps) {
      if (step.do !== "select" || step.stamped === FAILED) continue;
      const wanted = needed(step.pattern, step.stamped);
      if (wanted === undefined || wanted.length < LEAST_NEED) return undefined;
      needs.push({ wanted, at: -1 });
    }
    return needs;
  }

  /** Passes over whole lines that nothing can select. */
  private skip(needs: readonly Need[], to: number): void {
    const { memory, position } = this;
    let next = to;
    for (const need of needs) {
      if (need.at < position) {
        const found = (this.search as Search)(memory, need.wanted, position, to);
        need.at = found === -1 ? Number.POSITIVE_INFINITY : found;
      }
      if (need.at < next) next = need.at;
    }
    if (next === position) return;
    const start = memory.lastIndexOf(NEWLINE, next - 1) + 1;
    if (start > position) this.position = start;
  }

  /** What is in the slots has been used: they are empty again. */
  begin(): void {
    const { slots, position } = this;
    if (this.alerts.length > 0) this.alerts = [];
    if (this.statuses.size > 0) this.statuses.clear();
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i] as Slot;
      slot.from = slot.to = slot.direct ? position : slot.start;
    }
  }

  /**
   * Takes bytes from `position` up to `to`, and moves `position`: to `to`, less the line at the end that is neither finished
   * nor long enough to be matched; or to where there was no more room, if that comes first. What they become is added to the
   * slots. The byte at `to` is written to.
   * @param lines takes no more than this many lines
   * @returns false if there was no more room: what is in the slots is to be used first, then `begin`, then call again
   */
  take(to: number, lines = Number.POSITIVE_INFINITY): boolean {
    if (this.allDirect && lines === Number.POSITIVE_INFINITY) {
      this.takeAll(to);
      this.endDirect();
      return true;
    }
    // No search goes beyond it.
    this.memory[to] = NEWLINE;
    const all = this.takeLines(to, lines);
    this.endDirect();
    return all;
  }

  private endDirect(): void {
    const { slots, position } = this;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i] as Slot;
      if (slot.direct) slot.to = position;
    }
  }

  /** Every directory gets the bytes as they came: only the end has to be looked at. */
  private takeAll(to: number): void {
    const { memory, position } = this;
    // What a line that ends in these bytes can be held back for is less than 1000.
    const near = Math.max(position, to - MATCHED_BYTES);
    let last = to - 1;
    while (last >= near && memory[last] !== NEWLINE) last--;
    if (last >= near) {
      this.position = last + 1;
      this.inLine = false;
    } else if (this.inLine || to - position >= MATCHED_BYTES) {
      this.position = to;
      if (to > position) {
        this.inLine = true;
        this.taking.fill(1);
      }
    }
  }

  private takeLines(to: number, lines: number): boolean {
    const { stampSize } = this;
    let left = lines;
    const needs = lines === Number.POSITIVE_INFINITY ? this.needs : undefined;
    if (needs !== undefined) for (const need of needs) need.at = -1;
    if (this.inLine && !this.continueLine(to)) return this.position === to;
    while (this.position < to && left > 0) {
      if (needs !== undefined) {
        this.skip(needs, to);
        if (this.position === to) return true;
      }
      const start = this.position;
      const end = this.memory.indexOf(NEWLINE, start);
      const ended = end < to;
      if (!ended && end - start + stampSize < MATCHED_BYTES) return true;
      left--;
      if (ended && end - start < WHOLE) {
        if (!this.hasRoom(end + 1 - start + stampSize)) return false;
        this.decide(start, end);
        this.put(start, end + 1);
        this.position = end + 1;
        if (this.plain && left > 0 && this.slots.length === 1) this.putRun(to, left);
        continue;
      }
      if (!this.hasRoom(stampSize)) return false;
      this.decide(start, end);
      this.put(start, start);
      this.inLine = true;
      if (!this.continueLine(to)) return this.position === to;
    }
    return true;
  }

  /** As takeLines, where every line goes to one slot, behind a stamp. */
  private putRun(to: number, lines: number): void {
    if (this.stampSize === LABEL_SIZE) return this.putLabelled(to, lines);
    const { memory, stampAt, stampSize } = this;
    const slot = this.slots[0] as Slot;
    const room = slot.end - stampSize;
    let { position } = this;
    let out = slot.to;
    for (let left = lines; left > 0; left--) {
      const end = memory.indexOf(NEWLINE, position) + 1;
      if (end > to || end - position >= WHOLE || out + end - position > room) break;
      memory.copyWithin(out, stampAt, stampAt + stampSize);
      memory.copyWithin(out + stampSize, position, end);
      out += stampSize + end - position;
      position = end;
    }
    slot.to = out;
    this.position = position;
  }

  /** As putRun, with a label. For 26 bytes six words and a half are faster than a copy. */
  private putLabelled(to: number, lines: number): void {
    const { memory, view, stampAt } = this;
    const slot = this.slots[0] as Slot;
    const room = slot.end - LABEL_SIZE;
    const a = view.getInt32(stampAt);
    const b = view.getInt32(stampAt + 4);
    const c = view.getInt32(stampAt + 8);
    const d = view.getInt32(stampAt + 12);
    const e = view.getInt32(stampAt + 16);
    const f = view.getInt32(stampAt + 20);
    const g = view.getInt16(stampAt + 24);
    let { position } = this;
    let out = slot.to;
    for (let left = lines; left > 0; left--) {
      const end = memory.indexOf(NEWLINE, position) + 1;
      if (end > to || end - position >= WHOLE || out + end - position > room) break;
      view.setInt32(out, a);
      view.setInt32(out + 4, b);
      view.setInt32(out + 8, c);
      view.setInt32(out + 12, d);
      view.setInt32(out + 16, e);
      view.setInt32(out + 20, f);
      view.setInt16(out + 24, g);
      memory.copyWithin(out + LABEL_SIZE, position, end);
      out += LABEL_SIZE + end - position;
      position = end;
    }
    slot.to = out;
    this.position = position;
  }

  /** Takes more of the line under way, whose selection is settled. @returns whether it has ended */
  private continueLine(to: number): boolean {
    const { memory, position: start } = this;
    const found = memory.indexOf(NEWLINE, start);
    let end = Math.min(found + 1, to);
    for (const [i, slot] of this.slots.entries())
      if (this.taking[i] === 1 && !slot.direct) end = Math.min(end, start + slot.end - slot.to);
    for (const [i, slot] of this.slots.entries()) {
      if (this.taking[i] !== 1 || slot.direct) continue;
      memory.copyWithin(slot.to, start, end);
      slot.to += end - start;
    }
    this.position = end;
    if (end !== found + 1) return false;
    this.inLine = false;
    return true;
  }

  private hasRoom(bytes: number): boolean {
    for (const slot of this.slots) if (!slot.direct && slot.end - slot.to < bytes) return false;
    return true;
  }

  /** Applies the script to the line from `start` to `end`, newline excluded. */
  private decide(start: number, end: number): void {
    const { memory, steps } = this;
    const matchedEnd = Math.min(end, start + MATCHED_BYTES - this.stampSize);
    let selected = true;
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i] as Step;
      switch (step.do) {
        case "select":
        case "deselect":
          if (selected === (step.do === "select")) break;
          if (
            step.stamped === ALL ||
            (step.stamped >= 0 &&
              matched(step.pattern, advance(step.pattern, step.stamped, memory, start, matchedEnd)))
          )
            selected = !selected;
          break;
        case "alert":
          if (selected) this.alerts.push(this.alertOf(start, end));
          break;
        case "status":
          if (selected) {
            this.statuses.delete(step.index);
            this.statuses.set(step.index, this.statusOf(start, matchedEnd));
          }
          break;
        case "slot":
          this.taking[step.index] = selected ? 1 : 0;
          break;
      }
    }
  }

  /** Puts the stamp and bytes `start` to `end` to the slots that take the line. */
  private put(start: number, end: number): void {
    const { memory, stampAt } = this;
    const size = this.stampSize;
    for (let i = 0; i < this.slots.length; i++) {
      const slot = this.slots[i] as Slot;
      if (this.taking[i] !== 1 || slot.direct) continue;
      if (size > 0) memory.copyWithin(slot.to, stampAt, stampAt + size);
      memory.copyWithin(slot.to + size, start, end);
      slot.to += size + end - start;
    }
  }

  private alertOf(start: number, end: number): Uint8Array {
    const size = this.stampSize;
    const long = size + end - start > ALERT_BYTES;
    const length = long ? ALERT_BYTES : size + end - start;
    const text = new Uint8Array(length + (long ? 3 : 0)).fill(0x2e);
    text.set(this.stamp);
    text.set(this.memory.subarray(start, start + length - size), size);
    return text;
  }

  private statusOf(start: number, end: number): Uint8Array {
    const content = new Uint8Array(STATUS_SIZE).fill(NEWLINE);
    content.set(this.stamp);
    content.set(this.memory.subarray(start, end), this.stampSize);
    return content;
  }
}
