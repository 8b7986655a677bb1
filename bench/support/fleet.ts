// One suite supervising N copies of the static program, and what can be seen of it from outside.
import { linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Pid } from "../../src/units/units.ts";
import { Cgroup } from "./cgroup.ts";
import { descendants, endTree, now, start } from "./command.ts";
import { Reports, type Start } from "./reports.ts";
import type { Suite } from "./suites.ts";

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

/** What `act` returns. A peer that fails at it is said and left out; ours is not. */
export function orLeaveOut<Result>({ contender }: Suite, act: () => Result): Result | undefined {
  try {
    return act();
  } catch (error) {
    if (contender === "tend") throw error;
    const [line = ""] = String(error).split("\n");
    process.stderr.write(`bench: warning: ${contender} is left out: ${line.slice(0, 200)}\n`);
    return undefined;
  }
}

/** Makes a fleet of each suite in `dir` and waits until it is up. A peer that does not get there is said and left out. */
export function launch(
  suites: readonly Suite[],
  dir: string,
  count: number,
  counted: "cpu" | "memory" = "cpu",
): Fleet[] {
  return suites.flatMap((suite) => {
    if (count > (suite.most ?? count)) return [];
    const fleet = new Fleet(suite, join(dir, `${count}-${suite.contender}`), count, "wait", counted);
    const up = orLeaveOut(suite, () => fleet.up());
    if (up === undefined) fleet.end();
    return up === undefined ? [] : [fleet];
  });
}

export class Fleet {
  readonly names: readonly string[];
  readonly cgroup: Cgroup | undefined;
  private readonly reports: Reports;
  private supervisor: Pid | undefined;
  private began = 0;

  /**
   * Makes the directory `dir` with services s0, s1, ...
   * @param then what the program does after it has reported
   * @param counted what its control group counts
   * @param furnish puts more into a service directory
   */
  constructor(
    readonly suite: Suite,
    readonly dir: string,
    readonly count: number,
    then: "wait" | "exit" = "wait",
    counted: "cpu" | "memory" = "cpu",
    furnish: (directory: string) => void = () => {},
  ) {
    this.names = Array.from({ length: count }, (_, i) => `s${i}`);
    mkdirSync(dir);
    // Beside the directory: it is no service.
    this.reports = new Reports(dir, then);
    for (const name of this.names) {
      mkdirSync(join(dir, name));
      linkSync(`${dir}.program`, join(dir, name, "run"));
      furnish(join(dir, name));
    }
    suite.configure?.(dir, this.names);
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
    return (
      Math.max(...this.starts(this.count, Math.max(60_000, 30 * this.count)).map(({ at }) => at)) - began
    );
  }

  /** The next `count` starts. @throws {Error} if they do not come within `ms` milliseconds */
  starts(count: number, ms = 60_000): Start[] {
    const found = this.reports.starts(count, ms);
    if (found.length >= count) return found;
    const said = readFileSync(`${this.dir}.stderr`, "utf8").slice(0, 2000);
    throw new Error(`${found.length} of ${count} starts in ${ms} ms; it said: ${said}`);
  }

  startsIn = (ms: number, meanwhile?: () => void): number => this.reports.startsIn(ms, meanwhile);
  restart = (victim: Pid): number => this.reports.restart(victim);
  forget = (service: Pid): void => this.reports.forget(service);

  /** The services that run. */
  get services(): Pid[] {
    return this.reports.services;
  }

  /** Everything the suite runs but the services. */
  get supervisors(): Pid[] {
    if (this.supervisor === undefined) return [];
    return [this.supervisor, ...descendants(this.supervisor)].filter((one) => !this.reports.has(one));
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
  memory(): { readonly uss: number; readonly pss: number; readonly dirty: number; readonly rss: number } {
    const sums = { uss: 0, pss: 0, dirty: 0, rss: 0 };
    for (const process of this.supervisors) {
      const rollup = readFileSync(`/proc/${process}/smaps_rollup`, "utf8");
      const of = (name: string) =>
        1024 * Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(rollup)?.[1] ?? 0);
      sums.uss += of("Private_Clean") + of("Private_Dirty");
      sums.pss += of("Pss");
      sums.dirty += of("Private_Dirty");
      sums.rss += of("Rss");
    }
    return sums;
  }

  /** Kills the suite and its services. */
  end(): void {
    if (this.supervisor !== undefined) endTree(this.supervisor);
    this.supervisor = undefined;
    this.reports.close();
    this.cgroup?.remove();
  }
}
