import { describe, expect, test } from "bun:test";
import { rowsOf } from "../../tests/support/transitions.ts";
import type { Command } from "../formats/control.ts";
import type { Notification } from "../formats/sd-notify.ts";
import { type Asks, CLASSIC } from "../formats/service-files.ts";
import { instant, pid, signo } from "../units/units.ts";
import type { Readiness } from "./readiness.ts";
import { resumed } from "./resuming.ts";
import { deadlineOf, type Effect, type Event, type Now, type State, type Up } from "./service-state.ts";
import { step } from "./supervise.ts";
import { throttled } from "./throttle.ts";

/** The moment `ms` milliseconds after the last start; stamps count the same milliseconds. */
const at = (ms: number): Now => ({
  at: instant(ms),
  stamp: { seconds: BigInt(Math.floor(ms / 1000)), nanoseconds: (ms % 1000) * 1e6 },
});
const PID = pid(42);
const CHECK = pid(43);
/** A directory that asks for everything: ready within 9000 ms, and a sign of life each 3000. HUP is its down signal. */
const ASKS: Asks = {
  ...CLASSIC,
  ...{
    modern: true,
    sdNotify: true,
    check: true,
    timeoutReadyMs: 9000,
    watchdogMs: 3000,
    downSignal: signo(1),
  },
};

