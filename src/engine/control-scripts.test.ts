import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { instant, type Pid, pid, signo } from "../units/units.ts";
import {
  type Control,
  type ControlEffect,
  type ControlEvent,
  type ControlStep,
  control,
  IDLE,
  MOST_STEPS,
  type Script,
} from "./control-scripts.ts";

const PID = pid(42);
const DOWN: readonly ControlStep[] = [
  { script: "t", signal: "SIGTERM" },
  { signal: "SIGCONT" },
  { script: "d" },
];
const HUP: readonly ControlStep[] = [{ script: "h", signal: "SIGHUP" }];
const KILL: readonly ControlStep[] = [{ script: "k", signal: "SIGKILL" }];

const asking: Control = {
  running: { script: "t", signal: "SIGTERM", pid: undefined, until: undefined },
  queue: [],
};
const running: Control = {
  running: { script: "t", signal: "SIGTERM", pid: PID, until: instant(4000) },
  queue: [{ signal: "SIGCONT" }, { script: "d" }],
};
const killed: Control = {
  running: { script: "h", signal: "SIGHUP", pid: PID, until: undefined },
  queue: [],
};
const orphaned: Control = { running: { script: "t", pid: PID, until: instant(4000) }, queue: [] };
const STATES = { idle: IDLE, asking, running, killed, orphaned } as const;
const EVENTS: { readonly [name: string]: ControlEvent } = {
  hup: { on: "asked", steps: HUP },
  kill: { on: "asked", steps: KILL },
  hurried: { on: "hurried" },
  down: { on: "asked", steps: DOWN },
  signal: { on: "asked", steps: [{ signal: "SIGCONT" }] },
  started: { on: "started", pid: PID },
  absent: { on: "absent" },
  "exit 0": { on: "ended", pid: PID, how: { exited: 0 } },
  "exit 1": { on: "ended", pid: PID, how: { exited: 1 } },
  "killed 9": { on: "ended", pid: PID, how: { killed: 9, coreDumped: false } },
  unknown: { on: "ended", pid: PID, how: undefined },
  other: { on: "ended", pid: pid(7), how: { exited: 0 } },
  died: { on: "died" },
  early: { on: "timer" },
};
// A cell: the script that runs (? its start is asked for, + it has a deadline), what waits; what is done.
const TABLE = `
         | hup       | kill | hurried | down         | signal        | started | absent          | exit 0            | exit 1            | killed 9          | unknown           | other | died | early
idle     | h?HUP; run h | k?KILL; run k | . | t?TERM CONT,d; run t | ; CONT idle | .  | .               | .                 | .                 | .                 | .                 | .     | .    | .
asking   | t?TERM h  | t?TERM k | . | t?TERM t,CONT,d | t?TERM CONT | t+TERM  | ; TERM idle     | .                 | .                 | .                 | .                 | .     | t?   | .
running  | t+TERM CONT,d,h | t+TERM k; kill | t+TERM CONT,d; kill | t+TERM CONT,d,t,CONT,d | t+TERM CONT,d,CONT | t+TERM CONT,d | d?; TERM CONT run d | d?; withhold t CONT run d | d?; TERM CONT run d | d?; TERM CONT run d | d?; TERM CONT run d | . | t+ | .
killed   | hHUP h    | hHUP k; kill | hHUP; kill | hHUP t,CONT,d | hHUP CONT    | h+HUP   | ; HUP idle      | ; withhold h idle | ; HUP idle        | ; HUP idle        | ; withhold h idle | .     | h    | .
orphaned | t+ h      | t+ k; kill | t+; kill | t+ t,CONT,d  | t+ CONT       | t+      | ; idle          | ; idle            | ; idle            | ; idle            | ; idle            | .     | t+   | .
`;

function show(
  state: Control,
  { control: after, effects }: { control: Control; effects: readonly ControlEffect[] },
): string {
  if (after === state && effects.length === 0) return ".";
  const name = (signal: unknown): string => String(signal ?? "").replace("SIG", "");
  const { running: now, queue } = after;
  const runs =
    now === undefined
      ? ""
      : `${now.script}${now.pid === undefined ? "?" : now.until === undefined ? "" : "+"}${name(now.signal)}`;
  const waits = queue.map(({ script, signal }) => script ?? name(signal)).join(",");
  const done = effects.map((effect) =>
    effect.do === "run" || effect.do === "withhold"
      ? `${effect.do} ${effect.script}`
      : effect.do === "send"
        ? name(effect.signal)
        : effect.do,
  );
  const where = `${runs} ${waits}`.trim();
  return done.length === 0 ? where : `${where}; ${done.join(" ")}`;
}

