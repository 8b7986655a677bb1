// states.ts - prints docs/states.md: every state of a service, and what each event does in it.
//
//   npm run states             writes docs/states.md
//   npm run check -- states    fails if it is not what the code says
//
// Nothing here knows a rule: each cell is what engine/supervise.ts answers.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beginReadiness } from "../src/engine/readiness.ts";
import type { Effect, Event, Now, State } from "../src/engine/service-state.ts";
import { step } from "../src/engine/supervise.ts";
import { noThrottle, throttled } from "../src/engine/throttle.ts";
import { type Asks, CLASSIC } from "../src/formats/service-files.ts";
import { instant, pid } from "../src/units/units.ts";

const FILE = join(import.meta.dirname, "../docs/states.md");

const at = (ms: number): Now => ({ at: instant(ms), stamp: { seconds: 0n, nanoseconds: 0 } });
const RUN = pid(42);
const NEW = pid(43);
const base = { want: "up" as const, exiting: false, since: at(0).stamp, throttle: throttled(instant(0)) };
const down: State = { ...base, at: "down", want: "down", throttle: noThrottle };
const up: State = { ...base, at: "up", pid: RUN, paused: false };
const finishing = { ...base, at: "finishing" as const, run: RUN, how: { exited: 0 } };
const CHECKED: Asks = { ...CLASSIC, modern: true, sdNotify: true, timeoutReadyMs: 9000 };
const waits = beginReadiness(CHECKED);
const emptying = {
  ...{ ...base, at: "emptying" as const, run: RUN, how: { exited: 0 }, from: instant(0), told: false },
  ...{ set: "cgroup" as const, pauseMs: 10 },
};

/** A state, and what it is. Those that are only another wish are not shown. */
const STATES: readonly (readonly [name: string, is: string, state: State])[] = [
  ["down", "not running, and not wanted", down],
  ["failed", "not running: it failed for good, and is wanted down", { ...down, failed: "run-100" }],
  ["waiting", "to be started when its second is over", { ...base, at: "waiting", until: instant(1000) }],
  [
    "backoff",
    "to be started later, as it ended early",
    { ...base, at: "waiting", until: instant(9000), why: "backoff" },
  ],
  [
    "limit",
    "to be started much later, as it was started too often",
    { ...base, at: "waiting", until: instant(9000), why: "limit" },
  ],
  [
    "queue",
    "to be started when its turn comes",
    { ...base, at: "waiting", until: instant(9000), why: "queue" },
  ],
  ["starting", "its start has been asked for; `control/u` may run", { ...base, at: "starting" }],
  ["up", "running", up],
  ["up, in a set", "running, with `process-group`, `session` or `cgroup`", { ...up, set: "cgroup" }],
  ["up, not ready", "running, and asked to tell when it is ready", { ...up, readiness: waits }],
  ["up, paused", "running, and stopped by `p`", { ...up, paused: true }],
  ["up, stopping", "told to go down, and killed in the end", { ...up, want: "down", killAt: instant(4000) }],
  ["emptying", "`run` has ended, others of its set have not", { ...emptying, next: instant(500) }],
  ["finishing", "`finish` runs", { ...finishing, finish: pid(44), until: instant(4000) }],
  ["gone", "the supervisor has left", { ...base, at: "gone" }],
];

const command = (name: Extract<Event, { on: "command" }>["command"]): Event => ({
  on: "command",
  command: name,
});
/** What may happen, when, and in a directory that asks for what. */
const PLAIN: Asks = CLASSIC;
const SET: Asks = { ...CLASSIC, modern: true, cgroup: true };
const FINISH: Asks = { ...CLASSIC, modern: true, finish: true, timeoutKillMs: 4000 };
const CONTROL: Asks = { ...FINISH, control: true };
const BACKOFF: Asks = { ...CLASSIC, modern: true, backoff: { firstMs: 5000, mostMs: 9000, stableMs: 5000 } };
const LIMIT: Asks = { ...CLASSIC, modern: true, startLimit: { starts: 0, withinMs: 9000, retryMs: 60_000 } };
const NEVER: Asks = { ...CLASSIC, modern: true, restart: { after: "never", codes: [], signals: [] } };
const BUDGET: Asks = { ...CLASSIC, startsPerSecond: 1 };
const died = (code: number): Event => ({ on: "died", pid: RUN, how: { exited: code } });
const EVENTS: readonly (readonly [name: string, event: Event, asks?: Asks, ms?: number])[] = [
  ["begin", { on: "begin" }],
  ["u", command("up"), PLAIN, 2000],
  ["o", command("once"), PLAIN, 2000],
  ["d", command("down")],
  ["d, with `timeout-kill`", command("down"), FINISH],
  ["d, with `control`", command("down"), CONTROL],
  ["x", command("exit")],
  ["p", command("pause")],
  ["c", command("continue")],
  ["h", command("hup")],
  ["h, with `control`", command("hup"), CONTROL],
  ["k", command("kill")],
  ["k, with `control`", command("kill"), CONTROL],
  ["started", { on: "spawned", pid: NEW }],
  ["no process to be had", { on: "spawn-failed", why: "no-process", jitter: 0 }],
  ["`run` cannot be executed", { on: "spawn-failed", why: "no-program", jitter: 0 }],
  ["not wanted any more", { on: "spawn-failed", why: "not-wanted", jitter: 0 }],
  ["its turn is later", { on: "placed", at: instant(9000) }],
  ["`run` ends", died(1), PLAIN, 2000],
  ["`run` ends within its second", died(1), PLAIN, 500],
  ["`run` ends, with `finish`", died(1), FINISH, 2000],
  ["`run` exits 100, with any file", died(100), FINISH, 2000],
  ["`run` ends, with `backoff`", died(1), BACKOFF, 2000],
  ["`run` ends, with `start-limit`", died(1), LIMIT, 2000],
  ["`run` exits 1, with `restart` never", died(1), NEVER, 2000],
  ["`run` exits 0, with `restart` never", died(0), NEVER, 2000],
  ["`run` ends, with `starts-per-second`", died(1), BUDGET, 2000],
  ["it tells that it is ready", { on: "notified", said: { ready: true } }, CHECKED],
  ["nobody is left", { on: "looked", run: RUN, left: 0 }, SET, 2000],
  ["nobody is left, with `finish`", { on: "looked", run: RUN, left: 0 }, FINISH, 2000],
  ["somebody is left", { on: "looked", run: RUN, left: 1, member: NEW, watched: true }, SET, 2000],
  ["`finish` ends", { on: "finish-ended", pid: pid(44), how: { exited: 0 } }, FINISH, 2000],
  ["`finish` exits 125", { on: "finish-ended", pid: pid(44), how: { exited: 125 } }, FINISH, 2000],
  ["its deadline", { on: "timer" }, PLAIN, 10_000],
];

