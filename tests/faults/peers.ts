// peers.ts - kills supervisors and loggers of this suite, C daemontools, runit and s6, and counts what each loses.
//
//   node scripts/launch.mjs tests/faults/peers.ts [ part-of-a-row ... ]
//
// Prints the table of docs/faults.md. Suites that are not installed are left out.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ours, theirs, which } from "../support/programs.ts";
import { alive, allPids, type Running, Sandbox, signal } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/** 25 lines at a time, so that a logger that dies has something to lose; how many were written is noted. */
const RUN = `#!/bin/sh
echo $$ >> starts
i=0
while :; do
  n=$((i+25))
  while [ $i -lt $n ]; do i=$((i+1)); echo "$$ $i"; done
  echo $i > last.$$
  sleep 0.01
done
`;

type Suite = {
  readonly name: string;
  readonly scanner: readonly string[];
  readonly logger: string;
  /** What the logger needs before it begins. */
  readonly prepare?: string;
  /** Whether a process with that command line is a supervisor of one service. */
  readonly supervisor: (words: readonly string[]) => boolean;
};

const base = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
const suites: Suite[] = [
  {
    name: "tend",
    scanner: [ours("svscan"), "."],
    logger: `${ours("multilog")} n1000 ./main`,
    supervisor: () => false,
  },
];
if (existsSync(theirs("svscan")))
  suites.push({
    name: "C daemontools",
    scanner: [theirs("svscan"), "."],
    logger: `${theirs("multilog")} n1000 ./main`,
    supervisor: ([program = ""]) => base(program) === "supervise",
  });
if (which("runsvdir") !== null)
  suites.push({
    name: "runit",
    scanner: ["/usr/bin/runsvdir", "."],
    logger: "svlogd ./main",
    // A logger that is killed leaves a file each time; of 10 the oldest would go.
    prepare: "mkdir -p main; echo n1000 >main/config",
    supervisor: ([program = ""]) => base(program) === "runsv",
  });
if (which("s6-svscan") !== null)
  suites.push({
    name: "s6",
    scanner: ["/usr/bin/s6-svscan", "."],
    logger: "s6-log n1000 ./main",
    supervisor: ([program = ""]) => base(program) === "s6-supervise",
  });

const commandLine = (pid: number): string[] => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0").slice(0, -1);
  } catch {
    return [];
  }
};

class Run {
  readonly box = new Sandbox();
  readonly scan = this.box.directory("scan");
  readonly service: string;
  top: Running;

  constructor(readonly suite: Suite) {
    this.service = this.box.service("scan/a", {
      run: RUN,
      log: `#!/bin/sh\n${suite.prepare ?? ":"}\necho $$ >> starts\nexec ${suite.logger}\n`,
    });
    this.top = this.begin();
  }

  begin(): Running {
    return this.box.start(this.suite.scanner, { cwd: this.scan });
  }

  copies(part = ""): number[] {
    const file = join(this.service, part, "starts");
    if (!existsSync(file)) return [];
    return readFileSync(file, "latin1").trim().split("\n").map(Number).filter(alive);
  }

  get supervisors(): number[] {
    const mine = new Set(this.box.pids());
    return allPids().filter((pid) => mine.has(pid) && this.suite.supervisor(commandLine(pid)));
  }

  async killSupervisors(): Promise<void> {
    const doomed = this.supervisors;
    for (const pid of doomed) signal(pid, "SIGKILL");
    this.top.signal("SIGKILL");
    await this.top.ended();
    await until(() => !doomed.some(alive), "they are gone");
  }

  killLogger(): void {
    for (const pid of this.copies("log")) signal(pid, "SIGKILL");
  }

  /** Waits until the log has grown. */
  async progress(): Promise<void> {
    const before = this.log.length;
    await until(() => this.log.length > before + 1000, "the log grows").catch(() => {});
  }

  get log(): string {
    const main = join(this.service, "log/main");
    if (!existsSync(main)) return "";
    const files = readdirSync(main).filter((name) => name.startsWith("@") || name === "current");
    return files
      .sort()
      .map((name) => join(main, name))
      .filter((path) => existsSync(path))
      .map((path) => readFileSync(path, "latin1"))
      .join("");
  }

