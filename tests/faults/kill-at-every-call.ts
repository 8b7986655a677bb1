// Kills a supervisor at one of its system calls, starts another, and says what became of the service. The scenarios are what
// a supervisor does in its life; each is run once without harm to count its calls, and then with a kill at each of them.
// strace does the killing: the call is not made, and nothing after it. A kill while a new process has not yet become
// the program is another matter, and another scenario: strace holds the new process there.
import { existsSync, readFileSync } from "node:fs";
import { RECORD_SIZE, ServiceRecord } from "../../src/formats/service-record.ts";
import type { Status } from "../../src/formats/status.ts";
import { ours } from "../support/programs.ts";
import { alive, childrenOf, type Running, Sandbox, type ServiceFiles, signal } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/**
 * The calls that are counted: all but those by which the runtime looks after memory and threads. Their number differs from
 * run to run, and they leave no trace outside the process.
 */
const CALLS =
  "!mprotect,madvise,futex,mmap,munmap,brk,getrandom,sched_yield,sched_getaffinity,clock_nanosleep,membarrier," +
  "restart_syscall,rseq,set_robust_list,gettid,tgkill,mremap,nanosleep,clock_gettime,timerfd_settime";

/** A service that notes each of its starts, and ends with a line that says how many lines there were, or one less. */
const SERVICE = `#!/bin/sh
echo $$ >> starts
i=0
trap 'echo "$$ end $i"; exit 0' TERM
while :; do
  n=$((i+1))
  echo "$$ $n"
  i=$n
  sleep 0.05
done
`;

/** A logger that can be told to end, between two lines. */
const LOGGER = `#!/bin/sh
echo $$ >> starts
while IFS= read -r line; do
  echo "$line" >> lines
  if [ -e end ]; then rm end; exit; fi
done
`;

const SLEEPER = "#!/bin/sh\necho $$ >> starts\nexec sleep 100000\n";

/** A service that is ready once there is a file `go`, and says so on a descriptor that it then closes. */
const TELLER = `#!/bin/sh
echo $$ >> starts
while [ ! -e go ]; do sleep 0.02; done
echo >&3
exec 3>&-
exec sleep 100000
`;
/** The same, but that its second run never is. */
const LATE_TELLER = TELLER.replace("echo >&3", '[ "$(wc -l <starts)" = 2 ] || echo >&3');
/** It asks for everything there is. */
const TELLING = {
  ...{ "notification-fd": "3", "sd-notify": "", check: "#!/bin/sh\nexit 1\n", watchdog: "3600000" },
};

/** A service that leaves a process behind which takes no notice of TERM, in a session of its own. */
const LEAVES =
  "#!/bin/sh\necho $$ >> starts\nsetsid sh -c 'trap \"\" TERM; while :; do sleep 0.1; done' &\nexec sleep 100000\n";

/** The same without one: it is of the service's session and group. */
const LEAVES_BESIDE = LEAVES.replace("setsid ", "");
/** Takes no notice of TERM. */
const DEAF = "#!/bin/sh\ntrap '' TERM\necho $$ >> starts\nexec sleep 100000\n";
/** Notes for which run it is. */
const FINISH = '#!/bin/sh\necho "$4" >> finishes\n';

export type Scenario = {
  readonly name: string;
  readonly files: ServiceFiles;
  /** The supervisor is watched from its first call on: there is no other before. */
  readonly first?: true;
  /** Brings the service where the scenario begins; a supervisor runs (or has been killed, where the next is watched). */
  readonly prepare?: (fault: Fault) => Promise<unknown>;
  /** It starts a process, which can be held while the supervisor is killed. */
  readonly starts?: true;
  /** What the scan directory asks for: files in .tend. */
  readonly scanFiles?: { readonly [name: string]: string };
  /** The service is not started again. */
  readonly ends?: true;
  /** The service is ready in the end. */
  readonly ready?: true;
  /** Makes the supervisor do what the scenario is about. */
  readonly trigger?: (fault: Fault) => unknown;
  /** It has done it. */
  readonly done: (fault: Fault) => boolean;
};

