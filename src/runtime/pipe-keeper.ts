// A small process that holds the log pipes beside svscan. A pipe, with what is in it, is gone with the last process that has
// it open: without this one, lines that were written and not yet read would be lost if a service, its logger and svscan were
// killed at once. It stays for five minutes after svscan has gone. sys/pipe-keeper.ts, docs/architecture.md
import { EAGAIN, errnoOf, unless } from "../sys/errno.ts";
import { AT_FDCWD, close, O_NONBLOCK, O_RDONLY, openat } from "../sys/files.ts";
import { keeperProgram, raiseDescriptorLimit } from "../sys/pipe-keeper.ts";
import { getpid } from "../sys/process.ts";
import { sendDescriptor, socketPair } from "../sys/socket.ts";
import { type Fd, fd, later, type Pid } from "../units/units.ts";
import type { LogPipe } from "./log-pipe.ts";
import type { World } from "./world.ts";

/** How long after its end, or after a failure to start it, it is started again, in milliseconds. */
const AGAIN_MS = 1000;
/** How soon it is told again what it had no room for, in milliseconds. */
const FULL_MS = 50;
/** It cannot let go of one pipe: when so many are nobody's any more, another takes its place. */
const MOST_STALE = 64;

type Keeper = { readonly pid: Pid; readonly input: Fd };

export class PipeKeeper {
  private readonly pipes = new Set<LogPipe>();
  /** Those that it has not been told of. */
  private untold = new Set<LogPipe>();
  private stale = 0;
  private keeper: Keeper | undefined;
  private telling = false;
  private ended = false;

  constructor(private readonly world: World) {}

  /** Holds `pipe`, from now on, until it is closed, and some time longer. */
  keep(pipe: LogPipe): void {
    this.pipes.add(pipe);
    this.untold.add(pipe);
    // At once: what has been sent is held, even if this process is killed now.
    if (!this.telling) this.tell();
  }

  /** Nothing needs to be held any more; or for some time yet, if there is something `unread`. */
  end(unread: boolean): void {
    this.ended = true;
    if (this.keeper !== undefined && !unread) this.world.kill(this.keeper.pid, "SIGKILL");
  }

  private tell(): void {
    this.telling = false;
    if (this.ended) return;
    this.forgetClosed();
    try {
      this.keeper ??= this.start();
      if (this.keeper === undefined) return;
      const { input } = this.keeper;
      for (const pipe of this.untold) {
        if (!unless([EAGAIN], () => this.send(input, pipe))) return this.tellLater(FULL_MS);
        this.untold.delete(pipe);
      }
    } catch (error) {
      // There is no process or descriptor to be had, or it has just ended. Nobody needs it yet.
      errnoOf(error);
      this.tellLater(AGAIN_MS);
    }
  }

  /** A reader of the pipe: it keeps nobody from its end. */
  private send(input: Fd, { held }: LogPipe): void {
    const path = `/proc/self/fd/${held}`;
    const reader = this.world.descriptors.open(() => openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK));
    try {
      sendDescriptor(input, reader);
    } finally {
      close(reader);
    }
  }

  private tellLater(ms: number): void {
    if (this.telling) return;
    this.telling = true;
    this.world.loop.at(later(this.world.now().at, ms), () => this.tell());
  }

  private forgetClosed(): void {
    for (const pipe of this.pipes) {
      if (pipe.held !== undefined) continue;
      this.pipes.delete(pipe);
      if (!this.untold.delete(pipe)) this.stale++;
    }
    if (this.stale < MOST_STALE || this.keeper === undefined) return;
    // It ends some time after its input has, when the next one holds the pipes.
    close(this.keeper.input);
    this.forgetKeeper();
  }

  private forgetKeeper(): void {
    this.keeper = undefined;
    this.untold = new Set(this.pipes);
    this.stale = 0;
  }

  /** @returns undefined where there is no such program @throws {ErrnoError} */
  private start(): Keeper | undefined {
    const { world } = this;
    const open: Fd[] = [];
    try {
      const program = world.descriptors.open(keeperProgram);
      if (program === undefined) return undefined;
      open.push(program);
      const [output, input] = world.descriptors.open(socketPair);
      open.push(output);
      try {
        const pid = world.spawn(
          `/proc/${getpid()}/fd/${program}`,
          ["tend-pipes"],
          [{ do: "dup2", from: output, to: fd(0) }],
          () => {
            if (this.keeper?.pid !== pid) return;
            close(input);
            this.forgetKeeper();
            if (!this.ended) this.tellLater(AGAIN_MS);
          },
        );
        raiseDescriptorLimit(pid);
        return { pid, input };
      } catch (error) {
        close(input);
        throw error;
      }
    } finally {
      for (const file of open) close(file);
    }
  }
}
