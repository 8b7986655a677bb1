// What the commands of svc(8) do. supervise(8), reference: supervise-protocol.md section 5.
import type { Command } from "../formats/control.ts";
import type { Asks } from "../formats/service-files.ts";
import { exhaustive } from "../units/units.ts";
import type { Script } from "./control-scripts.ts";
import { killFinish } from "./finishing.ts";
import { minds } from "./restart-policy.ts";
import {
  down,
  type Effect,
  type Living,
  type Now,
  type ServiceSignal,
  type State,
  type Step,
  send,
  type Up,
} from "./service-state.ts";
import { leave, start } from "./starting.ts";
import { bringDown } from "./stopping.ts";
import { impatient } from "./throttle.ts";

/** Commands that only send a signal; they change nothing and mean nothing to a service that is down. */
const SIGNALS = {
  hup: "SIGHUP",
  alarm: "SIGALRM",
  interrupt: "SIGINT",
  term: "SIGTERM",
  kill: "SIGKILL",
} as const satisfies Partial<Record<Command, ServiceSignal>>;

const LETTERS = {
  ...{ hup: "h", alarm: "a", interrupt: "i", term: "t", kill: "k" },
} as const satisfies Record<keyof typeof SIGNALS, Script>;

/** Those of them that are sent to have it ended. */
const ENDS: readonly Command[] = ["interrupt", "term", "kill"];

export function obey(state: Living, command: Command, now: Now, asks: Asks): Step {
  const announce: Effect = { do: "announce" };
  switch (command) {
    case "up":
    case "once": {
      const wanted: State = { ...forgiven(state), want: command === "up" ? "up" : "once" };
      if (state.at === "down" || state.at === "waiting")
        return start({ ...wanted, throttle: impatient(state.throttle) }, now, asks, true);
      const ended = command === "up" && !still(state) && minds(asks);
      return { state: ended ? { ...wanted, again: true } : wanted, effects: [announce] };
    }
    case "down": {
      const unwanted: State = { ...forgiven(state), want: "down" };
      if (unwanted.at === "waiting")
        return unwanted.exiting ? leave(unwanted) : { state: down(unwanted), effects: [announce] };
      if (unwanted.at !== "up") return { state: unwanted, effects: [announce] };
      return bringDown(unwanted, now, asks);
    }
    case "exit": {
      const exiting: State = { ...state, exiting: true };
      // A start that was asked for with `o` and has only its second to wait is still made: `-ox` means one run.
      const due = state.at === "waiting" && state.want === "once" && state.throttle.failures === 0;
      const busy = state.at === "up" || state.at === "starting" || !still(state);
      if (busy || due) {
        const script: Effect[] =
          state.at === "up" && asks.control
            ? [{ do: "control", pid: state.pid, steps: [{ script: "x" }] }]
            : [];
        return { state: exiting, effects: [announce, ...script] };
      }
      return leave(exiting);
    }
    case "pause":
      if (state.at !== "up") return { state, effects: [] };
      return {
        state: { ...state, paused: true },
        effects: [announce, ...signal(state, "p", "SIGSTOP", asks)],
      };
    case "continue":
      if (state.at !== "up") return { state, effects: [] };
      return {
        state: { ...state, paused: false },
        effects: [announce, ...signal(state, "c", "SIGCONT", asks)],
      };
    case "hup":
    case "alarm":
    case "interrupt":
    case "term":
    case "kill":
      if (state.at === "emptying")
        return command === "kill"
          ? { state, effects: [{ do: "kill-set", run: state.run, signal: "SIGKILL" }] }
          : { state, effects: [] };
      if (state.at === "finishing" && command === "kill") return killFinish(state, now, asks);
      if (state.at === "starting" && command === "kill" && asks.control)
        return { state, effects: [{ do: "kill-script" }] };
      if (state.at !== "up") return { state, effects: [] };
      return {
        state: ENDS.includes(command) && minds(asks) ? { ...state, again: true } : state,
        effects: signal(state, LETTERS[command], SIGNALS[command], asks),
      };
    default:
      return exhaustive(command);
  }
}

/** The signal of a command, or its script. */
const signal = ({ pid }: Up, script: Script, name: ServiceSignal, { control }: Asks): Effect[] =>
  control ? [{ do: "control", pid, steps: [{ script, signal: name }] }] : send(pid, name);

/** Whether nothing of the service is there any more, nor of its `finish`. */
const still = ({ at }: State): boolean => at !== "emptying" && at !== "finishing";

/** Somebody has decided what is to become of it: that it failed, or ended too often, is past. */
function forgiven<S extends State>(state: S): S {
  if (state.failed === undefined && state.fare === undefined) return state;
  const { failed: _, fare: __, ...rest } = state;
  return rest as S;
}
