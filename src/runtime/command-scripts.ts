// The scripts in a service's control/: started, waited for, killed when they take too long, and taken over from an earlier
// supervisor. engine/control-scripts.ts has the rules.
import {
  type Control,
  type ControlEvent,
  type ControlStep,
  control,
  IDLE,
  resumedControl,
  SCRIPTS,
  type Script,
} from "../engine/control-scripts.ts";
import type { ServiceSignal } from "../engine/service-state.ts";
import type { ServiceRecord } from "../formats/service-record.ts";
import { decodeWaitStatus } from "../formats/wait-status.ts";
import { bootTicks } from "../sys/clock.ts";
import { EACCES, ENOENT, ENOTDIR, ErrnoError } from "../sys/errno.ts";
import type { FileAction } from "../sys/process.ts";
import { SIGNALS } from "../sys/signals.ts";
import { type ByteString, exhaustive, type Pid, type Signo, signo } from "../units/units.ts";
import { findScript } from "./adopt.ts";
import type { Entered } from "./control-directory.ts";
import type { World } from "./world.ts";

export type Scripted = {
  readonly world: World;
  readonly place: Entered;
  /** What gives a script the service's standard output. */
  readonly pipes: () => readonly FileAction[];
  readonly record: () => ServiceRecord | undefined;
  /** Where in memory the kernel notes a script's pid. */
  readonly child: () => number | undefined;
  readonly timeoutMs: () => number;
  readonly send: (signal: ServiceSignal | Signo) => void;
  readonly withheld: (script: Script) => void;
  /** Nothing runs and nothing waits any more. */
  readonly idle: () => void;
  readonly warn: (text: ByteString) => void;
};

export class CommandScripts {
  private state: Control = IDLE;
  private takeBack: (() => void) | undefined;
  private full = false;
  /** Why a script could not be run, said already. */
  private readonly problems = new Map<Script, ByteString>();

  constructor(private readonly service: Scripted) {}

  /** A script runs, or waits. */
  get busy(): boolean {
    return this.state !== IDLE;
  }

  ask(steps: readonly ControlStep[]): void {
    // The one that an earlier supervisor began with is under way.
    const [first, ...rest] = steps;
    const again = first?.script !== undefined && this.resumed && this.state.running?.script === first.script;
    this.tell({ on: "asked", steps: again ? rest : steps });
  }
  private resumed = false;

  /** Kills the one that runs. */
  hurry(): void {
    this.tell({ on: "hurried" });
  }

  /** The service's process has ended. */
  died(): void {
    this.tell({ on: "died" });
  }

  /** Takes the script over that an earlier supervisor left, if it runs. */
  takeOver(record: ServiceRecord): void {
    const noted = record.script;
    if (noted === undefined) return;
    const script = SCRIPTS.find((name) => name === noted.letter);
    const found = script && findScript(noted);
    if (script === undefined || found === undefined) return record.noScript();
    const { world, timeoutMs } = this.service;
    const signal = noted.signal === 0 ? undefined : signo(noted.signal);
    this.state = resumedControl(script, signal, found.pid, world.now().at, timeoutMs());
    this.resumed = true;
    world.adopt(found, (status) => this.ended(found.pid, status));
    this.wake();
  }

  private tell(event: ControlEvent): void {
    const { world, timeoutMs } = this.service;
    const outcome = control(this.state, event, world.now().at, timeoutMs());
    this.state = outcome.control;
    this.wake();
    for (const effect of outcome.effects) {
      switch (effect.do) {
        case "run":
          this.run(effect.script);
          break;
        case "send":
          this.service.send(effect.signal);
          break;
        case "withhold":
          this.service.withheld(effect.script);
          break;
        case "kill":
          if (effect.late)
            this.service.warn(`control/${effect.script} takes longer than ${timeoutMs()} ms, killing it`);
          world.killLed(effect.pid);
          break;
        case "idle":
          this.resumed = false;
          this.service.record()?.noScript();
          this.service.idle();
          break;
        case "warn-full":
          if (!this.full) this.service.warn("commands wait for a script in control/, and no more are taken");
          this.full = true;
          break;
        default:
          exhaustive(effect);
      }
    }
  }

  private ended(pid: Pid, status: number | undefined): void {
    this.full = false;
    this.tell({ on: "ended", pid, how: status === undefined ? undefined : decodeWaitStatus(status) });
  }

  private run(script: Script): void {
    const { world, place, pipes, record, child, warn } = this.service;
    const path = `control/${script}`;
    const { signal } = this.state.running ?? {};
    const number = signal === undefined ? 0 : typeof signal === "number" ? signal : SIGNALS[signal];
    record()?.intendScript(script, number, bootTicks());
    let outcome: ControlEvent;
    try {
      const actions: FileAction[] = [...pipes(), { do: "fchdir", directory: place.directory }];
      const onEnd = (status: number | undefined) => this.ended(pid, status);
      const pid = world.spawn(path, [path], actions, onEnd, { tell: child(), leads: "group" });
      outcome = { on: "started", pid };
      this.problems.delete(script);
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      record()?.noScript();
      // There is none, or it is not executable: so there is none, as for runit.
      const none = error.errno === ENOENT || error.errno === ENOTDIR || error.errno === EACCES;
      if (!none && this.problems.get(script) !== error.text) warn(`unable to run ${path}: ${error.text}`);
      if (!none) this.problems.set(script, error.text);
      outcome = { on: "absent" };
    }
    this.tell(outcome);
  }

  private wake(): void {
    this.takeBack?.();
    this.takeBack = undefined;
    const until = this.state.running?.until;
    if (until !== undefined)
      this.takeBack = this.service.world.loop.at(until, () => this.tell({ on: "timer" }));
  }
}
