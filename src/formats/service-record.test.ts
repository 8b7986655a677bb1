import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type End, HISTORY_SIZE, type Origin, PHASES, RECORD_SIZE, ServiceRecord } from "./service-record.ts";
import type { Tai64n } from "./tai64n.ts";

const boot = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const origin: Origin = { supervisor: 77, session: 70, group: 71, tag: 1234 };
const stamp = (seconds: number): Tai64n => ({ seconds: BigInt(seconds), nanoseconds: 5 });
const fresh = () => new Uint8Array(RECORD_SIZE);
const hex = (bytes: Uint8Array, from: number, to: number) => bytes.subarray(from, to).toHex();

describe("what is where", () => {
  const bytes = fresh();
  const record = new ServiceRecord(bytes);
  record.reset(boot);
  record.want = "once";
  record.paused = true;
  record.owed = true;
  record.intend(1000, origin);
  record.run(0x01020304, 1001);
  record.adopt(0x01020304, 1000, stamp(1_795_182_670));
  record.end({ pid: 9, started: stamp(1), ended: stamp(2), status: { killed: 11, coreDumped: true } });

  test.each([
    ["the name of the format, and its version", 0, 8, "74656e6472656301"],
    ["the boot", 8, 24, "0102030405060708090a0b0c0d0e0f10"],
    ["the phase", 24, 28, "03000000"],
    ["the pid", 28, 32, "04030201"],
    ["ticks from, to", 32, 48, "0000000000408f400000000000408f40"],
    ["session and group", 48, 56, "4600000047000000"],
    ["want, paused, exiting, owed", 56, 60, "6f010001"],
    ["starts, ends, adoptions", 60, 72, "010000000100000001000000"],
    ["the label of the adoption", 72, 84, "400000006b0050580000" + "0005"],
    ["the supervisor and the tag", 84, 92, "4d000000d2040000"],
    ["that it has not failed, and no process by the kernel yet", 92, 128, "00".repeat(36)],
    ["an end: pid, how, value", 128, 136, "09000000030b0000"],
    [
      "an end: from, to, nothing",
      136,
      168,
      "400000000000000b00000005400000000000000c0000000500000000" + "00000000",
    ],
    ["and no more", 168, RECORD_SIZE, "00".repeat(RECORD_SIZE - 168)],
  ])("%s", (_, from, to, expected) => expect(hex(bytes, from, to)).toBe(expected));

  test("how the service fared is between them, and is forgotten at the next beginning", () => {
    const other = new ServiceRecord(fresh());
    other.reset(boot);
    const fare = { early: 3, until: 4000.5, why: "limit", limited: true, from: 100.25, starts: 7 } as const;
    other.fare = fare;
    expect(other.fare).toEqual(fare);
    other.fare = { ...fare, why: undefined };
    expect(other.fare?.why).toBeUndefined();
    other.fare = undefined;
    expect(other.fare).toBeUndefined();
    other.fare = fare;
    other.reset(boot);
    expect(other.fare).toBeUndefined();
  });

  test("what was stored is read", () => {
    expect(record.phase).toBe("running");
    expect(record.pid).toBe(0x01020304);
    expect(record.ticks).toEqual({ from: 1000, to: 1000 });
    expect(record.origin).toEqual(origin);
    expect(record.want).toBe("once");
    expect([record.paused, record.exiting, record.owed]).toEqual([true, false, true]);
    expect([record.starts, record.ends, record.adoptions]).toEqual([1, 1, 1]);
    expect(record.adopted).toEqual(stamp(1_795_182_670));
  });
});

describe("whose it is", () => {
  test("a page of zeros, or of anything else, is nobody's", () => {
    expect(new ServiceRecord(fresh()).isOf(boot)).toBe(false);
    expect(new ServiceRecord(fresh().fill(0xff)).isOf(boot)).toBe(false);
    const version2 = fresh();
    new ServiceRecord(version2).reset(boot);
    version2[7] = 2;
    expect(new ServiceRecord(version2).isOf(boot)).toBe(false);
  });

  test("it is of its boot alone, and of none after the supervisor has left", () => {
    const record = new ServiceRecord(fresh());
    record.reset(boot);
    expect(record.isOf(boot)).toBe(true);
    expect(record.isOf(boot.map((byte) => byte ^ 1))).toBe(false);
    record.leave();
    expect(record.isOf(boot)).toBe(false);
  });

  test("a boot that is not known is no boot", () => {
    const record = new ServiceRecord(fresh());
    record.reset(new Uint8Array(16));
    expect(record.isOf(new Uint8Array(16))).toBe(false);
  });

  test("a new beginning forgets process and wishes, and keeps the history", () => {
    const record = new ServiceRecord(fresh());
    record.reset(boot);
    record.want = "down";
    record.exiting = true;
    record.owed = true;
    record.intend(10, origin);
    record.run(5, 11);
    record.end({ pid: 5, started: stamp(1), ended: stamp(2), status: { exited: 3 } });
    record.reset(boot);
    expect<unknown>([record.phase, record.pid, record.want, record.exiting, record.owed]).toEqual([
      "idle",
      0,
      undefined,
      false,
      false,
    ]);
    expect(record.history).toEqual([{ pid: 5, started: stamp(1), ended: stamp(2), status: { exited: 3 } }]);
  });
});

