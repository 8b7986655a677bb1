// What the machine code takes must leave behind what JavaScript would have left (runtime/log-writer.ts): the same buffer, the
// same file. What it does not take must be left as it was found. tests/faults/multilog-step.test.ts kills it at every step.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { which } from "../../tests/support/programs.ts";
import { aheadSize, WriteAhead } from "../formats/write-ahead.ts";
import { type ByteString, byteString, bytesOf, later } from "../units/units.ts";
import { monotonic, wallTime } from "./clock.ts";
import { epollAdd, epollCreate } from "./epoll.ts";
import {
  AT_FDCWD,
  bytesWaiting,
  close,
  O_APPEND,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  openat,
  pipe,
  read,
  setNonblocking,
  write,
} from "./files.ts";
import { Region } from "./memory.ts";
import { LEAST, type Loan, MOST, Trickle } from "./trickle.ts";

const place = mkdtempSync(join(tmpdir(), "tend-trickle."));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const machine = Trickle.make();
const takes = test.skipIf(machine === undefined);
const STAMP = { seconds: 0, nanoseconds: 0 };
const INODE = 2n ** 63n + 7n;
let files = 0;

/** A pipe that is lent, for a log whose `current` has three bytes. */
function scene(asked: Partial<Loan> = {}) {
  const trickle = machine as Trickle;
  const shape = { capacity: 4096, directories: 1, args: ["t", "./l"] };
  const region = new Region(aheadSize(shape).total);
  const mark = new Uint8Array(16).map((_, i) => 0xf0 ^ i);
  const ahead = WriteAhead.create(region.bytes, shape, { device: 1n, inode: 2n }, mark);
  ahead.plan(0, { tail: 0, length: 0, before: undefined, stamp: STAMP, tailStamp: STAMP, inLine: false });
  ahead.activate(0);
  const path = join(place, `current${++files}`);
  const current = openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_APPEND, 0o600);
  write(current, "ab\n");
  const [input, into] = pipe();
  const epoll = epollCreate();
  epollAdd(epoll, input);
  const loan = { half: 0, current, bytes: 3, limit: 5000, stamped: false, buffer: region.base } as const;
  trickle.lend(input, { ...loan, ...ahead.outline(INODE), ...asked });
  return {
    ahead,
    input,
    into,
    epoll,
    /** What is there now is dealt with. @returns whether something is left to be done */
    look: () => {
      const ready = trickle.wait(epoll, monotonic());
      expect(ready.every((file) => file === input)).toBe(true);
      return ready.length > 0;
    },
    back: () => trickle.takeBack(input),
    content: () => readFileSync(path, "latin1"),
    dataOf: (half: 0 | 1, length: number): ByteString =>
      byteString(region.bytes.subarray(ahead.dataAt(half), ahead.dataAt(half) + length)),
    [Symbol.dispose]: () => {
      trickle.takeBack(input);
      for (const each of [input, into, epoll, current]) close(each);
    },
  };
}

takes("a piece of whole lines is appended as it came, and the buffer says so", () => {
  using it = scene();
  write(it.into, "one line\nand another\n");
  expect(it.look()).toBe(false);
  expect(it.content()).toBe("ab\none line\nand another\n");
  expect(bytesWaiting(it.input)).toBe(0);
  const { ahead } = it;
  expect(ahead.active).toBe(1);
  const { stamp, tailStamp, ...plan } = ahead.planOf(1);
  expect(plan).toEqual({ tail: 0, length: 21, before: "mark", inLine: false });
  expect(tailStamp).toEqual(stamp);
  expect(ahead.got(1)).toBe(21);
  expect(it.dataOf(1, 21)).toBe("one line\nand another\n");
  expect(ahead.note(1, 0)).toEqual({ at: "writing", inode: INODE, base: 3 });
  expect([ahead.taking(1, 0), ahead.alerts(1)]).toEqual([false, 0]);
  expect(it.back()).toEqual({ half: 1, bytes: 24, pieces: 1, written: 21, got: undefined });
});

