// What the static programs report: one fifo that they all write to, read as their starts.
import { epollAdd, epollCreate, epollWait } from "../../src/sys/epoll.ts";
import { AT_FDCWD, close, mkfifoat, O_NONBLOCK, O_RDWR, openat, read } from "../../src/sys/files.ts";
import { kill } from "../../src/sys/process.ts";
import { type Fd, type Pid, pid } from "../../src/units/units.ts";
import { now } from "./command.ts";
import { RECORD_SIZE, writeStaticProgram } from "./static-program.ts";

/** One start of the static program: when its first instruction ran, on the clock of `now`. */
export type Start = { readonly at: number; readonly pid: Pid };

export class Reports {
  private readonly fifo: Fd;
  private readonly epoll: Fd = epollCreate();
  private readonly running = new Map<number, Pid>();

  /**
   * Makes the fifo `PATH.fifo` and the program `PATH.program`.
   * @param then what the program does after it has reported
   */
  constructor(path: string, then: "wait" | "exit") {
    const fifo = `${path}.fifo`;
    mkfifoat(AT_FDCWD, fifo, 0o600);
    this.fifo = openat(AT_FDCWD, fifo, O_RDWR | O_NONBLOCK);
    epollAdd(this.epoll, this.fifo);
    writeStaticProgram(`${path}.program`, fifo, then);
  }

  /** The next `count` starts, or as many as come within `ms` milliseconds. */
  starts(count: number, ms: number): Start[] {
    const found: Start[] = [];
    const until = now() + ms;
    for (let left = ms; found.length < count && left > 0; left = until - now()) {
      if (epollWait(this.epoll, Math.ceil(left)).length > 0) found.push(...this.records());
    }
    return found;
  }

  /** How many starts there were in the last `ms` milliseconds, which are waited for; `meanwhile` is called all the time. */
  startsIn(ms: number, meanwhile: () => void = () => {}): number {
    const until = now() + ms;
    let count = 0;
    for (let left = ms; left > 0; left = until - now()) {
      meanwhile();
      if (epollWait(this.epoll, Math.min(5, Math.ceil(left))).length > 0) count += this.records().length;
      Bun.sleepSync(5); // A record is never lost, and reading them one at a time would take the machine's time.
    }
    return count;
  }

  private records(): Start[] {
    const bytes = read(this.fifo).slice();
    const view = new DataView(bytes.buffer);
    const found: Start[] = [];
    for (let i = 0; i + RECORD_SIZE <= bytes.length; i += RECORD_SIZE) {
      const at = Number(view.getBigUint64(i, true)) * 1e3 + view.getUint32(i + 8, true) / 1e6;
      const process = pid(view.getUint32(i + 16, true));
      this.running.set(process, process);
      found.push({ at, pid: process });
    }
    return found;
  }

  /** The services that run, those that have run longest first. */
  get services(): Pid[] {
    return [...this.running.values()];
  }

  has = (process: Pid): boolean => this.running.has(process);

  /** Forgets a service that was stopped. */
  forget(service: Pid): void {
    this.running.delete(service);
  }

  /**
   * Kills one service. @returns the milliseconds until the first instruction of the process that replaces it
   * @throws {Error} if none does within a minute
   */
  restart(victim: Pid): number {
    this.forget(victim);
    const before = now();
    kill(victim, "SIGKILL");
    const [next] = this.starts(1, 60_000);
    if (next === undefined) throw new Error("not restarted within a minute");
    return next.at - before;
  }

  close(): void {
    this.running.clear();
    close(this.epoll);
    close(this.fifo);
  }
}