describe("whether it is the page that was stored in", () => {
  const owned = () => {
    const bytes = fresh();
    const record = new ServiceRecord(bytes);
    record.own(0xfffffffd);
    record.reset(boot);
    return { bytes, record };
  };

  test("it is, however often it is changed", () => {
    const { record } = owned();
    for (let i = 0; i < 3; i++) expect([record.intact, record.touch()]).toEqual([true, true]);
    record.reset(boot);
    expect(record.touch()).toBe(true);
  });

  test("zeros, garbage, and what it was at an earlier change are not", () => {
    for (const damage of [
      (bytes: Uint8Array) => bytes.fill(0),
      (bytes: Uint8Array) => bytes.fill(0xff),
      (bytes: Uint8Array, before: Uint8Array) => bytes.set(before),
    ]) {
      const { bytes, record } = owned();
      const before = bytes.slice();
      record.touch();
      damage(bytes, before);
      expect([record.intact, record.touch()]).toEqual([false, false]);
    }
  });

  test("zeros that come with the store are not", () => {
    const { bytes, record } = owned();
    // As a store into a page that is lost does it: zeros first, then the store.
    const { own } = record;
    record.own = (mark) => {
      bytes.fill(0);
      own.call(record, mark);
    };
    expect(record.touch()).toBe(false);
  });
});

describe("the history", () => {
  const anyEnd: fc.Arbitrary<End> = fc.record({
    pid: fc.integer({ min: 1, max: 0x7fffffff }),
    started: fc.nat().map(stamp),
    ended: fc.nat().map(stamp),
    status: fc.oneof(
      fc.constant(undefined),
      fc.nat({ max: 255 }).map((exited) => ({ exited })),
      fc.record({ killed: fc.integer({ min: 1, max: 64 }), coreDumped: fc.boolean() }),
    ),
  });

  test("the last 16 ends are remembered, the oldest first", () => {
    fc.assert(
      fc.property(fc.array(anyEnd, { maxLength: 40 }), (ends) => {
        const record = new ServiceRecord(fresh());
        for (const end of ends) record.end(end);
        expect(record.history).toEqual(ends.slice(-HISTORY_SIZE));
        expect(record.ends).toBe(ends.length);
        expect(record.lastEnded).toBe(ends.at(-1)?.pid ?? 0);
      }),
    );
  });

  test("how an end came about can become known later, while it is remembered", () => {
    const record = new ServiceRecord(fresh());
    const end = { pid: 1, started: stamp(1), ended: stamp(2), status: undefined };
    const first = record.end(end);
    const second = record.end(end);
    record.amend(second, { exited: 9 });
    expect(record.history.map(({ status }) => status)).toEqual([undefined, { exited: 9 }]);
    for (let i = 0; i < HISTORY_SIZE - 1; i++) record.end(end);
    const before = record.history;
    record.amend(first, { exited: 8 });
    record.amend(1000, { exited: 8 });
    expect(record.history).toEqual(before);
  });

  test("a page of anything has at most 16 ends, and reading it never fails", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: RECORD_SIZE, maxLength: RECORD_SIZE }), (bytes) => {
        const record = new ServiceRecord(bytes);
        expect(record.history.length).toBeLessThanOrEqual(HISTORY_SIZE);
        expect(PHASES).toContain(record.phase);
      }),
    );
  });
});

/** What the record is after each single store of `act`, as a supervisor that is killed right then leaves it. */
function afterEachStore(bytes: Uint8Array, act: (record: ServiceRecord) => void): ServiceRecord[] {
  const pages: Uint8Array[] = [];
  const keep = () => void pages.push(bytes.slice());
  const { setBigUint64, setUint32 } = DataView.prototype;
  function kept<Args extends unknown[]>(store: (...args: Args) => unknown) {
    return function (this: DataView, ...args: Args) {
      store.apply(this, args);
      if (this.buffer === bytes.buffer) keep();
    };
  }
  const { load, store } = Atomics;
  type Numbers = Uint32Array | Float64Array;
  const arrays = new Map<Numbers, Numbers>();
  function watched<Kind extends Numbers>(array: Kind): Kind {
    const spy = new Proxy(array, {
      set(target, name, value) {
        target[Number(name)] = value;
        keep();
        return true;
      },
      get: (target, name) => Reflect.get(target, name, target),
    });
    arrays.set(spy, array);
    return spy;
  }
  const own = (array: unknown) => (arrays.get(array as Numbers) ?? array) as Int32Array;
  // Longer ones byte by byte.
  const spy = new Proxy(bytes, {
    set(target, name, value) {
      target[Number(name)] = value;
      keep();
      return true;
    },
    get(target, name) {
      if (name === "set")
        return (from: Uint8Array, at = 0) => {
          for (const [i, byte] of from.entries()) {
            target[at + i] = byte;
            keep();
          }
        };
      if (name === "fill")
        return (value: number, from = 0, to = target.length) => {
          for (let i = from; i < to; i++) {
            target[i] = value;
            keep();
          }
        };
      const found = Reflect.get(target, name, target);
      return typeof found === "function" ? found.bind(target) : found;
    },
  });
  const record = new ServiceRecord(spy);
  const { words, doubles } = record as unknown as { words: Uint32Array; doubles: Float64Array };
  Object.assign(record, { words: watched(words), doubles: watched(doubles) });
  DataView.prototype.setBigUint64 = kept(setBigUint64);
  DataView.prototype.setUint32 = kept(setUint32);
  Atomics.load = ((array: unknown, at: number) => load(own(array), at)) as typeof Atomics.load;
  Atomics.store = ((array: unknown, at: number, value: number) => {
    store(own(array), at, value);
    keep();
  }) as typeof Atomics.store;
  try {
    act(record);
  } finally {
    Object.assign(DataView.prototype, { setBigUint64, setUint32 });
    Object.assign(Atomics, { load, store });
  }
  return pages.map((page) => new ServiceRecord(page));
}

