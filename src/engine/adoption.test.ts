import { describe, expect, test } from "bun:test";
import {
  type Candidate,
  findUnrecorded,
  isRecorded,
  isStatusPid,
  isTold,
  type Left,
  orphansOf,
  type Signs,
  UNTOLD,
} from "./adoption.ts";

const left = (more: Partial<Left> = {}): Left => ({
  phase: "running",
  pid: 42,
  child: UNTOLD,
  ticks: { from: 1000, to: 1001 },
  origin: { supervisor: 30, session: 20, group: 25, tag: 0 },
  want: "up",
  paused: false,
  exiting: false,
  owed: false,
  ...more,
});
const tagged = { origin: { ...left().origin, tag: 99 } };
const process = (more: Partial<Candidate & Signs> = {}): Candidate & Signs => ({
  pid: 42,
  parent: 1,
  session: 20,
  group: 25,
  started: 1000,
  inDirectory: false,
  onPipe: false,
  tag: undefined,
  ...more,
});

describe("a process that was noted", () => {
  test.each([999, 1000, 1001, 1002])("it started at tick %d: it is the one", (started) => {
    expect(isRecorded(left(), process({ started }))).toBe(true);
  });
  test.each([0, 998, 1003, 5000])("it started at tick %d: the number was given again", (started) => {
    expect(isRecorded(left(), process({ started }))).toBe(false);
  });
  test("another number is another process", () => {
    expect(isRecorded(left(), process({ pid: 43 }))).toBe(false);
  });
  test.each(["idle", "pending", "intent"] as const)("in phase %s none is noted", (phase) => {
    expect(isRecorded(left({ phase }), process())).toBe(false);
  });
  test("an adopted one is known by the one tick that /proc tells", () => {
    const adopted = left({ ticks: { from: 500, to: 500 } });
    expect(isRecorded(adopted, process({ started: 500 }))).toBe(true);
    expect(isRecorded(adopted, process({ started: 1000 }))).toBe(false);
  });
});

describe("a process whose number the kernel noted", () => {
  const told = left({ phase: "intent", child: 42 });
  const toldWithTag = left({ phase: "intent", child: 42, ...tagged });
  test("it is the one, in whatever session, group and place it is by now", () => {
    expect(isTold(told, process({ session: 42, group: 42, parent: 5, started: 1002 }))).toBe(true);
    expect(isTold(toldWithTag, process({ tag: 99, started: 9000 }))).toBe(true);
  });
  test("another number, an earlier start, one of much later or another tag: it is not", () => {
    expect(isTold(told, process({ pid: 43 }))).toBe(false);
    expect(isTold(told, process({ started: 998 }))).toBe(false);
    expect(isTold(told, process({ started: 2001 }))).toBe(false);
    expect(isTold(toldWithTag, process({ tag: 98 }))).toBe(false);
    expect(isTold({ ...told, phase: "running" }, process())).toBe(false);
  });
});

describe("the orphans among which the process is that was not noted", () => {
  const SELF = 90;
  const orphans = (...all: Partial<Candidate>[]): number[] =>
    orphansOf(
      left({ phase: "intent" }),
      SELF,
      all.map((more) => process(more)),
    ).map(({ pid }) => pid);

  test("an orphan of the supervisor's session and group is one", () => {
    expect(orphans({})).toEqual([42]);
  });
  test("the reaper that took it in may be process 1, this one, or any of another session or group", () => {
    const reaper = { pid: 7, session: 7, group: 7, started: 1 };
    for (const parent of [1, SELF, 7, 12345]) expect(orphans({ parent }, reaper)).toEqual([42]);
  });
  test("the supervisor may be dying yet", () => {
    expect(orphans({ parent: 30 }, { pid: 30, started: 10 })).toEqual([42]);
  });
  test("another session or group is a stranger's", () => {
    expect(orphans({ session: 21 }, { group: 26 })).toEqual([]);
  });
  test("one that is older than the intent is a stranger", () => {
    expect(orphans({ started: 998 })).toEqual([]);
    expect(orphans({ started: 999 })).toEqual([42]);
  });
  test("a child of a process that lives in the same group is not one: that process is, or is a stranger", () => {
    expect(orphans({ parent: 41, pid: 43 }, { pid: 41, started: 900 })).toEqual([]);
    expect(orphans({}, { parent: 42, pid: 43 })).toEqual([42]);
  });
  test("this process is not one, nor any that it comes from", () => {
    const family = [
      { pid: SELF, parent: 89, started: 2000 },
      { pid: 89, parent: 1, started: 1999 },
    ];
    expect(orphans(...family)).toEqual([]);
    expect(orphans({}, ...family)).toEqual([42]);
  });
});

describe("which of the orphans it is", () => {
  const found = (of: Left, ...orphans: Partial<Candidate & Signs>[]): number | undefined =>
    findUnrecorded(
      of,
      orphans.map((more) => process(more)),
    )?.pid;
  const intent = left({ phase: "intent" });
  const intentWithTag = left({ phase: "intent", ...tagged });

  test("none of none", () => expect(found(intent)).toBeUndefined());

  test("the one with the tag, wherever it is and whenever it started", () => {
    expect(found(intentWithTag, { pid: 1, inDirectory: true }, { pid: 2, tag: 99, started: 90_000 })).toBe(2);
  });
  test("never one with another tag", () => {
    expect(found(intentWithTag, { tag: 98, inDirectory: true, onPipe: true })).toBeUndefined();
  });
  test("of those with the tag the oldest: it started the others", () => {
    expect(found(intentWithTag, { pid: 2, tag: 99, started: 1005 }, { pid: 3, tag: 99 })).toBe(3);
  });
  test("where no tag could be given, or can be read, it is not asked for", () => {
    expect(found(intent, { tag: 5, inDirectory: true })).toBe(42);
    expect(found(intentWithTag, { tag: undefined, inDirectory: true })).toBe(42);
  });

  test.each([{ inDirectory: true }, { onPipe: true }])("%j comes before an earlier one without", (sign) => {
    expect(found(intent, { pid: 2 }, { pid: 3, started: 1002, ...sign })).toBe(3);
  });
  test("one that shows nothing must have started within a tenth of a second of the intent", () => {
    expect(found(intent, { started: 1010 })).toBe(42);
    expect(found(intent, { started: 1011 })).toBeUndefined();
    expect(found(intent, { started: 1011, inDirectory: true })).toBe(42);
  });
  test("of equals it is the first that started, then the one with the lower number", () => {
    expect(found(intent, { pid: 5, started: 1001 }, { pid: 6, started: 1000 })).toBe(6);
    expect(found(intent, { pid: 5 }, { pid: 6 })).toBe(5);
  });
});

describe("what a C supervise left", () => {
  const is = (more: Partial<Candidate & Signs>, ago: number): boolean =>
    isStatusPid(42, ago, process({ inDirectory: true, ...more }), 5000);

  test("the process with its number, in the directory, that started when the status says", () => {
    expect(is({}, 4000)).toBe(true);
    expect(is({}, 4200)).toBe(true);
    expect(is({}, 3800)).toBe(true);
  });
  test("one that started at another time has got its number", () => {
    expect(is({}, 4201)).toBe(false);
    expect(is({}, 3799)).toBe(false);
    expect(is({}, Number.NaN)).toBe(false);
  });
  test("one that stands elsewhere is a stranger", () => expect(is({ inDirectory: false }, 4000)).toBe(false));
  test("another number is another process", () => expect(is({ pid: 43 }, 4000)).toBe(false));
});