const up = (fault: Fault, part = "a"): boolean => fault.pidOf(part) !== 0;
const restarted = (part: string) => (fault: Fault) => up(fault, part) && fault.pidOf(part) !== fault.before;
const plain: ServiceFiles = { run: SLEEPER };
const pair: ServiceFiles = { run: SERVICE, log: LOGGER };
const svc = (letters: string) => (fault: Fault) => fault.svc(letters);

export const scenarios: readonly Scenario[] = [
  { name: "first start", files: plain, first: true, done: up },
  {
    name: "first start of a pair",
    files: pair,
    first: true,
    done: (fault) => up(fault) && up(fault, "a/log"),
  },
  {
    name: "restart after death",
    starts: true,
    files: plain,
    prepare: (fault) => fault.up(),
    trigger: (fault) => process.kill(fault.before, "SIGKILL"),
    done: restarted("a"),
  },
  {
    name: "svc -d",
    files: plain,
    prepare: (fault) => fault.up(),
    trigger: svc("-d"),
    done: (fault) => !up(fault),
  },
  {
    name: "svc -u",
    starts: true,
    files: { ...plain, down: true },
    prepare: (fault) => fault.listening(),
    trigger: svc("-u"),
    done: up,
  },
  {
    name: "svc -t",
    files: plain,
    prepare: (fault) => fault.up(),
    trigger: svc("-t"),
    done: restarted("a"),
  },
  {
    name: "svc -o",
    files: { ...plain, down: true },
    prepare: (fault) => fault.listening(),
    trigger: svc("-o"),
    done: up,
  },
  {
    name: "svc -dx",
    files: plain,
    prepare: (fault) => fault.up(),
    trigger: svc("-dx"),
    done: (fault) => !up(fault),
  },
  {
    name: "svc -p, -c",
    files: plain,
    prepare: (fault) => fault.up(),
    trigger: svc("-pc"),
    done: (fault) => fault.status()?.paused === false,
  },
  {
    name: "logger restart",
    starts: true,
    files: pair,
    prepare: (fault) => fault.up("a/log"),
    trigger: (fault) => fault.box.file("scan/a/log/end", ""),
    done: restarted("a/log"),
  },
  {
    name: "service restart before its logger",
    starts: true,
    files: pair,
    prepare: (fault) => fault.up(),
    trigger: (fault) => process.kill(fault.before, "SIGKILL"),
    done: restarted("a"),
  },
  {
    name: "adoption",
    files: plain,
    first: true,
    prepare: (fault) => fault.orphan(),
    done: (fault) => fault.answers(),
  },
  {
    name: "adoption of a pair",
    files: pair,
    first: true,
    prepare: (fault) => fault.orphan(),
    done: (fault) => fault.answers() && fault.answers("a/log"),
  },
  {
    name: "death of an adopted service",
    files: plain,
    prepare: async (fault) => {
      await fault.orphan();
      fault.supervise();
      await until(() => fault.answers(), "it is adopted");
    },
    trigger: (fault) => process.kill(fault.before, "SIGKILL"),
    done: restarted("a"),
  },
  {
    name: "restart of a service that tells",
    starts: true,
    ready: true,
    files: { run: TELLER, files: { ...TELLING, go: "" } },
    prepare: (fault) => fault.up(),
    trigger: (fault) => process.kill(fault.before, "SIGKILL"),
    done: (fault) => restarted("a")(fault) && fault.ready,
  },
  {
    name: "readiness",
    ready: true,
    files: { run: TELLER, files: TELLING },
    prepare: (fault) => fault.up(),
    trigger: (fault) => fault.box.file("scan/a/go", ""),
    done: (fault) => fault.ready,
  },
  {
    name: "adoption of a service that tells",
    first: true,
    ready: true,
    files: { run: TELLER, files: TELLING },
    prepare: async (fault) => {
      await fault.orphan();
      fault.box.file("scan/a/go", "");
    },
    done: (fault) => fault.answers() && fault.ready,
  },
  {
    name: "not ready in time",
    ready: true,
    files: { run: LATE_TELLER, files: { "notification-fd": "3", "timeout-ready": "700", go: "" } },
    prepare: async (fault) => {
      await fault.up();
      await until(() => fault.ready, "it is ready");
    },
    trigger: (fault) => process.kill(fault.before, "SIGKILL"),
    done: (fault) => fault.starts === 3 && restarted("a")(fault) && fault.ready,
  },
  {
    name: "SIGUSR2 with a service that tells",
    ready: true,
    files: { run: TELLER, files: TELLING },
    prepare: (fault) => fault.up(),
    trigger: (fault) => {
      fault.box.file("scan/a/go", "");
      fault.supervisor?.signal("SIGUSR2");
    },
    done: (fault) => fault.isNew(),
  },
  {
    name: "restart after a pause",
    files: { ...plain, files: { backoff: "1200 60000 60000" } },
    prepare: (fault) => fault.up(),
    trigger: (fault) => process.kill(fault.before, "SIGKILL"),
    done: restarted("a"),
  },
  {
    name: "restart with finish",
    starts: true,
    files: { ...plain, files: { finish: FINISH } },
    prepare: (fault) => fault.up(),
    trigger: (fault) => process.kill(fault.before, "SIGKILL"),
    done: restarted("a"),
  },
  {
    name: "a finish that hangs",
    files: { ...plain, files: { finish: `${FINISH}sleep 100000\n`, "timeout-finish": "200" } },
    prepare: (fault) => fault.up(),
    trigger: (fault) => process.kill(fault.before, "SIGKILL"),
    done: restarted("a"),
  },
  {
    // If it ends unseen, nobody knows that it refused: the service is started, once.
    name: "a finish that exits 125",
    files: { ...plain, files: { finish: `${FINISH}exit 125\n` } },
    prepare: (fault) => fault.up(),
    trigger: (fault) => process.kill(fault.before, "SIGKILL"),
    done: (fault) => !up(fault) && fault.status()?.want === "down",
  },
  {
    name: "given up",
    ends: true,
    files: { ...plain, files: { "start-limit": "1 3600000 never" } },
    prepare: (fault) => fault.up(),
    trigger: (fault) => process.kill(fault.before, "SIGKILL"),
    done: (fault) => !up(fault) && fault.status()?.want === "down",
  },
  {
    name: "restart in its turn",
    files: plain,
    scanFiles: { "starts-per-second": "1" },
    prepare: (fault) => fault.up(),
    trigger: (fault) => process.kill(fault.before, "SIGKILL"),
    done: restarted("a"),
  },
  {
    name: "svc -d of one that is deaf",
    files: { run: DEAF, files: { "timeout-kill": "200" } },
    prepare: (fault) => fault.up(),
    trigger: svc("-d"),
    done: (fault) => !up(fault),
  },
  {
    name: "restart in a process group",
    starts: true,
    files: { run: LEAVES_BESIDE, files: { "process-group": "", "timeout-kill": "200" } },
    prepare: (fault) => fault.up(),
    trigger: (fault) => process.kill(fault.before, "SIGKILL"),
    done: (fault) => restarted("a")(fault) && fault.copies("a").length === 1,
  },
  {
    name: "svc -d in a session",
    files: { run: LEAVES_BESIDE, files: { session: "", "timeout-kill": "200" } },
    prepare: (fault) => fault.up(),
    trigger: svc("-d"),
    done: (fault) => !up(fault),
  },
  {
    name: "restart in a cgroup",
    starts: true,
    files: { run: LEAVES, files: { cgroup: "", "timeout-kill": "200" } },
    prepare: (fault) => fault.up(),
    trigger: (fault) => process.kill(fault.before, "SIGKILL"),
    done: (fault) => restarted("a")(fault) && fault.copies("a").length === 1,
  },
  {
    name: "svc -d in a cgroup",
    files: { run: LEAVES, files: { cgroup: "", "timeout-kill": "200" } },
    prepare: (fault) => fault.up(),
    trigger: svc("-d"),
    done: (fault) => !up(fault),
  },
  {
    name: "svc -t with control/t",
    files: { ...plain, files: { "control/t": "#!/bin/sh\nexit 1\n", "control/u": "#!/bin/sh\nexit 0\n" } },
    prepare: (fault) => fault.up(),
    trigger: svc("-t"),
    done: restarted("a"),
  },
  {
    name: "SIGUSR2",
    files: pair,
    prepare: (fault) => fault.up("a/log"),
    trigger: (fault) => fault.supervisor?.signal("SIGUSR2"),
    done: (fault) => fault.isNew(),
  },
  {
    name: "orderly stop",
    files: pair,
    prepare: (fault) => fault.up("a/log"),
    trigger: (fault) => fault.supervisor?.signal("SIGTERM"),
    done: (fault) => fault.supervisor?.running === false,
  },
];