takes("the next piece goes into the other half, and each has the length of `current` before it", () => {
  using it = scene();
  for (const [i, text] of ["the first piece\n", "then the second\n", "and this is the third\n"].entries()) {
    write(it.into, text);
    expect(it.look()).toBe(false);
    const half = i % 2 === 0 ? 1 : 0;
    expect(it.ahead.active).toBe(half);
    expect(it.dataOf(half, text.length)).toBe(text);
    expect(it.ahead.note(half, 0)).toMatchObject({ base: 3 + 16 * i });
  }
  expect(it.content()).toBe("ab\nthe first piece\nthen the second\nand this is the third\n");
  expect(it.back()).toMatchObject({ half: 1, bytes: 57, pieces: 3, written: 22 });
});

takes("each line gets the label of the moment in the plan, to the microsecond, as C makes it", () => {
  using it = scene({ stamped: true });
  const before = wallTime().seconds;
  write(it.into, "one line\n\nand a third\n");
  expect(it.look()).toBe(false);
  const { seconds, nanoseconds } = it.ahead.planOf(1).stamp;
  expect(seconds).toBeGreaterThanOrEqual(Number(before));
  expect(seconds).toBeLessThanOrEqual(Number(wallTime().seconds));
  expect(nanoseconds % 1000).toBe(500);
  const tai = (2n ** 62n + 10n + BigInt(seconds)).toString(16).padStart(16, "0");
  const label = `@${tai}${nanoseconds.toString(16).padStart(8, "0")} `;
  expect(it.content()).toBe(`ab\n${label}one line\n${label}\n${label}and a third\n`);
  expect(it.back()).toMatchObject({ bytes: 3 + 22 + 3 * 26, written: 22 + 3 * 26 });
});

takes("as many lines as a piece can have find room", () => {
  using it = scene({ stamped: true, limit: 100_000 });
  write(it.into, "\n".repeat(MOST));
  expect(it.look()).toBe(false);
  const labels = it.content().slice(3).split("\n");
  expect(labels.length).toBe(MOST + 1);
  expect(new Set(labels).size).toBe(2);
});

takes("what is too little for the mark, or much, is not touched", () => {
  for (const text of [`${"x".repeat(LEAST - 2)}\n`, `${"x".repeat(MOST)}\n`]) {
    using it = scene();
    write(it.into, text);
    expect(it.look()).toBe(true);
    expect(it.back()).toMatchObject({ half: 0, bytes: 3, pieces: 0, got: undefined });
    expect(bytesWaiting(it.input)).toBe(text.length);
    expect(it.ahead.active).toBe(0);
  }
  for (const length of [LEAST, MOST]) {
    using it = scene();
    write(it.into, `${"x".repeat(length - 1)}\n`);
    expect(it.look()).toBe(false);
    expect(it.content().length).toBe(3 + length);
  }
});

takes("an unfinished line is taken, and left to be dealt with; nothing more is taken before", () => {
  using it = scene();
  write(it.into, "a line and then\nthe beginning");
  expect(it.look()).toBe(true);
  expect(it.content()).toBe("ab\n");
  expect(it.ahead.active).toBe(1);
  expect(it.ahead.got(1)).toBe(29);
  expect(it.back()).toEqual({ half: 1, bytes: 3, pieces: 0, written: 0, got: 29 });
  write(it.into, "of something long that goes on\n");
  expect(it.look()).toBe(true);
  expect(it.content()).toBe("ab\n");
});

takes("what would make `current` as long as its limit is left to be written", () => {
  for (const [limit, room] of [
    [3 + 20, false],
    [3 + 21, true],
  ] as const) {
    using it = scene({ limit });
    write(it.into, "exactly 20 are here\n");
    expect(it.look()).toBe(!room);
    expect(it.content().length).toBe(room ? 23 : 3);
    expect(it.back()).toMatchObject(room ? { pieces: 1, bytes: 23 } : { pieces: 0, bytes: 3, got: 20 });
  }
});

