// 1000 services that exit at once, each started once a second for ever: CPU per start, of the supervisors, the kernel and
// the services together; how long an ordinary service among them that dies waits for its successor; and what is left of the
// storm where the scan directory asks for longer and longer pauses.
import { linkSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../src/sys/process.ts";
import type { Pid } from "../src/units/units.ts";
import { now, start } from "./support/command.ts";
import { Fleet, orLeaveOut } from "./support/fleet.ts";
import { type Bench, type Options, percentile, type Row, Tally } from "./support/frame.ts";
import { Reports } from "./support/reports.ts";
import { writeStaticProgram } from "./support/static-program.ts";
import { type Suite, suites } from "./support/suites.ts";

const COUNT = 1000;
/** Ordinary services among them. Each is killed in its turn, when it has run for longer than the second between two starts. */
const ORDINARY = 20;
const APART_MS = 60;

/** What the kernel takes: spawn and wait, with nobody in between. One after the other, so time is CPU. */
function limit(options: Options): number[] {
  const program = join(options.dir, "exits");
  writeStaticProgram(program, undefined, "exit");
  return Array.from({ length: options.rounds(400) }, () => {
    const before = now();
    waitFor(start([program]));
    return now() - before;
  });
}

/** The ordinary services of a scan directory. */
class Ordinary {
  private readonly reports: Reports;
  private killed = 0;

  constructor(directory: string) {
    this.reports = new Reports(`${directory}.ordinary`, "wait");
    for (let i = 0; i < ORDINARY; i++) {
      mkdirSync(join(directory, `ordinary${i}`));
      linkSync(`${directory}.ordinary.program`, join(directory, `ordinary${i}`, "run"));
    }
  }

  up(): void {
    if (this.reports.starts(ORDINARY, 60_000).length < ORDINARY)
      throw new Error("ordinary services are not up");
  }

  /** Kills the one that has run longest, and waits for its successor. Undefined if it is not yet time. */
  restart(since: number): number | undefined {
    if (now() < since + this.killed * APART_MS) return undefined;
    this.killed++;
    return this.reports.restart(this.reports.services[0] as Pid);
  }

  close = (): void => this.reports.close();
}

export const rows: Bench = function* (options) {
  const slice = options.quick ? 3000 : 6000;
  const [cost, rate, wait] = [new Tally(), new Tally(), new Tally()];
  for (const ms of limit(options)) cost.add("limit", ms);
  const once = (suite: Suite, directory: string): void => {
    const fleet = new Fleet(suite, directory, COUNT, "exit");
    const ordinary = new Ordinary(directory);
    if (fleet.cgroup !== undefined) {
      fleet.up();
      ordinary.up();
      fleet.startsIn(options.quick ? 1500 : 2500);
      const [cpu, began] = [fleet.cgroup.cpuMs, now()];
      const count = fleet.startsIn(slice, () => {
        const ms = ordinary.restart(began);
        if (ms !== undefined) wait.add(suite.contender, ms);
      });
      const ms = now() - began;
      cost.add(suite.contender, (fleet.cgroup.cpuMs - cpu) / count);
      rate.add(suite.contender, (count / ms) * 1000);
    }
    fleet.end();
    ordinary.close();
  };
  // One suite at a time: two storms at once would be two for the price of one scheduler.
  for (let round = 0; round < options.rounds(4); round++) {
    for (const suite of suites(options)) {
      orLeaveOut(suite, () => once(suite, join(options.dir, `${round}-${suite.contender}`)));
    }
  }
  const name = `${COUNT} instant-exit services`;
  yield {
    name: `${name}, CPU per start`,
    unit: "ms",
    better: "less",
    samples: cost.samples,
    must: { ratio: 0.6 },
    should: { ratio: 0.3 },
  };
  yield { name: `${name}, starts`, unit: "1/s", better: "more", samples: rate.samples };
  const another = "restart of another among them";
  yield { name: another, unit: "ms", better: "less", samples: wait.samples };
  const worst = new Tally();
  for (const [who, samples] of Object.entries(wait.samples)) {
    worst.add(who as keyof typeof wait.samples, percentile(samples, 0.99));
  }
  yield { name: `${another}, p99`, unit: "ms", better: "less", samples: worst.samples, must: { value: 20 } };
  if (!options.quick) yield* calmed(options);
};

/** Pauses of a second at first, of a minute at last. */
const BACKOFF = "1000 60000\n";

/** The same storm where the scan directory asks for a backoff, once the pauses are as long as they get. */
function* calmed(options: Options): Generator<Row> {
  const [suite] = suites(options);
  if (suite === undefined) return;
  const directory = join(options.dir, "backoff");
  const fleet = new Fleet(suite, directory, COUNT, "exit");
  mkdirSync(join(directory, ".tend"));
  writeFileSync(join(directory, ".tend/backoff"), BACKOFF);
  const share = new Tally();
  if (fleet.cgroup !== undefined) {
    fleet.up();
    fleet.startsIn(65_000);
    const [cpu, began] = [fleet.cgroup.cpuMs, now()];
    fleet.startsIn(30_000);
    share.add("tend", (100 * (fleet.cgroup.cpuMs - cpu)) / (now() - began));
  }
  fleet.end();
  yield {
    name: `${COUNT} instant-exit services with backoff, CPU`,
    unit: "% of a core",
    better: "less",
    samples: share.samples,
    must: { value: 5 },
  };
}