/** A moment in the supervisor's life: just before its N-th call of that name. strace counts each name by itself. */
export type Moment = {
  readonly call: string;
  readonly nth: number;
  /** It is a call of the process that is being started, which is held there until the supervisor is dead. */
  readonly held?: true;
};

/** How long strace holds a new process, in microseconds: longer than the next supervisor takes to look for it. */
const HOLD_US = 700_000;

/** What one kill led to. */
export type Outcome = {
  /** The moment came. */
  readonly killed: boolean;
  /** From the start of the next supervisor until all was right again, in milliseconds. */
  readonly ms: number;
};

/** How long a traced supervisor must have been quiet to be taken as finished, in milliseconds. */
const QUIET_MS = 150;

/** One run of one scenario. */
export class Fault implements AsyncDisposable {
  readonly box = new Sandbox();
  supervisor: Running | undefined;
  /** The pid that the scenario begins with. */
  before = 0;
  private tracer: Running | undefined;
  private readonly scan: string;

  constructor(readonly scenario: Scenario) {
    this.scan = this.box.directory("scan");
    for (const [name, text] of Object.entries(scenario.scanFiles ?? {}))
      this.box.file(`scan/.tend/${name}`, text);
    this.box.service("scan/a", scenario.files);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.box[Symbol.asyncDispose]();
  }