/** The state that a state of the engine is shown as. */
function nameOf(state: State): string {
  switch (state.at) {
    case "down":
      return state.failed === undefined ? "down" : "failed";
    case "waiting":
      return state.why ?? "waiting";
    case "up":
      if (state.set !== undefined) return "up, in a set";
      if (state.readiness?.ready === false) return "up, not ready";
      return state.killAt !== undefined ? "up, stopping" : state.paused ? "up, paused" : "up";
    default:
      return state.at;
  }
}

const signalName = (signal: string | number): string => String(signal).replace("SIG", "");

function said(effect: Effect): string {
  switch (effect.do) {
    case "announce":
      return "status";
    case "spawn":
      return "start it";
    case "queue":
      return "ask for its turn";
    case "kill":
      return signalName(effect.signal);
    case "kill-set":
      return `${signalName(effect.signal)} to all`;
    case "control":
      return effect.steps
        .map(({ script, signal }) =>
          [script && `control/${script}`, signal && signalName(signal)].filter(Boolean).join(" or "),
        )
        .join(", ");
    case "kill-helper":
      return "KILL to it and what it started";
    case "kill-script":
      return "KILL to control/u";
    case "look":
      return "look who is left";
    case "finish":
      return "start finish";
    case "report":
      return "report";
    default:
      return effect.do.replace("warn-", "warn: ").replaceAll("-", " ");
  }
}

type Cell = { readonly to: string; readonly does: string } | "nothing" | "report";

function cell(before: State, name: string, event: Event, asks: Asks = PLAIN, ms = 500): Cell {
  // An event whose answer the engine waits for comes when it waits.
  const asked: State =
    event.on === "looked" && before.at === "emptying"
      ? { ...before, next: undefined }
      : event.on === "placed" && before.at === "waiting" && before.why === "queue"
        ? { ...before, until: undefined }
        : before;
  const { state, effects } = step(asked, event, at(ms), asks);
  if (effects.length === 1 && effects[0]?.do === "report") return "report";
  const to = nameOf(state);
  const does = effects.map(said).join(", ");
  return to === name && does === "" ? "nothing" : { to, does };
}

/** The whole document. */
export function statesDocument(): string {
  const lines: string[] = [
    "# States",
    "",
    "Printed from the code by `npm run states`; `npm run check` compares. A state of a service, an event, and what comes of it:",
    "`src/engine/supervise.ts` and the files beside it, without I/O and clock. The tables of `src/engine/supervise.test.ts` have",
    "every state with every wish, and the instants.",
    "",
    "## The states",
    "",
    "| state | is |",
    "|---|---|",
    ...STATES.map(([name, is]) => `| ${name} | ${is} |`),
    "",
    "## From one to another",
    "",
    "```",
  ];
  const details: string[] = [];
  for (const [name, , state] of STATES) {
    const cells = EVENTS.map(
      ([event, what, asks, ms]) => [event, cell(state, name, what, asks, ms)] as const,
    );
    const ways = new Map<string, string[]>();
    for (const [event, to] of cells) {
      if (typeof to === "string" || to.to === name) continue;
      ways.set(to.to, [...(ways.get(to.to) ?? []), event.replaceAll("`", "")]);
    }
    for (const [to, events] of ways)
      lines.push(`${name.padEnd(13)} --> ${to.padEnd(13)} ${events.join("; ")}`);
    const rows = cells.filter((row) => typeof row[1] !== "string");
    if (rows.length === 0) continue;
    details.push("", `### ${name}`, "", "| event | state | what is done |", "|---|---|---|");
    for (const [event, to] of rows)
      if (typeof to !== "string") details.push(`| ${event} | ${to.to} | ${to.does === "" ? "-" : to.does} |`);
  }
  lines.push("```", "", "## State and event", "");
  lines.push(
    "What is not listed changes nothing; what cannot happen is reported. `status`: supervise/status is written, unless it is the same.",
    ...details,
    "",
  );
  return `${lines.join("\n")}`;
}

/** Whether docs/states.md says what the code does. */
export const statesAreCurrent = (): boolean => readFileSync(FILE, "utf8") === statesDocument();

if (import.meta.main) writeFileSync(FILE, statesDocument());
