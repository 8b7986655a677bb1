// One suite supervising N copies of the static program, and what can be seen of it from outside.
import { linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { epollAdd, epollCreate, epollWait } from "../../src/sys/epoll.ts";
import { AT_FDCWD, close, mkfifoat, O_NONBLOCK, O_RDWR, openat, read } from "../../src/sys/files.ts";
import { kill } from "../../src/sys/process.ts";
import { type Fd, type Pid, pid } from "../../src/units/units.ts";
import { Cgroup } from "./cgroup.ts";
import { descendants, endTree, now, start } from "./command.ts";
import { RECORD_SIZE, writeStaticProgram } from "./static-program.ts";
import { type Suite, writeSupervisordConf } from "./suites.ts";

/** One start of the static program: when its first instruction ran, on the clock of `now`. */
export type Start = { readonly at: number; readonly pid: Pid };

export type Activity = { readonly switches: number; readonly cpuMs: number };

/** What happened between two looks. A thread that ended between them is not counted. */
export function between(before: Map<string, Activity>, after: Map<string, Activity>): Activity {
  const sum = { switches: 0, cpuMs: 0 };
  for (const [thread, { switches, cpuMs }] of after) {
    sum.switches += switches - (before.get(thread)?.switches ?? 0);
    sum.cpuMs += cpuMs - (before.get(thread)?.cpuMs ?? 0);
  }
  return sum;
}

/** Makes a fleet of each suite in `dir` and waits until it is up. A peer that does not get there is said and left out. */
export function launch(
  suites: readonly Suite[],
  dir: string,
  count: number,
  counted: "cpu" | "memory" = "cpu",
): Fleet[] {
  return suites.flatMap((suite) => {
    const fleet = new Fleet(suite, join(dir, `${count}-${suite.contender}`), count, "wait", counted);
    try {
      fleet.up();
      return [fleet];
    } catch (error) {
      fleet.end();
      if (suite.contender === "tend") throw error;
      process.stderr.write(`bench: warning: ${String(error).slice(0, 200)}\n`);
      return [];
    }
  });
}

export class Fleet {
  readonly names: readonly string[];
  readonly cgroup: Cgroup | undefined;
  private readonly fifo: Fd;
  private readonly epoll: Fd;
  private readonly running = new Map<number, Pid>();
  private supervisor: Pid | undefined;
  private began = 0;

  /**
   * Makes the directory `dir` with services s0, s1, ...
   * @param then what the program does after it has reported
   * @param counted what its control group counts
   */
  constructor(
    readonly suite: Suite,
    readonly dir: string,
    readonly count: number,
    then: "wait" | "exit" = "wait",
    counted: "cpu" | "memory" = "cpu",
  ) {
    this.names = Array.from({ length: count }, (_, i) => `s${i}`);
    mkdirSync(dir);
    // Beside the directory: it is no service.
    const fifo = `${dir}.fifo`;
    mkfifoat(AT_FDCWD, fifo, 0o600);
    this.fifo = openat(AT_FDCWD, fifo, O_RDWR | O_NONBLOCK);
    this.epoll = epollCreate();
    epollAdd(this.epoll, this.fifo);
    const program = `${dir}.program`;
    writeStaticProgram(program, fifo, then);
    for (const name of this.names) {
      mkdirSync(join(dir, name));
      linkSync(program, join(dir, name, "run"));
    }
    if (suite.contender === "supervisord") writeSupervisordConf(dir, this.names);
    this.cgroup = Cgroup.make(`tend-bench.${process.pid}.${suite.contender}.${count}`, counted);
  }

  /** A down file in every service. */
  holdDown(): this {
    for (const name of this.names) writeFileSync(join(this.dir, name, "down"), "");
    return this;
  }

  /** Starts the suite. @returns the moment before */
  begin(): number {
    const argv = this.suite.supervisor(this.dir);
    const errors = `${this.dir}.stderr`;
    this.began = now();
    this.supervisor = start(this.cgroup?.around(argv) ?? argv, { stderr: errors, stdout: errors });
    return this.began;
  }

  /** Starts the suite and waits until every service has reported. @returns the milliseconds until the last did */
  up(): number {
    const began = this.begin();
    return Math.max(...this.starts(this.count).map(({ at }) => at)) - began;
  }

  /** The next `count` starts. @throws {Error} if they do not come within `ms` milliseconds */
  starts(count: number, ms = 60_000): Start[] {
    const found: Start[] = [];
    const until = now() + ms;
    while (found.length < count) {
      const left = until - now();
      if (left <= 0) {
        const said = readFileSync(`${this.dir}.stderr`, "utf8").slice(0, 2000);
        throw new Error(
          `${this.suite.contender}: ${found.length} of ${count} starts in ${ms} ms; it said: ${said}`,
        );
      }
      if (epollWait(this.epoll, Math.ceil(left)).length > 0) found.push(...this.records());
    }
    return found;
  }

  /** How many starts there were in the last `ms` milliseconds, which are waited for. */
  startsIn(ms: number): number {
    const until = now() + ms;
    let count = 0;
    for (let left = ms; left > 0; left = until - now()) {
      if (epollWait(this.epoll, Math.ceil(left)).length > 0) count += this.records().length;
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

  /** The services that run. */
  get services(): Pid[] {
    return [...this.running.values()];
  }

  /** Kills one service. @returns the milliseconds until the first instruction of the process that replaces it */
  restart(victim: Pid): number {
    this.running.delete(victim);
    const before = now();
    kill(victim, "SIGKILL");
    const [next] = this.starts(1);
    return (next as Start).at - before;
  }

  /** Forgets a service that was stopped. */
  forget(service: Pid): void {
    this.running.delete(service);
  }

  /** Everything the suite runs but the services. */
  get supervisors(): Pid[] {
    if (this.supervisor === undefined) return [];
    return [this.supervisor, ...descendants(this.supervisor)].filter((one) => !this.running.has(one));
  }

  /** Of each thread of the supervisors: voluntary and involuntary context switches, and CPU milliseconds. */
  activity(): Map<string, Activity> {
    const threads = new Map<string, Activity>();
    for (const process of this.supervisors) {
      for (const task of readdirSync(`/proc/${process}/task`)) {
        const status = readFileSync(`/proc/${process}/task/${task}/status`, "utf8");
        const counts = [...status.matchAll(/ctxt_switches:\s*(\d+)/g)].map(([, count]) => Number(count));
        const [ns] = readFileSync(`/proc/${process}/task/${task}/schedstat`, "utf8").split(" ");
        threads.set(task, { switches: counts.reduce((a, b) => a + b, 0), cpuMs: Number(ns) / 1e6 });
      }
    }
    return threads;
  }

  /** Bytes of memory of all supervisors together. */
  memory(): { readonly uss: number; readonly dirty: number; readonly rss: number } {
    const sums = { uss: 0, dirty: 0, rss: 0 };
    for (const process of this.supervisors) {
      const rollup = readFileSync(`/proc/${process}/smaps_rollup`, "utf8");
      const of = (name: string) =>
        1024 * Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(rollup)?.[1] ?? 0);
      sums.uss += of("Private_Clean") + of("Private_Dirty");
      sums.dirty += of("Private_Dirty");
      sums.rss += of("Rss");
    }
    return sums;
  }

  /** Kills the suite and its services. */
  end(): void {
    if (this.supervisor !== undefined) endTree(this.supervisor);
    this.supervisor = undefined;
    this.running.clear();
    close(this.epoll);
    close(this.fifo);
    this.cgroup?.remove();
  }
}