  supervise(): void {
    this.supervisor = this.box.svscan(this.scan);
  }

  status(part = "a"): Status | undefined {
    return this.box.status(`scan/${part}`);
  }

  pidOf(part: string): number {
    return this.status(part)?.pid ?? 0;
  }

  /** A supervisor listens. */
  answers(part = "a"): boolean {
    return Bun.spawnSync([ours("svok"), `${this.scan}/${part}`]).exitCode === 0;
  }

  async listening(part = "a"): Promise<void> {
    await until(() => this.answers(part), `${part} has a supervisor`);
  }

  /** Waits until the service and, with a logger, both are there; remembers the pid of `part`. */
  async up(part = "a"): Promise<void> {
    for (const each of this.parts) {
      await this.listening(each);
      await until(() => this.copies(each).length === 1 && up(this, each), `${each} is up`);
    }
    this.before = this.pidOf(part);
    if (part === "a/log") await until(() => this.lines !== "", "a line is logged");
  }

  /** Leaves the service without a supervisor. */
  async orphan(): Promise<void> {
    if (this.supervisor === undefined) this.supervise();
    await this.up();
    await this.kill();
  }

  async kill(): Promise<void> {
    this.supervisor?.signal("SIGKILL");
    await this.supervisor?.ended();
  }

  svc(letters: string): void {
    Bun.spawnSync([ours("svc"), letters, `${this.scan}/a`]);
  }

  /** The traced supervisor has become a new image, and that has taken everything. */
  isNew(): boolean {
    const trace = this.trace;
    const at = trace.lastIndexOf("execve(");
    return at >= 0 && trace.indexOf("epoll_wait(", at) >= 0;
  }

  /** How often the service was started. */
  get starts(): number {
    return readFileSync(this.box.at("scan/a/starts"), "latin1").split("\n").length - 1;
  }

