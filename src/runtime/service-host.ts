// One supervised service: holds its directory, tells the engine what happens and performs what the engine decides.
// engine/supervise.ts has the rules; this file has none.

import { type Effect, type Event, initial, type State, statusOf, step } from "../engine/supervise.ts";
import { type Command, decodeControl } from "../formats/control.ts";
import { EAGAIN, ENOMEM, ErrnoError, ESRCH, unless } from "../sys/errno.ts";
import { type FileAction, kill } from "../sys/process.ts";
import { type ByteString, exhaustive, type Fd, type Instant, later } from "../units/units.ts";
import { ControlDirectory, readControl, Unable } from "./control-directory.ts";
import type { World } from "./world.ts";

/** How long after a failure the status file is tried again, in milliseconds. */
const STATUS_RETRY_MS = 1000;

export type ServicePlace = {
  /** What `path` is relative to. */
  readonly at: Fd;
  readonly path: ByteString;
  /** The directory's name in messages. */
  readonly title: ByteString;
  /** What gives the service its log pipe; asked at each start, done before the change of directory. */
  readonly pipes: () => readonly FileAction[];
  /** Told when the supervisor has let go of the directory: after `x`. */
  readonly onLeave: () => void;
};

export class ServiceHost {
  private readonly control: Fd;
  private readonly files: ControlDirectory;
  private state: State;
  /** Takes back the deadline that the engine asked for last. */
  private wake: { readonly at: Instant; readonly takeBack: () => void } | undefined;
  /** The status is to be written before the loop sleeps. */
  private announcing = false;
  /** Why the status file is not what it should be, and whether a retry is due. */
  private problem: ByteString | undefined;
  private retrying = false;
  /** Why the last start failed. */
  private spawnProblem: ByteString = "";

  /**
   * Takes the directory and starts the service, unless it has a down file.
   * @throws {Unable} Nothing is left behind then but what the C program leaves.
   */
  constructor(
    private readonly world: World,
    private readonly place: ServicePlace,
  ) {
    const { at, path, title } = place;
    const files = world.descriptors.open(() => new ControlDirectory(at, path, title));
    this.files = files;
    this.state = initial(files.normallyUp ? "up" : "down", world.now());
    this.control = world.descriptors.open(() =>
      files.listen(statusOf(this.state), (problem) => this.complain(problem)),
    );
    world.loop.watch(this.control, () => this.obeyWaiting());
    this.tell({ on: "begin" });
  }

  /** As if the letter had come through the fifo. */
  command(command: Command): void {
    this.tell({ on: "command", command });
  }

  /** The service directory, open. */
  get directory(): Fd {
    return this.files.directory;
  }

  /** Whether the service's process is there. */
  get up(): boolean {
    return this.state.at === "up";
  }

  /** Whether the service will be up without anybody asking. */
  get coming(): boolean {
    return this.state.at === "up" || this.state.at === "waiting";
  }

  private obeyWaiting(): void {
    for (const byte of readControl(this.control)) {
      const command = decodeControl(byte);
      if (command !== undefined) this.command(command);
      // After `x` the rest is read by nobody.
      if (this.state.at === "gone") return;
    }
  }

  private tell(event: Event): void {
    const { state, effects } = step(this.state, event, this.world.now());
    this.state = state;
    for (const effect of effects) this.perform(effect);
  }

  private perform(effect: Effect): void {
    switch (effect.do) {
      case "spawn":
        return this.spawn();
      case "kill":
        unless([ESRCH], () => kill(effect.pid, effect.signal));
        return;
      case "announce":
        // Written once the events at hand are done: no start is delayed, and what is outdated by then is not written.
        if (!this.announcing) this.world.loop.soon(() => this.announce());
        this.announcing = true;
        return;
      case "wake":
        return this.wakeAt(effect.at);
      case "warn-no-process":
        return this.say(
          `warning: unable to fork for ${this.place.title}, sleeping ${seconds(effect.retry - this.world.now().at)}: ${this.spawnProblem}`,
        );
      case "leave":
        return this.leave();
      case "report":
        return this.say(
          `warning: unexpected for ${this.place.title}: ${effect.event.on} while ${this.state.at}`,
        );
      default:
        return exhaustive(effect);
    }
  }

  private spawn(): void {
    let outcome: Event;
    try {
      const actions: FileAction[] = [...this.place.pipes(), { do: "fchdir", directory: this.directory }];
      const pid = this.world.spawn("./run", ["./run"], actions, () => this.tell({ on: "died", pid }));
      outcome = { on: "spawned", pid };
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      const why = error.errno === EAGAIN || error.errno === ENOMEM ? "no-process" : "no-program";
      this.spawnProblem = error.text;
      if (why === "no-program") this.say(`fatal: unable to start ${this.place.title}/run: ${error.text}`);
      outcome = { on: "spawn-failed", why, jitter: Math.random() };
    }
    this.tell(outcome);
  }

  private wakeAt(at: Instant): void {
    if (this.wake?.at === at) return;
    this.wake?.takeBack();
    const takeBack = this.world.loop.at(at, () => {
      this.wake = undefined;
      this.tell({ on: "timer" });
    });
    this.wake = { at, takeBack };
  }

  /** Writes the status file; where that fails, tries again until it can be done. */
  private announce(): void {
    this.announcing = false;
    if (this.state.at === "gone") return;
    this.writeStatus();
    if (this.problem === undefined || this.retrying) return;
    this.retrying = true;
    this.world.loop.at(later(this.world.now().at, STATUS_RETRY_MS), () => {
      this.retrying = false;
      this.announce();
    });
  }

  private writeStatus(): void {
    try {
      this.world.descriptors.open(() => this.files.write(statusOf(this.state)));
      this.problem = undefined;
    } catch (error) {
      if (!(error instanceof Unable)) throw error;
      this.complain(error.message);
    }
  }

  private leave(): void {
    this.writeStatus();
    this.wake?.takeBack();
    this.world.loop.unwatch(this.control);
    this.files.close();
    this.place.onLeave();
  }

  /** Warns of a status file that cannot be written; the same words are not said twice in a row. */
  private complain(problem: ByteString): void {
    if (this.problem !== problem) this.say(`warning: ${problem}`);
    this.problem = problem;
  }

  private say(text: ByteString): void {
    this.world.report(`supervise: ${text}`);
  }
}

/** `N seconds`, from milliseconds, as the C program words it. */
const seconds = (ms: number): string => `${Math.round(ms / 1000)} seconds`;