// The matrix of the part of `up` that is readiness. A state is letters, then what clocks run:
//
//   N not ready, Y ready, - not asked; l reloading, s stopping; c until the next check, k until the check that runs must end;
//   then r until when it must be ready, a until when it must give a sign of life; K until it is killed
//   P paused, D wanted down, W condemned by the watchdog, R because it was not ready
//
// Events come at 1000, `due` at the first deadline, `late` at 20000. Effects: c check, x kill check, Z warn that it is slow, ! condemned;
// h HUP, B ABRT, C CONT, S STOP, K KILL; a announce. A dot is "nothing changes, nothing is done".
const says = (said: Notification): Event => ({ on: "notified", said });
const command = (name: Command): Event => ({ on: "command", command: name });
const EVENTS: { readonly [column: string]: readonly [Event, number?] } = {
  ready: [says({ ready: true })],
  reloading: [says({ reloading: true })],
  stopping: [says({ stopping: true })],
  alive: [says({ watchdog: "alive" })],
  trigger: [says({ watchdog: "trigger" })],
  "each 500": [says({ watchdogMs: 500 })],
  never: [says({ watchdogMs: 0 })],
  extend: [says({ extendMs: 60_000 })],
  nothing: [says({})],
  "check runs": [{ on: "check-started", pid: CHECK }],
  "check cannot": [{ on: "check-failed" }],
  "check 0": [{ on: "check-ended", pid: CHECK, how: { exited: 0 } }],
  "check 1": [{ on: "check-ended", pid: CHECK, how: { exited: 1 } }],
  "old check": [{ on: "check-ended", pid: pid(99), how: { exited: 0 } }],
  p: [command("pause")],
  c: [command("continue")],
  d: [command("down")],
  u: [command("up")],
  early: [{ on: "timer" }],
  due: [{ on: "timer" }, Number.NaN],
  late: [{ on: "timer" }, 20_000],
};
const TOLD = `
    | ready   | reloading     | stopping | alive   | trigger      | each 500 | never | extend   | nothing
Ncr | Ya4000  | Nlcr          | Ns       | =       | .            | =        | =     | Ncr61000 | .
Nir | Yia4000 | Nlir          | Nsi      | =       | .            | =        | =     | Nir61000 | .
Nkr | Yka4000 | Nlkr          | Nsk      | =       | .            | =        | =     | Nkr61000 | .
Ya  | =       | Yla           | Ns       | Ya4000  | YK6000W !BC  | Ya1500   | Y     | .        | .
Yka | =       | Ylka          | Nsk      | Yka4000 | YkK6000W !BC | Yka1500  | Yk    | .        | .
Yla | Ya      | =             | Ns       | Yla4000 | YlK6000W !BC | Yla1500  | Yl    | .        | .
Ns  | Ya4000  | Nlc1050r10000 | =        | =       | .            | =        | =     | .        | .
-a  | =       | -la           | -s       | -a4000  | -K6000W !BC  | -a1500   | -     | .        | .
NP  | YP      | NlP           | NsP      | =       | .            | =        | =     | .        | .
YP  | =       | YlP           | NsP      | =       | .            | =        | =     | .        | .
ND  | YD      | NlD           | NsD      | =       | .            | =        | =     | .        | .
YKD | =       | YlKD          | NsKD     | =       | .            | =        | =     | YK61000D | .
YKW | =       | YlKW          | NsKW     | =       | .            | =        | =     | .        | .
NKR | YKR     | NlKR          | NsKR     | =       | .            | =        | =     | .        | .
`;
const OTHERS = `
    | check runs | check cannot | check 0 | check 1 | old check | p       | c               | d        | u              | early | due           | late
Ncr | .          | .            | .       | .       | .         | NP aS   | aC              | ND hCa   | a              | .     | Nir c         | NK25000R !hC
Nir | Nk6000r    | Nc2600r      | .       | .       | .         | NiP aS  | aC              | NiD hCa  | a              | .     | NiK14000R !hC | NiK25000R !hC
Nkr | .          | .            | Ya4000  | Nc2600r | .         | NkP aS  | aC              | NkD hCa  | a              | .     | Nk0r Zx       | Nk0K25000R Zx!hC
Ya  | .          | .            | .       | .       | .         | YP aS   | aC              | YD hCa   | a              | .     | YK7500W !BC   | YK25000W !BC
Yka | .          | .            | Ya      | Ya      | .         | YkP aS  | aC              | YkD hCa  | a              | .     | Yk0a Zx       | Yk0K25000W Zx!BC
Yla | .          | .            | .       | .       | .         | YlP aS  | aC              | YlD hCa  | a              | .     | YlK7500W !BC  | YlK25000W !BC
Ns  | .          | .            | .       | .       | .         | NsP aS  | aC              | NsD hCa  | a              | .     | .             | .
-a  | .          | .            | .       | .       | .         | -P aS   | aC              | -D hCa   | a              | .     | -K7500W !BC   | -K25000W !BC
NP  | .          | .            | .       | .       | .         | aS      | Nc1050r10000 aC | ND hCa   | a              | .     | .             | .
YP  | .          | .            | .       | .       | .         | aS      | Ya4000 aC       | YD hCa   | a              | .     | .             | .
ND  | .          | .            | .       | .       | .         | NPD aS  | aC              | hCa      | Nc1050r10000 a | .     | .             | .
YKD | .          | .            | .       | .       | .         | YKPD aS | aC              | hCa      | Ya4000K a      | .     | YD K          | YD K
YKW | .          | .            | .       | .       | .         | YKPW aS | aC              | YKDW hCa | a              | .     | YW K          | YW K
NKR | .          | .            | .       | .       | .         | NKPR aS | aC              | NKDR hCa | a              | .     | NR K          | NR K
`;

const CHECK_WAITS = { at: "waiting", next: instant(1200), pauseMs: 800 } as const;

/** The state that a row's name stands for. */
function stateOf(name: string): Up {
  const has = (letter: string): boolean => name.includes(letter);
  const readiness: Readiness = {
    ways: { descriptor: false, datagram: true, check: has("c") || has("k") || has("N") },
    socket: true,
    ready: has("-") ? undefined : has("Y"),
    since: has("Y") ? at(500).stamp : undefined,
    doing: has("l") ? "reloading" : has("s") ? "stopping" : undefined,
    text: "",
    check: has("c")
      ? CHECK_WAITS
      : has("i")
        ? { at: "starting", pauseMs: 800 }
        : has("k")
          ? { at: "running", pid: CHECK, until: instant(1500), pauseMs: 800 }
          : undefined,
    watchdogMs: 3000,
    readyBy: has("r") ? instant(9000) : undefined,
    aliveBy: has("a") ? instant(2500) : undefined,
  };
  return {
    at: "up",
    pid: PID,
    paused: has("P"),
    want: has("D") ? "down" : "up",
    exiting: false,
    since: at(0).stamp,
    throttle: throttled(instant(0)),
    readiness,
    ...(has("K") ? { killAt: instant(2000) } : {}),
    ...(has("W") ? { condemned: "watchdog" as const } : has("R") ? { condemned: "not-ready" as const } : {}),
  };
}