  /** It is noted that the service is ready. */
  get ready(): boolean {
    const record = this.box.at("scan/a/supervise/record");
    if (!existsSync(record)) return false;
    const bytes = new Uint8Array(RECORD_SIZE);
    bytes.set(readFileSync(record).subarray(0, RECORD_SIZE));
    return new ServiceRecord(bytes).readiness.told?.ready === true;
  }

  private get parts(): string[] {
    return this.scenario.files.log === undefined ? ["a"] : ["a", "a/log"];
  }

  /** Every process that `run` of `part` ever was, and still is. */
  copies(part: string): number[] {
    return this.noted("starts", part).filter(alive);
  }

  private noted(name: string, part = "a"): number[] {
    const file = this.box.at("scan", part, name);
    const lines = existsSync(file) ? readFileSync(file, "latin1").split("\n") : [];
    return lines.filter((line) => line !== "").map(Number);
  }

  private get lines(): string {
    const file = this.box.at("scan/a/log/lines");
    return existsSync(file) ? readFileSync(file, "latin1") : "";
  }

  private get trace(): string {
    const file = this.box.at("trace");
    return existsSync(file) ? readFileSync(file, "latin1") : "";
  }

  /** Brings the scenario under way under strace, which does as `inject` says at that moment. */
  private async begin(moment: Moment | undefined, what: string): Promise<Running> {
    const { scenario, box } = this;
    const inject = moment === undefined ? [] : ["-e", `inject=${moment.call}:${what}:when=${moment.nth}`];
    const strace = ["strace", "-o", box.at("trace"), "-e", `trace=${CALLS}`, ...inject];
    if (scenario.first) {
      await scenario.prepare?.(this);
      this.tracer = box.start([...strace, ours("svscan"), this.scan]);
    } else {
      this.supervise();
      await scenario.prepare?.(this);
      const { supervisor } = this;
      if (supervisor === undefined) throw new Error("no supervisor");
      this.tracer = box.start([...strace, "-p", String(supervisor.pid)]);
      const { tracer } = this;
      await until(() => tracer.stderr.includes("attached"), "strace is attached");
      scenario.trigger?.(this);
    }
    return this.tracer;
  }

  /** Runs the scenario under strace, with a kill at that moment or with none. @returns whether it was killed */
  private async perform(moment: Moment | undefined): Promise<boolean> {
    const { scenario } = this;
    const tracer = await this.begin(moment, "signal=KILL");
    let seen = "";
    let since = performance.now();
    await until(() => {
      if (!tracer.running) return true;
      const { trace } = this;
      if (trace !== seen) since = performance.now();
      seen = trace;
      return performance.now() - since > QUIET_MS && scenario.done(this);
    }, `"${scenario.name}" is done`);
    const killed = /^\+\+\+ killed by SIGKILL/m.test(this.trace);
    if (tracer.running) {
      for (const child of scenario.first ? childrenOf(tracer.pid) : []) process.kill(child, "SIGKILL");
      if (!scenario.first) await this.kill();
    }
    await tracer.ended();
    if (!scenario.first) await this.supervisor?.ended();
    return killed;
  }

  /** Kills the supervisor while the process that it starts is held at a call of its own. */
  private async performHeld({ call, nth }: Moment): Promise<boolean> {
    const { scenario, box } = this;
    this.supervise();
    await scenario.prepare?.(this);
    const { supervisor } = this;
    if (supervisor === undefined) throw new Error("no supervisor");
    const inject = `inject=${call}:delay_enter=${HOLD_US}:when=${nth}`;
    const strace = ["strace", "-f", "-o", box.at("trace"), "-e", `trace=${call}`, "-e", inject];
    const tracer = box.start([...strace, "-p", String(supervisor.pid)]);
    await until(() => tracer.stderr.includes("attached"), "strace is attached");
    const before = new Set(childrenOf(supervisor.pid));
    scenario.trigger?.(this);
    await until(
      () => childrenOf(supervisor.pid).some((child) => !before.has(child) && alive(child)),
      "a process is being started",
    );
    await this.kill();
    return true;
  }