  /** How many lines the process `pid` has written, as it noted. */
  written(pid: string | number): number {
    const file = join(this.service, `last.${pid}`);
    return existsSync(file) ? Number(readFileSync(file, "latin1")) : 0;
  }

  /** Lines that were written and are not there, and lines that are there twice or torn. */
  lines(): { all: number; lost: number; spoilt: number } {
    const seen = new Map<string, Set<number>>();
    let spoilt = 0;
    let all = 0;
    for (const line of this.log.split("\n").slice(0, -1)) {
      all++;
      const [, pid = "", number = ""] = /^(\d+) (\d+)$/.exec(line) ?? [];
      const of = seen.get(pid) ?? new Set<number>();
      seen.set(pid, of);
      if (pid === "" || of.has(Number(number))) spoilt++;
      of.add(Number(number));
    }
    let lost = 0;
    for (const [pid, of] of seen) {
      let before = 0;
      for (const number of [...of].sort((a, b) => a - b)) {
        // Two halves of torn lines make a number of their own.
        if (number - before > 5000) spoilt++;
        else {
          lost += number - before - 1;
          before = number;
        }
      }
      lost += Math.max(0, this.written(pid) - before);
    }
    return { all, lost, spoilt };
  }
}

const scenarios: readonly [string, (run: Run) => Promise<void>][] = [
  [
    "kill -9 of the supervisor",
    async (run) => {
      // Where one process supervises all, it is begun again, as svscanboot does; elsewhere the scanner does that.
      const [service] = run.supervisors.filter((pid) => commandLine(pid)[1] === "a");
      if (service !== undefined) return signal(service, "SIGKILL");
      await run.killSupervisors();
      run.top = run.begin();
    },
  ],
  [
    "kill -9 of all supervisors, begun again",
    async (run) => {
      await run.killSupervisors();
      run.top = run.begin();
    },
  ],
  [
    "kill -9 of the logger, 20 times",
    async (run) => {
      for (let i = 0; i < 20; i++) {
        await run.progress();
        run.killLogger();
        await until(() => run.copies("log").length === 1, "it is there again").catch(() => {});
      }
    },
  ],
  [
    "kill -9 of all supervisors and the logger, begun again",
    async (run) => {
      await run.killSupervisors();
      run.killLogger();
      run.top = run.begin();
    },
  ],
  [
    "kill -9 of all supervisors, the logger and the service, with a full pipe, begun again",
    async (run) => {
      for (const pid of run.copies("log")) signal(pid, "SIGSTOP");
      const [pid = 0] = run.copies();
      let [before, since] = [0, performance.now()];
      await until(() => {
        const now = run.written(pid);
        if (now !== before) [before, since] = [now, performance.now()];
        return performance.now() - since > 1000;
      }, "the service waits for the pipe");
      await run.killSupervisors();
      for (const each of [...run.copies("log"), ...run.copies()]) signal(each, "SIGKILL");
      run.top = run.begin();
    },
  ],
];

process.stdout.write(
  `| | ${suites.map(({ name }) => name).join(" | ")} |\n|---|${suites.map(() => "---|").join("")}\n`,
);
const parts = process.argv.slice(2);
for (const [name, act] of scenarios) {
  if (parts.length > 0 && !parts.some((part) => name.includes(part))) continue;
  const cells: string[] = [];
  for (const suite of suites) {
    const run = new Run(suite);
    try {
      await until(() => run.copies().length === 1 && run.log.length > 1000, `${suite.name} logs`);
      const [pid = 0] = run.copies();
      await act(run);
      // The scanners look every 5 seconds.
      await Bun.sleep(6000);
      await run.progress();
      const copies = run.copies();
      for (const each of copies) signal(each, "SIGSTOP");
      await Bun.sleep(500);
      const { all, lost, spoilt } = run.lines();
      const fate = copies.includes(pid) ? "lives" : "died";
      cells.push(
        `${fate}, ${copies.length} ${copies.length === 1 ? "copy" : "copies"}, ${lost} lines lost, ${spoilt} doubled or torn (of ${all})`,
      );
    } catch (error) {
      cells.push(String(error));
    } finally {
      run.box.clear();
    }
  }
  process.stdout.write(`| ${name} | ${cells.join(" | ")} |\n`);
}
process.exit(0);
