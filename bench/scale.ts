// What one event costs as the number of services grows: N doubles from 100 to 12 800, or as far as the hard limit of
// descriptors allows. The services wait for ever and have no loggers. Latencies are what a user waits for; CPU is svscan's
// alone, and shows a step that costs O(services) long before anybody waits for it.
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { ENXIO, ErrnoError } from "../src/sys/errno.ts";
import { AT_FDCWD, close, O_NONBLOCK, O_WRONLY, openat, write } from "../src/sys/files.ts";
import { getrlimit, setrlimit } from "../src/sys/limits.ts";
import { kill, waitFor } from "../src/sys/process.ts";
import type { Pid } from "../src/units/units.ts";
import { now, timed } from "./support/command.ts";
import { Fleet } from "./support/fleet.ts";
import { type Bench, median, type Options, type Row } from "./support/frame.ts";
import type { Start } from "./support/reports.ts";
import { suites } from "./support/suites.ts";

const MOST = 12_800;
/** Descriptors that svscan may hold for a service, those it needs if there are no more, also after an adoption, and its own. */
const EACH = 4;
const NEEDED = 1;
const NEEDED_ADOPTED = 2;
const OWN = 64;
/** Ten seconds without a change, and svscan sleeps; on a busy machine somewhat later. */
const CALM_MS = 16_000;

/** A service is started at most once a second. */
const APART_MS = 1100;

/** The most descriptors a process may have, after an attempt to have enough. */
function descriptors(): number {
  const { soft, hard } = getrlimit("NOFILE");
  const enough = BigInt(EACH * MOST + OWN);
  try {
    if (hard < enough) setrlimit("NOFILE", { soft, hard: enough });
  } catch (error) {
    // Only with CAP_SYS_RESOURCE.
    if (!(error instanceof ErrnoError)) throw error;
  }
  return Number(getrlimit("NOFILE").hard);
}

/** 100, 200, 400, ... and at last the most there can be. */
function sizes(quick: boolean): number[] {
  const most = Math.min(MOST, 100 * Math.floor((descriptors() - OWN) / NEEDED / 100));
  const found: number[] = [];
  for (let count = 100; count < most; count *= quick ? 4 : 2) found.push(count);
  return [...found, most];
}

/** One fleet, and what its svscan spends. */
class Measured {
  readonly fleet: Fleet;
  readonly upMs: number;
  private svscan: Pid;

  constructor(
    private readonly options: Options,
    readonly count: number,
  ) {
    const [suite] = suites(options);
    if (suite === undefined) throw new Error("no svscan");
    this.fleet = new Fleet(suite, join(options.dir, `${count}`), count);
    this.upMs = this.fleet.up();
    this.svscan = this.fleet.supervisors[0] as Pid;
    // The status files are written when everything has been started.
    for (let before = -1; this.cpuMs - before > 5; ) {
      before = this.cpuMs;
      Bun.sleepSync(APART_MS);
    }
  }

