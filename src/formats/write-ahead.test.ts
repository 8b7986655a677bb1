import { expect, spyOn, test } from "bun:test";
import fc from "fast-check";
import { FormatError } from "./format-error.ts";
import { aheadSize, type Half, type Note, type Plan, WriteAhead } from "./write-ahead.ts";

const shape = { capacity: 4096, directories: 3, args: ["t", "./a", "-\xff*", "", "./b", "/c"] };
const source = { device: 7n, inode: 2n ** 63n + 5n };
const mark = new Uint8Array(16).map((_, i) => 0xf0 ^ i);

function fresh(): { memory: Uint8Array; ahead: WriteAhead } {
  const memory = new Uint8Array(aheadSize(shape).total).fill(0xaa);
  return { memory, ahead: WriteAhead.create(memory, shape, source, mark) };
}

const moment = fc.record({
  seconds: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  nanoseconds: fc.nat(999_999_999),
});
const plans: fc.Arbitrary<Plan> = fc.record({
  tail: fc.nat(1000),
  length: fc.nat(4096),
  before: fc.option(fc.oneof(fc.nat(255), fc.constant("mark" as const)), { nil: undefined }),
  stamp: moment,
  tailStamp: moment,
  inLine: fc.boolean(),
});
const notes: fc.Arbitrary<Note> = fc.oneof(
  fc.record({
    at: fc.constant("writing" as const),
    inode: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    base: fc.integer(),
  }),
  fc.record({ at: fc.constant("rotating" as const), done: fc.nat() }),
  fc.constant({ at: "done" as const }),
);

test("what was stored is found by whoever opens the buffer", () => {
  fc.assert(
    fc.property(
      plans,
      fc.array(notes, { minLength: 3, maxLength: 3 }),
      fc.constantFrom(0, 1),
      (plan, all, n) => {
        const half = n as Half;
        const { memory, ahead } = fresh();
        expect(WriteAhead.open(memory).active).toBeUndefined();
        ahead.plan(half, plan);
        for (const [i, note] of all.entries()) ahead.setNote(half, i, note);
        ahead.setTaking(half, 1, true);
        ahead.activate(half);
        const found = WriteAhead.open(memory.slice());
        expect(found.args).toEqual(shape.args);
        expect(found.source).toEqual(source);
        expect(found.active).toBe(half);
        expect(found.planOf(half)).toEqual(plan);
        expect([0, 1, 2].map((i) => found.note(half, i))).toEqual(all);
        expect([0, 1, 2].map((i) => found.taking(half, i))).toEqual([false, true, false]);
      },
    ),
  );
});

test("the data have been read when they are noted, or when the mark is no longer there", () => {
  const { memory, ahead } = fresh();
  const moment = { seconds: 0, nanoseconds: 0 };
  ahead.plan(1, {
    ...{ tail: 0, length: 100, before: "mark", inLine: false, stamp: moment, tailStamp: moment },
  });
  expect(ahead.got(1)).toBe(0);
  const at = ahead.dataAt(1);
  for (let i = 0; i < mark.length; i++) {
    memory[at + i] = (mark[i] as number) ^ 1;
    expect(ahead.got(1)).toBe(100);
    memory[at + i] = mark[i] as number;
  }
  expect(ahead.got(1)).toBe(0);
  ahead.setGot(1, 60);
  expect(ahead.got(1)).toBe(60);
});

test("the data have been read when they are noted, or when their first byte has changed", () => {
  const { memory, ahead } = fresh();
  const plan = { tail: 0, length: 100, before: 0x9e, inLine: false, stamp: { seconds: 0, nanoseconds: 0 } };
  ahead.plan(0, { ...plan, tailStamp: plan.stamp });
  expect(ahead.got(0)).toBe(0);
  memory[ahead.dataAt(0)] = 0x9e ^ 0xff;
  expect(ahead.got(0)).toBe(100);
  ahead.setGot(0, 60);
  expect(ahead.got(0)).toBe(60);
  ahead.plan(0, { ...plan, before: undefined, tailStamp: plan.stamp });
  expect(ahead.got(0)).toBe(0);
  ahead.setGot(0, 0);
  expect(ahead.got(0)).toBe(0);
});

/** The memory after each single store that `act` makes. */
function stores(memory: Uint8Array, act: () => void): Uint8Array[] {
  const seen: Uint8Array[] = [];
  const undo: (() => void)[] = [];
  const watch = (object: object, name: string) => {
    const target = object as { [name: string]: (...args: never[]) => unknown };
    const plain = target[name] as (...args: never[]) => unknown;
    const spy = spyOn(target, name).mockImplementation(function (this: unknown, ...args: never[]) {
      const result = plain.apply(this, args);
      seen.push(memory.slice());
      return result;
    });
    undo.push(() => spy.mockRestore());
  };
  for (const name of ["setUint8", "setInt32", "setUint32", "setBigUint64", "setFloat64"])
    watch(DataView.prototype, name);
  watch(Atomics, "store");
  try {
    act();
  } finally {
    for (const each of undo) each();
  }
  return seen;
}

test("at no instant is a note anything but the one before or the one after", () => {
  fc.assert(
    fc.property(notes, notes, (before, after) => {
      const { memory, ahead } = fresh();
      ahead.activate(0);
      ahead.setNote(0, 1, before);
      const instants = stores(memory, () => ahead.setNote(0, 1, after));
      expect(instants.length).toBeGreaterThan(1);
      const found = instants.map((instant) => WriteAhead.open(instant).note(0, 1));
      expect(found.at(-1)).toEqual(after);
      for (const note of found.slice(0, -1)) expect(note).toEqual(before);
    }),
  );
});

test("until the other half is made active, nothing of it counts", () => {
  fc.assert(
    fc.property(plans, plans, notes, (first, second, note) => {
      const { memory, ahead } = fresh();
      ahead.plan(0, first);
      ahead.setNote(0, 0, note);
      ahead.activate(0);
      const instants = stores(memory, () => {
        ahead.setNote(1, 0, { at: "rotating", done: 1 });
        ahead.setTaking(1, 0, true);
        ahead.plan(1, second);
        ahead.activate(1);
      });
      for (const [i, instant] of instants.entries()) {
        const found = WriteAhead.open(instant);
        const last = i === instants.length - 1;
        expect(found.active).toBe(last ? 1 : 0);
        expect(found.planOf(last ? 1 : 0)).toEqual(last ? second : first);
        expect(found.note(last ? 1 : 0, 0)).toEqual(last ? { at: "rotating", done: 1 } : note);
      }
    }),
  );
});

test("what is no buffer, or not all of one, is refused", () => {
  const { memory, ahead } = fresh();
  ahead.activate(0);
  expect(() => WriteAhead.open(new Uint8Array(0))).toThrow(FormatError);
  expect(() => WriteAhead.open(new Uint8Array(20_000))).toThrow(FormatError);
  fc.assert(
    fc.property(fc.nat(memory.length - 1), (length) => {
      expect(() => WriteAhead.open(memory.slice(0, length))).toThrow(FormatError);
    }),
  );
});

test("no bytes crash the decoder", () => {
  const { memory } = fresh();
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(4095), fc.nat(255)), { maxLength: 20 }), (changes) => {
      const bytes = memory.slice();
      for (const [at, byte] of changes) bytes[at] = byte;
      try {
        const ahead = WriteAhead.open(bytes);
        for (const half of [0, 1] as const) ahead.got(half);
        if (ahead.directories > 0) ahead.note(0, 0);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }),
  );
});
