// A program of this executable that is to run as long as this process does. svscanboot(8)
import { mayStartAt, noThrottle, throttled } from "../engine/throttle.ts";
import { decodeWaitStatus } from "../formats/wait-status.ts";
import { ErrnoError } from "../sys/errno.ts";
import type { FileAction } from "../sys/process.ts";
import type { Signal } from "../sys/signals.ts";
import type { ByteString, Pid } from "../units/units.ts";
import type { World } from "./world.ts";

export class Kept {
  private pid: Pid | undefined;
  private throttle = noThrottle;
  private cancelStart: () => void = () => {};
  private onGone: (() => void) | undefined;

  /**
   * Starts the program, now and whenever it has ended, at most once a second.
   * @param argv the program's name and its arguments
   * @param actions what gives it its descriptors
   */
  constructor(
    private readonly world: World,
    private readonly argv: readonly [name: ByteString, ...args: ByteString[]],
    private readonly actions: readonly FileAction[],
  ) {
    this.start();
  }

  /** Nothing is done if it does not run. */
  signal(signal: Signal): void {
    if (this.pid !== undefined) this.world.kill(this.pid, signal);
  }

  /** It is not started again; `onGone` is told when it has ended. */
  letGo(onGone: () => void): void {
    this.onGone = onGone;
    this.cancelStart();
    if (this.pid === undefined) onGone();
  }

  private start(): void {
    const { world, argv } = this;
    this.throttle = throttled(world.now().at);
    try {
      this.pid = world.spawn(world.executable, argv, this.actions, (status) => this.ended(status));
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      this.again(`unable to start ${argv[0]}: ${error.text}`);
    }
  }

  private ended(status: number | undefined): void {
    this.pid = undefined;
    if (this.onGone !== undefined) return this.onGone();
    const [name] = this.argv;
    // A child's status is always known.
    const how = decodeWaitStatus(status ?? 0);
    this.again(
      "exited" in how ? `${name} ended with ${how.exited}` : `${name} was killed by signal ${how.killed}`,
    );
  }

  private again(why: ByteString): void {
    const { world } = this;
    world.report(`warning: ${why}; starting it again`);
    this.cancelStart = world.loop.at(mayStartAt(this.throttle, world.now().at), () => this.start());
  }
}