function nameOf(before: Up, state: State): string {
  if (state.at !== "up" || state.readiness === undefined) return state.at;
  const { readiness, killAt, condemned } = state;
  const { ready, doing, check, readyBy, aliveBy } = readiness;
  const then = before.readiness;
  /** The clock, with its time if that is another than before. */
  const clock = (letter: string, now?: number, was?: number): string =>
    now === undefined ? "" : now === was ? letter : `${letter}${now}`;
  const checkWas = then?.check;
  return [
    ready === undefined ? "-" : ready ? "Y" : "N",
    doing === undefined ? "" : { reloading: "l", stopping: "s" }[doing],
    check?.at === "waiting" ? clock("c", check.next, checkWas?.at === "waiting" ? checkWas.next : 0) : "",
    check?.at === "starting" ? "i" : "",
    check?.at === "running"
      ? clock("k", check.until ?? 0, checkWas?.at === "running" ? checkWas.until : 0)
      : "",
    clock("r", readyBy, then?.readyBy),
    clock("a", aliveBy, then?.aliveBy),
    clock("K", killAt, before.killAt),
    state.paused ? "P" : "",
    state.want === "down" ? "D" : "",
    condemned === undefined ? "" : condemned === "watchdog" ? "W" : "R",
  ].join("");
}

function letter(effect: Effect): string {
  switch (effect.do) {
    case "check":
      return "c";
    case "kill-helper":
      return effect.pid === CHECK ? "x" : "x?";
    case "warn-check-slow":
      return "Z";
    case "warn-condemned":
      return "!";
    case "announce":
      return "a";
    case "kill": {
      if (effect.pid !== PID) return "kill?";
      return typeof effect.signal === "number"
        ? "h"
        : ((effect.signal === "SIGABRT" ? "B" : effect.signal[3]) ?? "");
    }
    default:
      return effect.do;
  }
}

function cell(name: string, event: Event, when: number): string {
  const before = stateOf(name);
  const now = Number.isNaN(when) ? (deadlineOf(before) ?? instant(1000)) : instant(when);
  const { state, effects } = step(before, event, at(now), ASKS);
  if (state === before && effects.length === 0) return ".";
  const after = nameOf(before, state);
  return `${after === name ? "" : after} ${effects.map(letter).join("")}`.trim() || "=";
}