  /** Every moment of the scenario. */
  async moments(): Promise<Moment[]> {
    await this.perform(undefined);
    const calls = [...this.trace.matchAll(/^(\w+)\(/gm)].map((match) => match[1] as string);
    const counts = new Map<string, number>();
    const moments = calls.map((call): Moment => {
      const nth = (counts.get(call) ?? 0) + 1;
      counts.set(call, nth);
      return { call, nth };
    });
    // What the runtime does at its start is not ours, and leaves no trace: ours begins where the directory is entered.
    return this.scenario.first ? moments.slice(calls.indexOf("chdir")) : moments;
  }

  /** Kills at that moment, starts another supervisor, and sees to it that all is right. @throws {Error} what is not */
  async run(moment: Moment): Promise<Outcome> {
    const killed = await (moment.held ? this.performHeld(moment) : this.perform(moment));
    const began = performance.now();
    this.supervise();
    await until(() => this.parts.every((part) => this.right(part)), "one copy, and the status tells it");
    const ms = performance.now() - began;
    // A copy too many would be there by now, or come with the next start.
    await this.steady();
    await this.end();
    return { killed, ms };
  }

  /**
   * Has the call fail at that moment. The supervisor lives on and gets everything right, or says that it cannot begin, or that
   * it stays the one it was.
   */
  async fail(moment: Moment, error: string): Promise<Outcome> {
    const { scenario } = this;
    const began = performance.now();
    const tracer = await this.begin(moment, `error=${error}`);
    const pid = scenario.first
      ? await until(() => childrenOf(tracer.pid).find(isSvscan) ?? (!tracer.running && -1), "it is there")
      : (this.supervisor?.pid ?? -1);
    const said = (): string => (scenario.first ? tracer.stderr : (this.supervisor?.stderr ?? ""));
    const done = (): boolean =>
      (scenario.done(this) && this.parts.every((part) => this.right(part))) ||
      said().includes("unable to re-execute");
    await until(() => !alive(pid) || done(), "it is done all the same", 30_000);
    const outcome = { killed: this.trace.includes("(INJECTED)"), ms: performance.now() - began };
    if (alive(pid)) {
      await this.steady();
      signal(pid, "SIGTERM");
      await until(() => !alive(pid), "it stops");
    } else if (scenario.name === "orderly stop" || scenario.name === "svc -dx") return outcome;
    else if (!scenario.first || !/^svscan: fatal: /m.test(said())) throw new Error(`it died: ${said()}`);
    await tracer.ended();
    this.supervise();
    await until(() => this.parts.every((part) => this.right(part)), "all is right with the next one");
    await this.end();
    return outcome;
  }

  private right(part: string): boolean {
    if (!this.answers(part)) return false;
    const status = this.status(part);
    const copies = this.copies(part);
    if (copies.length > 1) throw new Error(`${part}: ${copies.length} copies`);
    if (status === undefined || (status.want === "up" && status.pid === 0)) return false;
    if (status.want === "down" && status.pid !== 0) return false;
    if (this.scenario.ends && status.want === "up") return false;
    if (this.scenario.ready && part === "a" && !this.ready) return false;
    return status.pid === 0 ? copies.length === 0 : copies[0] === status.pid;
  }

  /** Waits until nothing has changed for a moment: what was ending when it was adopted has been started anew. */
  private async steady(): Promise<void> {
    let since = performance.now();
    let before = "";
    await until(() => {
      const right = this.parts.every((part) => this.right(part));
      const now = this.parts.map((part) => this.pidOf(part)).join();
      if (!right || now !== before) since = performance.now();
      before = now;
      return performance.now() - since > 100;
    }, "all stays as it is");
  }

  /** The new supervisor stops everything: nothing is left, and the log holds every line, once. */
  private async end(): Promise<void> {
    this.supervisor?.signal("SIGTERM");
    const { code, signal } = (await this.supervisor?.ended()) ?? { code: null, signal: null };
    if (code !== 0) throw new Error(`the new supervisor ended with ${signal ?? code}`);
    for (const part of this.parts) {
      if (this.copies(part).length > 0) throw new Error(`${part}: still there at the end`);
    }
    if (this.scenario.files.files?.["finish"] !== undefined) {
      const finished = this.noted("finishes");
      const unfinished = this.noted("starts").filter((pid) => !finished.includes(pid));
      if (unfinished.length > 0) throw new Error(`no finish for ${unfinished.join(", ")}`);
    }
    if (this.scenario.files.log === undefined) return;
    const last = new Map<string, number>();
    for (const line of this.lines.split("\n").slice(0, -1)) {
      const [pid = "", word = "", count] = line.split(" ");
      const before = last.get(pid) ?? 0;
      // Between a line and its count, TERM may come.
      const right =
        word === "end"
          ? before === Number(count) || before === Number(count) + 1
          : before === Number(word) - 1;
      if (!right) throw new Error(`line "${line}" comes after ${before}`);
      last.set(pid, word === "end" ? Number.NaN : Number(word));
    }
    if (last.size === 0) throw new Error("no line was logged");
  }
}

/** Runs the scenario with a kill at that moment. @throws {Error} with what the supervisors said */
export async function killAt(scenario: Scenario, moment: Moment): Promise<Outcome> {
  await using fault = new Fault(scenario);
  try {
    return await fault.run(moment);
  } catch (error) {
    const said = fault.supervisor?.stderr ?? "";
    throw new Error(
      `${scenario.name}, killed at ${moment.call} ${moment.nth}${moment.held ? " of the child" : ""}: ${said}`,
      { cause: error },
    );
  }
}

/** Not one of those that strace makes for itself at its start. */
function isSvscan(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith(`${ours("svscan")}\0`);
  } catch {
    return false;
  }
}

