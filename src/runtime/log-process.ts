// The log process as svscan sees it: a service of its own, in a directory that is nobody's, begun when the first logger
// needs it. It finds its loggers itself; here it is told when to look. hosted-logs.ts is what it does. svscan(8)
import { EEXIST, ErrnoError, errnoOf } from "../sys/errno.ts";
import { close, mkdirat, O_NONBLOCK, O_RDWR, openat, write } from "../sys/files.ts";
import { type ByteString, type Fd, type Instant, later } from "../units/units.ts";
import { makeFifo, Unable } from "./control-directory.ts";
import type { HandedHalf } from "./handover.ts";
import { LOG_HOST, SCAN_FIFO } from "./hosted-logs.ts";
import { peekRecord } from "./record-file.ts";
import { ServiceHost, type ServicePlace } from "./service-host.ts";
import type { World } from "./world.ts";

/** How long it may take to begin while svscan stops, and how often that is looked at, in milliseconds. */
const BEGIN_MS = 3000;
const POLL_MS = 20;

export class LogProcess {
  private host: ServiceHost | undefined;
  /** Held for reading and writing: the log process sees an end when this process is gone. */
  private fifo: Fd | undefined;
  private problem: ByteString | undefined;
  /** Told, once svscan stops, when it has ended. */
  private onEnd: (() => void) | undefined;

  /**
   * Takes over the one that an earlier svscan has left, if there is one.
   * @param handed of it, where this is a new image of that svscan
   */
  constructor(
    private readonly world: World,
    /** The scan directory. */
    private readonly directory: Fd,
    private handed: HandedHalf | undefined,
  ) {
    if (handed === undefined && peekRecord(directory, LOG_HOST, world.boot)?.phase !== "running") return;
    this.look();
    // This is the first image of a new version, and the log process is of the old one.
    if (world.handover?.started) this.host?.signal("SIGUSR2");
  }

  /** There may be something for it to look at. @returns whether it is there */
  look(): boolean {
    try {
      this.host ??= this.begin();
      this.problem = undefined;
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      const text =
        error instanceof Unable
          ? `supervise: fatal: ${error.message}`
          : `svscan: warning: unable to create ${LOG_HOST}: ${error.text}`;
      if (this.problem !== text) this.world.report(text);
      this.problem = text;
      return false;
    }
    try {
      if (this.fifo !== undefined) write(this.fifo, "s");
    } catch (error) {
      // What it was told before is not read yet: that will do.
      errnoOf(error);
    }
    return true;
  }

  /** Whether there is one. */
  get running(): boolean {
    return this.host !== undefined;
  }

  /** As ServiceHost.check. */
  check(): void {
    this.host?.check();
  }

  /** What must stay open for a new image of this process to go on; undefined if it could not. */
  get handedOn(): HandedHalf | "nothing" | undefined {
    return this.host === undefined ? "nothing" : this.host.handedOn;
  }

  private begin(): ServiceHost {
    const { world, directory } = this;
    world.descriptors.open(() => {
      try {
        mkdirat(directory, LOG_HOST, 0o700);
      } catch (error) {
        if (errnoOf(error) !== EEXIST) throw error;
      }
      makeFifo(directory, SCAN_FIFO);
      this.fifo ??= openat(directory, SCAN_FIFO, O_RDWR | O_NONBLOCK);
    });
    const { handed } = this;
    this.handed = undefined;
    const place: ServicePlace = {
      handed,
      at: directory,
      path: LOG_HOST,
      title: LOG_HOST,
      pipes: () => [],
      pipe: () => undefined,
      others: () => [],
      program: {
        path: world.executable,
        argv: ["tend", "log-host"],
        actions: [{ do: "fchdir", directory }],
      },
      onLeave: () => this.left(),
    };
    return world.taking(handed, () => new ServiceHost(world, place));
  }

  private left(): void {
    this.host = undefined;
    if (this.fifo !== undefined) close(this.fifo);
    this.fifo = undefined;
    this.onEnd?.();
  }

  /** Every service has ended: so does the log process, once it has read what they wrote. */
  stop(onEnd: () => void): void {
    if (this.onEnd !== undefined) return;
    this.onEnd = onEnd;
    this.end(later(this.world.now().at, BEGIN_MS));
  }

  private end(until: Instant): void {
    const { host, world } = this;
    if (host === undefined) return this.onEnd?.();
    const { at } = world.now();
    if (!host.up && host.coming && at < until) {
      world.loop.at(later(at, POLL_MS), () => this.end(until));
      return;
    }
    host.command("exit");
    if (this.host === host) host.command("down");
  }

  /** It does not wait for anything. */
  kill(): void {
    this.host?.command("kill");
  }
}