describe("the readiness of a service that runs", () => {
  const others = rowsOf(OTHERS);
  for (const [name, row] of rowsOf(TOLD)) {
    test(`in the state ${name} every event does what the table says`, () => {
      const expected = { ...row, ...others.get(name) };
      const is = Object.fromEntries(
        Object.entries(EVENTS).map(([column, [event, when = 1000]]) => [column, cell(name, event, when)]),
      );
      expect(is).toEqual(expected);
    });
  }

  const spawned = (asks: Asks): State =>
    step({ ...stateOf("-"), at: "starting" } as unknown as State, { on: "spawned", pid: PID }, at(0), asks)
      .state;
  const readinessOf = (state: State): Readiness | undefined =>
    state.at === "up" ? state.readiness : undefined;

  test("begins with the start, where something of it is asked for", () => {
    expect(readinessOf(spawned(CLASSIC))).toBeUndefined();
    expect(readinessOf(spawned({ ...CLASSIC, timeoutReadyMs: 5 }))).toBeUndefined();
    expect(readinessOf(spawned({ ...CLASSIC, notificationFd: 3 }))).toMatchObject({
      ...{ ready: false, socket: false, aliveBy: undefined, readyBy: undefined, check: undefined },
      ways: { descriptor: true, datagram: false, check: false },
    });
    expect(readinessOf(spawned(ASKS))).toMatchObject({
      ...{ ready: false, socket: true, aliveBy: undefined, readyBy: 9000 },
      check: { at: "waiting", next: 50 },
    });
    expect(readinessOf(spawned({ ...CLASSIC, watchdogMs: 700 }))).toMatchObject({
      ...{ ready: undefined, socket: true, aliveBy: 700, readyBy: undefined },
    });
  });

  test("a check is run at longer and longer intervals, up to two seconds", () => {
    let state = spawned({ ...CLASSIC, check: true });
    const pauses: number[] = [];
    let now = 0;
    for (let i = 0; i < 9; i++) {
      const due = deadlineOf(state) as number;
      pauses.push(due - now);
      now = due;
      state = step(state, { on: "timer" }, at(now)).state;
      state = step(state, { on: "check-started", pid: CHECK }, at(now)).state;
      state = step(state, { on: "check-ended", pid: CHECK, how: { exited: 1 } }, at(now)).state;
    }
    expect(pauses).toEqual([50, 100, 200, 400, 800, 1600, 2000, 2000, 2000]);
  });

  test("what it says is kept until it says something else", () => {
    const say = (state: State, said: Notification) => step(state, says(said), at(1000), ASKS).state;
    let state: State = say(stateOf("Ncr"), { status: "loading" });
    expect(readinessOf(state)?.text).toBe("loading");
    state = say(state, { ready: true });
    expect(readinessOf(state)).toMatchObject({ text: "loading", since: at(1000).stamp });
    expect(readinessOf(say(state, { status: "" }))?.text).toBe("");
  });

  test("an end that it was condemned to is no success, and forgotten once it is started again", () => {
    const asks: Asks = { ...ASKS, restart: { after: "on-failure", codes: [], signals: [] } };
    const died: Event = { on: "died", pid: PID, how: { exited: 0 } };
    expect(step(stateOf("Ya"), died, at(3000), asks).state).toMatchObject({ at: "down", want: "down" });
    const { state } = step(stateOf("NKR"), died, at(3000), asks);
    expect(state.at).toBe("starting");
    expect(step(state, { on: "spawned", pid: PID }, at(3000), asks).state.condemned).toBeUndefined();
  });

  test("its check is killed when it ends", () => {
    const { state, effects } = step(stateOf("Nkr"), { on: "died", pid: PID }, at(3000), ASKS);
    expect(state.at).toBe("starting");
    expect(effects).toEqual([{ do: "kill-helper", pid: CHECK }, { do: "spawn" }]);
  });

  test("the time until KILL is that of timeout-kill, or five seconds", () => {
    const asks = { ...ASKS, timeoutKillMs: 700 };
    expect(step(stateOf("Ya"), { on: "timer" }, at(2500), asks).state).toMatchObject({ killAt: 3200 });
  });

  test("a new supervisor knows what it was, and gives it each time anew", () => {
    const told = stateOf("Ya").readiness as Readiness;
    const again = resumed({ pid: PID, ageMs: 5000, since: at(0).stamp }, "up", false, at(5000), {
      readiness: told,
    });
    const { state } = step(again, { on: "begin" }, at(5000), ASKS);
    expect(state).toMatchObject({ readiness: { ready: true, since: told.since, aliveBy: 8000 } });
  });

  test("a new supervisor ends what was condemned, and signals it again if it may not have been", () => {
    const again = resumed({ pid: PID, ageMs: 5000, since: at(0).stamp }, "up", false, at(5000), {
      ...{ readiness: stateOf("Ya").readiness, condemned: "watchdog" },
    });
    const begin = (owed: boolean) => step(again, { on: "begin", owed }, at(5000), ASKS);
    expect(begin(false).state).toMatchObject({ condemned: "watchdog", killAt: 10_000 });
    expect(begin(false).effects.map(letter)).toEqual(["a"]);
    expect(begin(true).effects.map(letter)).toEqual(["a", "B", "C"]);
  });
});