takes("a write that fails is left to be made again", () => {
  const readOnly = openat(AT_FDCWD, "/dev/null", O_RDONLY);
  using it = scene({ current: readOnly });
  write(it.into, "this cannot be written\n");
  expect(it.look()).toBe(true);
  expect(it.back()).toEqual({ half: 1, bytes: 3, pieces: 0, written: 0, got: 23 });
  close(readOnly);
});

takes("a write that takes a part is told", () => {
  // A pipe that does not wait takes as much as it has room for.
  const [out, into] = pipe();
  setNonblocking(into, true);
  write(into, "x".repeat(60_000));
  using it = scene({ current: into, stamped: true, limit: 100_000 });
  write(it.into, "\n".repeat(1000));
  expect(it.look()).toBe(true);
  const back = it.back();
  expect(back).toMatchObject({ pieces: 0, bytes: 3, got: 1000 });
  expect(back.written).toBeGreaterThan(0);
  expect(back.written).toBeLessThan(27_000);
  for (const end of [out, into]) close(end);
});

takes("the end of the input is told, with what there is before it", () => {
  using it = scene();
  write(it.into, "the last line of all\n");
  close(it.into);
  expect(it.look()).toBe(true);
  expect(bytesWaiting(it.input)).toBe(21);
  expect(it.back()).toMatchObject({ pieces: 0, got: undefined });
});

takes("other descriptors are told, in their order, and those that are lent dealt with between them", () => {
  using it = scene();
  const others = [pipe(), pipe()] as const;
  const [[first, a], [last, b]] = others;
  epollAdd(it.epoll, first);
  epollAdd(it.epoll, last);
  write(a, "1");
  write(it.into, "between two others\n");
  write(b, "2");
  expect((machine as Trickle).wait(it.epoll, undefined)).toEqual([first, last]);
  expect(it.content()).toBe("ab\nbetween two others\n");
  expect(read(first).length + read(last).length).toBe(2);
  for (const end of others.flat()) close(end);
});

takes("it waits to the deadline, and never less, whatever is taken meanwhile", () => {
  using it = scene();
  write(it.into, "a line for the wait\n");
  const start = monotonic();
  expect((machine as Trickle).wait(it.epoll, later(start, 30))).toEqual([]);
  expect(monotonic() - start).toBeGreaterThanOrEqual(30);
  expect(it.content()).toBe("ab\na line for the wait\n");
});

takes("a deadline that is months away does not wrap around", () => {
  using it = scene();
  const [other, into] = pipe();
  epollAdd(it.epoll, other);
  write(into, "x");
  expect((machine as Trickle).wait(it.epoll, later(monotonic(), 2 ** 33))).toEqual([other]);
  for (const end of [other, into]) close(end);
});

takes("a wait for what is no epoll fails", () => {
  using it = scene();
  expect(() => (machine as Trickle).wait(it.input, undefined)).toThrow("epoll_wait: invalid argument");
});

takes("a descriptor whose number is too high is not lent", () => {
  using it = scene();
  expect((machine as Trickle).lend(65536 as typeof it.input, {} as Loan)).toBe(false);
});

const assembler = which("as");

test.skipIf(assembler === null || which("objcopy") === null)("the bytes are what stands beside them", () => {
  const source = readFileSync(join(import.meta.dirname, "trickle.ts"), "latin1");
  const rows = [...source.matchAll(/^ {2}\.\.\.\[(.*)\], \/\/ +(.*)$/gm)];
  const text = rows.map(([, , row]) => row?.replace(/ *;.*/, "").replace(/^(\w+): /, "$1:\n"));
  const [object, binary] = [join(place, "code.o"), join(place, "code.bin")];
  const lines = `.intel_syntax noprefix\n${text.join("\n")}\n`;
  Bun.spawnSync(["as", "-o", object, "-"], { stdin: bytesOf(lines) });
  Bun.spawnSync(["objcopy", "-O", "binary", "-j", ".text", object, binary]);
  const bytes = rows.flatMap(([, row = ""]) => row.split(", ").map(Number));
  expect(bytes.length).toBeGreaterThan(700);
  expect([...readFileSync(binary)]).toEqual(bytes);
});