describe("a supervisor that is killed between two stores", () => {
  const begun = (more: (record: ServiceRecord) => void = () => {}) => {
    const bytes = fresh();
    const record = new ServiceRecord(bytes);
    record.reset(boot);
    record.want = "up";
    more(record);
    return bytes;
  };
  const running = () =>
    begun((record) => {
      record.intend(1000, origin);
      record.run(42, 1002);
    });

  test("the stores are seen", () => {
    expect(afterEachStore(begun(), (record) => record.intend(1000, origin)).length).toBe(9);
  });

  test("noting a start leaves no process, or the whole intent", () => {
    for (const left of afterEachStore(begun(), (record) => record.intend(1000, origin))) {
      if (left.phase === "intent") expect([left.ticks.from, left.origin]).toEqual([1000, origin]);
      else expect(left.phase).toBe("idle");
    }
  });

  test("noting the next start leaves a process that has ended, and its end is not noted again", () => {
    const bytes = running();
    new ServiceRecord(bytes).end({ pid: 42, started: stamp(1), ended: stamp(2), status: { exited: 0 } });
    for (const left of afterEachStore(bytes, (record) => record.intend(2000, origin))) {
      if (left.phase === "running") expect(left.lastEnded).toBe(left.pid);
      else expect(left.phase).toBe("intent");
    }
  });

  test("noting the process leaves the intent, or the whole process", () => {
    const bytes = begun((record) => record.intend(1000, origin));
    for (const left of afterEachStore(bytes, (record) => record.run(42, 1002))) {
      expect(left.isOf(boot)).toBe(true);
      expect([left.ticks.from, left.origin]).toEqual([1000, origin]);
      if (left.phase === "running") expect([left.pid, left.ticks.to]).toEqual([42, 1002]);
      else expect(left.phase).toBe("intent");
    }
  });

  test("noting an adoption leaves the same process", () => {
    for (const left of afterEachStore(running(), (record) => record.adopt(42, 1001, stamp(5)))) {
      expect([left.isOf(boot), left.phase, left.pid]).toEqual([true, "running", 42]);
      expect(left.ticks.from).toBeLessThanOrEqual(1001);
      expect(left.ticks.to).toBeGreaterThanOrEqual(1001);
    }
  });

  test("noting an end leaves the history of before, or of after", () => {
    const bytes = running();
    const record = new ServiceRecord(bytes);
    const ends = Array.from({ length: HISTORY_SIZE - 1 }, (_, i): End => {
      return { pid: i + 1, started: stamp(i), ended: stamp(i), status: { exited: i } };
    });
    for (const end of ends) record.end(end);
    const last: End = { pid: 42, started: stamp(50), ended: stamp(51), status: undefined };
    for (const left of afterEachStore(bytes, (record) => record.end(last))) {
      expect(left.history).toEqual(left.ends === ends.length ? ends : [...ends, last]);
    }
  });

  test("a new beginning is of this boot only when nothing of before is left but the history", () => {
    const bytes = begun((record) => {
      record.want = "down";
      record.exiting = true;
      record.intend(1000, origin);
      record.run(42, 1002);
      record.leave();
    });
    const lefts = afterEachStore(bytes, (record) => record.reset(boot));
    expect(lefts.at(-1)?.isOf(boot)).toBe(true);
    for (const left of lefts.filter((left) => left.isOf(boot))) {
      expect<unknown>([left.phase, left.want, left.exiting]).toEqual(["idle", undefined, false]);
    }
  });

  test("leaving leaves the record as it was, or nobody's", () => {
    for (const left of afterEachStore(running(), (record) => record.leave())) {
      expect(left.isOf(boot)).toBe(false);
    }
  });
});
