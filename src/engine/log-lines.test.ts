import { expect, test } from "bun:test";
import fc from "fast-check";
import { ALL, advance, matched } from "../formats/log-pattern.ts";
import { parseScript } from "../formats/log-script.ts";
import { byteString, bytesOf } from "../units/units.ts";
import { LEAST_ROOM, LogLines, STATUS_SIZE } from "./log-lines.ts";

const INPUT = 40_000;
const TAIL = 4096;

type Seen = { logs: string[]; alerts: string[]; statuses: Map<number, string> };

/** What becomes of `pieces`, each stamped `stamp`, with as little room for output as may be or with much. */
function run(args: readonly string[], pieces: readonly string[], stamp: string, each = LEAST_ROOM): Seen {
  const script = parseScript(args);
  const stampAt = TAIL + INPUT + 1;
  const size = stampAt + 64 + LogLines.roomFor(script, each);
  const memory = new Uint8Array(size);
  const search = (memory: Uint8Array, wanted: Uint8Array, from: number, to: number) => {
    const found = byteString(memory.subarray(from, to)).indexOf(byteString(wanted));
    return found === -1 ? -1 : from + found;
  };
  const lines = new LogLines(script, memory, stampAt, { start: stampAt + 64, each }, search);
  const seen: Seen = { logs: lines.slotOf.map(() => ""), alerts: [], statuses: new Map() };
  lines.setStamp(bytesOf(stamp));
  let tail = new Uint8Array(0);
  for (const piece of pieces) {
    memory.fill(0xee, 0, TAIL + INPUT);
    memory.set(tail, TAIL - tail.length);
    memory.set(bytesOf(piece), TAIL);
    lines.position = TAIL - tail.length;
    const to = TAIL + piece.length;
    for (let all = false; !all; ) {
      lines.begin();
      all = lines.take(to);
      for (const [i, index] of lines.slotOf.entries()) {
        const slot = lines.slots[index] as (typeof lines.slots)[number];
        seen.logs[i] += byteString(memory.subarray(slot.from, slot.to));
      }
      seen.alerts.push(...lines.alerts.map(byteString));
      for (const [i, content] of lines.statuses) seen.statuses.set(i, byteString(content));
    }
    tail = memory.slice(lines.position, to);
    expect(tail.length).toBeLessThan(1000);
  }
  return seen;
}

/** The rule of the manual, a line at a time. */
function byRule(args: readonly string[], input: string, stamp: string): Seen {
  const { actions, stamp: kind } = parseScript(args);
  const front = kind === "none" ? "" : stamp;
  const seen: Seen = { logs: [], alerts: [], statuses: new Map() };
  for (const action of actions) if (action.do === "log") seen.logs.push("");
  for (const text of input.split("\n").slice(0, -1)) {
    const line = front + text;
    const head = bytesOf(line.slice(0, 1000));
    let selected = true;
    let log = 0;
    let status = 0;
    for (const action of actions) {
      if (action.do === "select" || action.do === "deselect") {
        const pattern = bytesOf(action.pattern);
        const progress = advance(pattern, 0, head, 0, head.length);
        const hit = progress === ALL || matched(pattern, progress);
        if (hit) selected = action.do === "select";
      } else if (action.do === "alert") {
        if (selected) seen.alerts.push(line.length > 200 ? `${line.slice(0, 200)}...` : line);
      } else if (action.do === "status") {
        if (selected) seen.statuses.set(status, line.slice(0, 1000).padEnd(STATUS_SIZE, "\n"));
        status++;
      } else {
        if (selected) seen.logs[log] += `${line}\n`;
        log++;
      }
    }
  }
  return seen;
}

const word = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom("a", "b", " ", "\n", "\n", "*", "\0", "\xff", "one", "error") },
  { weight: 1, arbitrary: fc.integer({ min: 150, max: 6000 }).map((n) => "x".repeat(n)) },
);
const input = fc.array(word, { maxLength: 60 }).map((words) => `${words.join("").slice(0, INPUT - 1)}\n`);
const pattern = fc.constantFrom(
  "*",
  "",
  "a*",
  "* one*",
  "*a",
  "*x*x",
  "@* error*",
  "**",
  "@stamp*a",
  "*one*b",
  "* error",
);
const action = fc.oneof(
  pattern.map((p) => `-${p}`),
  pattern.map((p) => `+${p}`),
  fc.constantFrom("e", "=f", "./l"),
);
const script = fc
  .tuple(fc.boolean(), fc.boolean(), fc.array(action, { maxLength: 7 }))
  .map(([stamp, nothing, actions]) => [...(stamp ? ["t"] : []), ...(nothing ? ["-*"] : []), ...actions]);

function cut(text: string, cuts: readonly number[]): string[] {
  const at = [...new Set([0, ...cuts.map((n) => n % text.length), text.length])].sort((a, b) => a - b);
  return at.slice(1).map((end, i) => text.slice(at[i], end));
}

test("lines go where the script says, in whatever pieces they come and however little room there is", () => {
  fc.assert(
    fc.property(
      script,
      input,
      fc.array(fc.nat(INPUT), { maxLength: 6 }),
      fc.boolean(),
      (args, text, cuts, roomy) => {
        const stamp = "@stamp_of_twenty-six_bytes ";
        const each = roomy ? 10 * INPUT : LEAST_ROOM;
        expect(run(args, cut(text, cuts), stamp, each)).toEqual(byRule(args, text, stamp));
      },
    ),
    { numRuns: 600 },
  );
});

test("an unfinished line is held back while it is shorter than what is matched", () => {
  expect(run(["./l"], ["one\ntwo"], "").logs).toEqual(["one\n"]);
  expect(run(["./l"], ["x".repeat(999)], "").logs).toEqual([""]);
  expect(run(["./l"], ["x".repeat(1000)], "").logs).toEqual(["x".repeat(1000)]);
  expect(run(["t", "./l"], ["x".repeat(974)], "@".repeat(26)).logs).toEqual([
    "@".repeat(26) + "x".repeat(974),
  ]);
});