  /** CPU milliseconds of svscan's main thread so far. */
  get cpuMs(): number {
    return Number(readFileSync(`/proc/${this.svscan}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  }

  get descriptors(): number {
    return readdirSync(`/proc/${this.svscan}/fd`).length;
  }

  /** What `act` makes svscan spend, in microseconds for each of `times`; it has done its part when `settle` ms have passed. */
  cpu(times: number, act: (i: number) => void, settle = 20): number {
    const before = this.cpuMs;
    for (let i = 0; i < times; i++) act(i);
    Bun.sleepSync(settle);
    return ((this.cpuMs - before) * 1000) / times;
  }

  /** The directory of the i-th service of those that are asked: spread over all there are. */
  directory(i: number): string {
    return join(this.fleet.dir, `s${(i * 7919) % this.count}`);
  }

  tell(i: number, letter: string): void {
    const control = openat(AT_FDCWD, join(this.directory(i), "supervise/control"), O_WRONLY | O_NONBLOCK);
    write(control, letter);
    close(control);
  }

  /** A new service appears. @returns the milliseconds until its first instruction */
  appear(i: number): number {
    const { dir } = this.fleet;
    const hidden = join(dir, `.n${i}`);
    mkdirSync(hidden);
    linkSync(`${dir}.program`, join(hidden, "run"));
    const before = now();
    renameSync(hidden, join(dir, `n${i}`));
    return (this.fleet.starts(1)[0] as Start).at - before;
  }

  /** svscan becomes a new image of itself: until that obeys. */
  private upgrade(): void {
    kill(this.svscan, "SIGUSR2");
    // It asks the program for its version first.
    Bun.sleepSync(500);
    const until = now() + 60_000;
    for (;;) {
      try {
        this.tell(0, "t");
        break;
      } catch (error) {
        if (!(error instanceof ErrnoError) || error.errno !== ENXIO || now() > until) throw error;
        Bun.sleepSync(50);
      }
    }
    this.fleet.starts(1);
  }

  /** How often svscan's main thread was woken so far. */
  private get wakeUps(): number {
    const status = readFileSync(`/proc/${this.svscan}/status`, "utf8");
    return Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1]);
  }

  /** svscan is killed, and another takes its services over. @returns milliseconds until the last has a supervisor */
  private adopt(): number {
    kill(this.svscan, "SIGKILL");
    waitFor(this.svscan);
    const began = this.fleet.begin();
    this.svscan = this.fleet.supervisors[0] as Pid;
    for (let i = 0; i < this.count; ) {
      try {
        close(openat(AT_FDCWD, join(this.fleet.dir, `s${i}`, "supervise/ok"), O_WRONLY | O_NONBLOCK));
        i++;
      } catch (error) {
        if (!(error instanceof ErrnoError) || now() - began > 120_000) throw error;
        Bun.sleepSync(5);
      }
    }
    return now() - began;
  }

  /** Each figure by name, in its unit. */
  figures(first: Measured | undefined): { readonly [name: string]: readonly [unit: string, value: number] } {
    const { fleet, count, options } = this;
    const held = this.descriptors;
    const restarts: number[] = [];
    const victims = fleet.services;
    const step = Math.max(1, Math.floor(victims.length / 100));
    // Not while svscan looks at everything for the last time.
    Bun.sleepSync(CALM_MS);
    // At rest, as the one it is compared with: the code that what follows needs is let go of a minute later.
    const { uss } = fleet.memory();
    const death = this.cpu(options.rounds(100), (i) =>
      restarts.push(fleet.restart(victims[(i * step) % victims.length] as Pid)),
    );
    const command = this.cpu(options.rounds(400), (i) => this.tell(i, "c"));
    const svc: number[] = [];
    const svstat: number[] = [];
    for (let i = 0; i < options.rounds(40); i++) {
      svc.push(timed([options.tend("svc"), "-c", this.directory(i)]));
      svstat.push(timed([options.tend("svstat"), this.directory(i)]));
    }
    Bun.sleepSync(CALM_MS);
    const wakeUps = this.wakeUps;
    const idle = this.cpu(1, () => Bun.sleepSync(options.quick ? 5500 : 10_500)) / 1000;
    const woken = this.wakeUps - wakeUps;
    const news: number[] = [];
    const scan = this.cpu(options.rounds(8), (i) => news.push(this.appear(i)));
    const upgrade = this.cpu(1, () => this.upgrade());
    const adoptable = count * NEEDED_ADOPTED + OWN <= descriptors();
    const adoption = adoptable ? this.adopt() : undefined;
    const before = now();
    kill(this.svscan, "SIGTERM");
    waitFor(this.svscan);
    const end = now() - before;
    return {
      "up, per service": ["ms", this.upMs / count],
      "death to restart": ["ms", median(restarts)],
      "svscan's CPU for a death": ["us", death],
      "svc -c, start to end": ["ms", median(svc)],
      "svscan's CPU for a command": ["us", command],
      "svstat of one": ["ms", median(svstat)],
      "new directory to first instruction": ["ms", median(news)],
      "svscan's CPU for a new directory": ["ms", scan / 1000],
      [`svscan's CPU in ${options.quick ? 5 : 10} idle seconds`]: ["ms", idle],
      [`wake-ups in ${options.quick ? 5 : 10} idle seconds`]: ["", woken],
      ...(adoption === undefined
        ? {}
        : { "svscan killed: adoption by the next, per service": ["ms", adoption / count] as const }),
      "svscan's CPU for an upgrade, per service": ["us", upgrade / count],
      "SIGTERM to the end, per service": ["ms", end / count],
      ...(first === undefined
        ? {}
        : { "USS per service": ["kB", (uss - first.uss) / 1000 / (count - first.count)] }),
      "descriptors per service": [
        "",
        Math.round((100 * (held - (first?.held ?? 0))) / (count - (first?.count ?? 0))) / 100,
      ],
    };
  }

  uss = 0;
  held = 0;
  /** Remembers what there is once all is calm, for comparison. */
  note(): this {
    Bun.sleepSync(CALM_MS);
    this.uss = this.fleet.memory().uss;
    this.held = this.descriptors;
    return this;
  }
}

const BUDGETS: { readonly [name: string]: Pick<Row, "must" | "should"> } = {
  "USS per service": { must: { value: 12 } },
  "descriptors per service": { must: { value: EACH } },
};

export const rows: Bench = function* (options) {
  const one = new Measured(options, 1).note();
  one.fleet.end();
  for (const count of sizes(options.quick)) {
    const measured = new Measured(options, count);
    const figures = measured.figures(one);
    measured.fleet.end();
    for (const [name, [unit, value]] of Object.entries(figures)) {
      yield {
        name: `N=${count}, ${name}`,
        unit,
        better: "less",
        samples: { tend: [value] },
        ...BUDGETS[name],
      };
    }
  }
};