describe("scripts of commands", () => {
  const [heads = [], ...rows] = TABLE.trim()
    .split("\n")
    .map((line) => line.split("|").map((text) => text.trim()));
  for (const [name = "", ...cells] of rows) {
    test(`in the state ${name} every event does what the table says`, () => {
      const state = STATES[name as keyof typeof STATES];
      const columns = heads.filter((head) => head !== "");
      const shown = columns.map((head) => {
        const outcome = control(state, EVENTS[head] as ControlEvent, instant(500), 5000);
        // Of an orphan, and of one that was started again, only the deadline may differ.
        return show(state, outcome);
      });
      const expected = cells.map((cell) => cell.replace(/ +/g, " "));
      const squeeze = (text: string): string =>
        text === show(state, { control: state, effects: [] }) ? "." : text;
      expect(Object.fromEntries(columns.map((head, i) => [head, squeeze(shown[i] ?? "")]))).toEqual(
        Object.fromEntries(columns.map((head, i) => [head, squeeze(expected[i] ?? "")])),
      );
    });
  }

  test("one that takes too long is killed, once", () => {
    const late = control(running, { on: "timer" }, instant(4000), 5000);
    expect(late.effects).toEqual([{ do: "kill", pid: PID, script: "t", late: true }]);
    expect(control(late.control, { on: "timer" }, instant(9000), 5000).effects).toEqual([]);
  });

  test("with 0 it may take as long as it likes", () => {
    const started = control(asking, { on: "started", pid: PID }, instant(500), 0).control;
    expect(control(started, { on: "timer" }, instant(1e9), 0).effects).toEqual([]);
  });

  test("so many steps wait and no more, and that is told", () => {
    let state: Control = running;
    for (let n = 0; n < 3 * MOST_STEPS; n++)
      state = control(state, { on: "asked", steps: HUP }, instant(1), 5000).control;
    expect(state.queue).toHaveLength(MOST_STEPS);
    expect(control(state, { on: "asked", steps: HUP }, instant(1), 5000).effects).toEqual([
      { do: "warn-full" },
    ]);
    expect(control(state, { on: "asked", steps: DOWN }, instant(1), 5000).control.queue).toEqual(DOWN);
  });

  test("a signal by its number is sent as such", () => {
    const steps = [{ script: "t", signal: signo(1) }] as const;
    const { control: state } = control(IDLE, { on: "asked", steps }, instant(0), 5000);
    expect(control(state, { on: "absent" }, instant(0), 5000).effects).toEqual([
      { do: "send", signal: signo(1) },
      { do: "idle" },
    ]);
  });

  test("on any walk: one script at a time, everything in its order, idle when all is done", () => {
    const action = fc.oneof(
      fc.record({
        ask: fc.constantFrom(DOWN, HUP, [{ script: "u" } as const], [{ signal: "SIGKILL" } as const]),
      }),
      fc.record({ ends: fc.constantFrom({ exited: 0 }, { exited: 1 }, undefined) }),
      fc.constantFrom("died" as const, "late" as const),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), fc.integer({ min: 0, max: 3 }), (actions, absent) => {
        let state: Control = IDLE;
        let script: { readonly pid: Pid; readonly name: Script } | undefined;
        let asked: ControlStep[] = [];
        let made = 0;
        const tell = (event: ControlEvent, at = 0): void => {
          const outcome = control(state, event, instant(at), 5000);
          state = outcome.control;
          for (const effect of outcome.effects) {
            if (effect.do === "run") {
              expect(script).toBeUndefined();
              // What came before it has been done, in its order.
              while (asked[0]?.script === undefined && asked.length > 0) asked.shift();
              expect(asked.shift()?.script).toBe(effect.script);
              if (++made % 4 === absent) tell({ on: "absent" });
              else {
                script = { pid: pid(100 + made), name: effect.script };
                tell({ on: "started", pid: script.pid });
              }
            }
            if (effect.do === "idle") {
              expect(state).toBe(IDLE);
              expect(asked.filter((step) => step.script !== undefined)).toEqual([]);
              asked = [];
            }
          }
        };
        for (const what of actions) {
          if (what === "died") {
            asked = [];
            tell({ on: "died" });
          } else if (what === "late") tell({ on: "timer" }, 1e6);
          else if ("ask" in what) {
            if (state.queue.length + what.ask.length > MOST_STEPS) continue;
            asked.push(...what.ask);
            tell({ on: "asked", steps: what.ask });
          } else if (script !== undefined) {
            const { pid: ended } = script;
            script = undefined;
            tell({ on: "ended", pid: ended, how: what.ends });
          }
          expect(state.running === undefined).toBe(script === undefined);
        }
      }),
    );
  });
});