/** How a system call can fail for want of something, or for no reason of ours. */
export const FAILURES: { readonly [call: string]: readonly string[] } = {
  clone3: ["EAGAIN", "ENOMEM"],
  dup: ["EMFILE"],
  epoll_ctl: ["ENOMEM"],
  epoll_create1: ["EMFILE"],
  fchmod: ["EIO"],
  fcntl: ["EMFILE"],
  flock: ["ENOLCK"],
  fstat: ["EIO"],
  getdents64: ["ENOMEM"],
  inotify_add_watch: ["ENOSPC"],
  inotify_init1: ["EMFILE"],
  linkat: ["ENOSPC"],
  memfd_create: ["ENFILE"],
  mkdirat: ["ENOSPC"],
  mknodat: ["ENOSPC"],
  newfstatat: ["ENOMEM"],
  openat: ["EMFILE", "ENFILE", "ENOSPC", "ENOMEM"],
  pidfd_open: ["EMFILE", "ENOMEM"],
  pidfd_send_signal: ["ENOMEM"],
  pipe2: ["EMFILE"],
  pread64: ["EIO"],
  pwrite64: ["ENOSPC", "EIO"],
  read: ["EIO"],
  readlinkat: ["ENOMEM"],
  renameat2: ["ENOSPC", "EIO"],
  signalfd4: ["EMFILE"],
  statx: ["ENOMEM"],
  unlinkat: ["EIO"],
  vfork: ["EAGAIN", "ENOMEM"],
  write: ["ENOSPC"],
};

/** Runs the scenario with a call that fails at that moment. @throws {Error} with what the supervisor said */
export async function failAt(scenario: Scenario, moment: Moment, error: string): Promise<Outcome> {
  await using fault = new Fault(scenario);
  try {
    return await fault.fail(moment, error);
  } catch (cause) {
    const said = fault.supervisor?.stderr ?? "";
    throw new Error(`${scenario.name}, ${error} at ${moment.call} ${moment.nth}: ${said}`, { cause });
  }
}

/** Every moment at which the scenario's supervisor can be killed. */
export async function momentsOf(scenario: Scenario): Promise<Moment[]> {
  await using fault = new Fault(scenario);
  return await fault.moments();
}

/** The moments of a process that is being started at which its supervisor can be killed; `execve` is its last. */
export const heldMoments: readonly Moment[] = [
  { call: "fchdir", nth: 1, held: true },
  { call: "execve", nth: 1, held: true },
];
