// A place of a test's own: a temporary directory, service directories in it, and processes. When it is disposed of, every
// process that was started in it is killed, with all that these started, and the directory is removed.
//
//   await using box = new Sandbox();
//   const dir = box.service("web", { run: "#!/bin/sh\nexec sleep 1000\n" });
//   const supervisor = box.start([ours("supervise"), dir]);
//   await until(() => box.status("web")?.pid, "web is up");
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { decodeStatus, type Status } from "../../src/formats/status.ts";
import { ours } from "./programs.ts";
import { until } from "./until.ts";

/** What a service directory is made of. */
export type ServiceFiles = {
  /** `run`, executable; none if left out. */
  readonly run?: string;
  readonly down?: boolean;
  /** `log/run`, executable. */
  readonly log?: string;
  /** More files, by path in the directory; one that begins with `#!` is executable. */
  readonly files?: { readonly [path: string]: string };
};

export type StartOptions = {
  /** Default: the sandbox's directory. */
  readonly cwd?: string;
  /** Changes to the environment of the test; undefined removes a variable. */
  readonly env?: { readonly [name: string]: string | undefined };
  /** Default: nothing to read. */
  readonly stdin?: string | Uint8Array;
  readonly argv0?: string;
};

/** A program that has ended. Output is text with one character for each byte. */
export type Ended = {
  /** The exit code; null if a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** A service that does nothing, without using a processor. */
export const SLEEPER = "#!/bin/sh\nexec sleep 100000\n";

let made = 0;
/** What a test that was cut short did not dispose of. */
const undisposed = new Set<Sandbox>();
process.on("exit", () => {
  for (const box of undisposed) box.clear();
});

export class Sandbox implements AsyncDisposable {
  /** The temporary directory. */
  readonly path: string;
  /** In the environment of every process of this sandbox: that is how they are found. */
  private readonly mark: string;
  /** The sessions of what was started, with the tick at which each leader was: the number may be another's one day. */
  private readonly sessions = new Map<number, number>();
  private outputs = 0;

  /** @param parent where the directory is made, for a test that needs a certain file system */
  constructor(parent: string = tmpdir()) {
    this.path = mkdtempSync(join(parent, "tend-test-"));
    this.mark = `TEND_TEST_SANDBOX=${process.pid}-${++made}-${Date.now()}`;
    undisposed.add(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.clear();
  }

  /** The path of `name` in the sandbox. */
  at(...names: string[]): string {
    return join(this.path, ...names);
  }

  /** Whether there is anything called `name` in the sandbox. */
  has(name: string): boolean {
    return existsSync(this.at(name));
  }

  /** Makes a directory, with those above it. @returns its path */
  directory(...names: string[]): string {
    const path = this.at(...names);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Writes a file, with the directories above it; one that begins with `#!` is executable. @returns its path */
  file(name: string, content: string | Uint8Array): string {
    const path = this.at(name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, content);
    if (typeof content === "string" && content.startsWith("#!")) chmodSync(path, 0o755);
    return path;
  }

  /** Makes the service directory `name`: by default of a service that sleeps. @returns its path */
  service(name: string, { run = SLEEPER, down, log, files }: ServiceFiles = {}): string {
    const path = this.at(name);
    // Complete before it has its name: a svscan may look at any moment. One that is there is added to.
    const place = existsSync(path) ? name : join(dirname(name), `.new-${++this.outputs}`);
    this.directory(place);
    if (log !== undefined) this.file(`${place}/log/run`, log);
    for (const [file, content] of Object.entries(files ?? {})) this.file(`${place}/${file}`, content);
    if (down === true) this.file(`${place}/down`, "");
    if (run !== "") this.file(`${place}/run`, run);
    if (place !== name) renameSync(this.at(place), path);
    return path;
  }

  /** The environment of a process of this sandbox. */
  private env(changes: StartOptions["env"] = {}): { [name: string]: string } {
    const [name = "", value = ""] = this.mark.split("=");
    const all = { ...process.env, ...changes, [name]: value };
    return Object.fromEntries(
      Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
  }

  /** Starts a program in a session of its own. */
  start(words: readonly string[], { cwd = this.path, env, stdin, argv0 }: StartOptions = {}): Running {
    const name = join(this.path, `.output-${++this.outputs}`);
    const files = { stdout: `${name}.stdout`, stderr: `${name}.stderr` };
    const child = Bun.spawn([...words], {
      cwd,
      env: this.env(env),
      stdin:
        stdin === undefined ? "ignore" : typeof stdin === "string" ? Buffer.from(stdin, "latin1") : stdin,
      stdout: Bun.file(files.stdout),
      stderr: Bun.file(files.stderr),
      detached: true,
      ...(argv0 === undefined ? {} : { argv0 }),
    });
    this.sessions.set(child.pid, stat(child.pid).started);
    return new Running(words, child, files);
  }

  /** Runs a program to its end. @throws {Error} if that takes longer than `deadlineMs` */
  async run(words: readonly string[], options: StartOptions = {}, deadlineMs?: number): Promise<Ended> {
    return this.start(words, options).ended(deadlineMs);
  }

  /** Starts our `svscan` (or another's) on a directory. */
  svscan(directory: string, options: StartOptions = {}, program = ours("svscan")): Running {
    return this.start([program, directory], options);
  }

  /** Starts our `supervise` (or another's) on a service directory. */
  supervise(directory: string, options: StartOptions = {}, program = ours("supervise")): Running {
    return this.start([program, directory], options);
  }

  /** supervise/status of a service directory, as bytes; undefined where there is none. */
  statusBytes(directory: string): Uint8Array | undefined {
    const file = join(this.path, directory.startsWith("/") ? "" : directory, "supervise/status");
    const path = directory.startsWith("/") ? join(directory, "supervise/status") : file;
    if (!existsSync(path)) return undefined;
    // A fifo in its place must not make the test wait.
    const open = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return new Uint8Array(readFileSync(open));
    } finally {
      closeSync(open);
    }
  }

  /** What supervise/status says; undefined where there is none yet. */
  status(directory: string): Status | undefined {
    const bytes = this.statusBytes(directory);
    return bytes === undefined ? undefined : decodeStatus(bytes);
  }

  /** Waits until the service is up, with another pid than `before`. @returns its pid */
  async up(directory: string, before = 0): Promise<number> {
    return until(
      () => {
        const pid = this.status(directory)?.pid ?? 0;
        return pid !== 0 && pid !== before && alive(pid) && pid;
      },
      `${directory} is up${before === 0 ? "" : ` with another pid than ${before}`}`,
    );
  }

  /**
   * The same for a service that leads a process group: while somebody is left of the group of the run before, the status tells
   * of one of those. @returns the leader's pid
   */
  async upLeading(directory: string, before: number): Promise<number> {
    return until(() => {
      const pid = this.status(directory)?.pid ?? 0;
      return pid !== 0 && pid !== before && alive(pid) && stat(pid).group === pid && pid;
    }, `${directory} is up with another leader than ${before}`);
  }

  /** Waits until the service is up and has become `program`, so that it needs its `run` no more. @returns its pid */
  async became(program: string, directory: string): Promise<number> {
    const pid = await this.up(directory);
    const comm = () => readFileSync(`/proc/${pid}/comm`, "latin1").trimEnd();
    await until(() => comm() === program, `${directory} has become ${program}`);
    return pid;
  }

  /** Waits until the status says that the service is down. */
  async down(directory: string): Promise<void> {
    await until(() => this.status(directory)?.pid === 0, `${directory} is down`);
  }

  /** The processes of this sandbox, zombies left out. */
  pids(): number[] {
    const owned = new Set(allPids().filter((pid) => this.owns(pid)));
    // A daemon's worker may show neither environment nor arguments of its own: its parent's do.
    const isNew = (pid: number) => !owned.has(pid) && owned.has(parentOf(pid));
    for (let more = [...owned]; more.length > 0; ) {
      more = allPids().filter(isNew);
      for (const pid of more) owned.add(pid);
    }
    return [...owned];
  }

  private owns(pid: number): boolean {
    if (pid === process.pid) return false;
    try {
      const { state, session } = stat(pid);
      if (state === "Z" || state === "X") return false;
      const variables = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
      if (variables.includes(this.mark)) return true;
      // The mark of somebody else.
      const marked = variables.some((variable) => variable.startsWith("TEND_TEST_"));
      if (!marked && this.leads(session)) return true;
      // svscanboot empties the environment, and nginx writes its title over it, which begins with its arguments.
      return (
        readlinkSync(`/proc/${pid}/cwd`).startsWith(`${this.path}/`) ||
        readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(`${this.path}/`)
      );
    } catch {
      return false; // gone, or not ours to read
    }
  }

  /**
   * Whether a session is one of ours. In a run of all tests there are as many processes as there are numbers: a leader of that
   * number may be another's. Without a leader it is ours, for the number is not given away while somebody is in the session.
   */
  private leads(session: number): boolean {
    const started = this.sessions.get(session);
    if (started === undefined) return false;
    try {
      return started === stat(session).started;
    } catch {
      return true;
    }
  }

  /** Kills every process and removes the directory. */
  clear(): void {
    for (let round = 0; round < 1000; round++) {
      const left = this.pids();
      if (left.length === 0) break;
      // A supervisor may start one more while we look: all are stopped by the time none is found.
      for (const pid of left) signal(pid, "SIGKILL");
    }
    undisposed.delete(this);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A program that was started. */
export class Running {
  constructor(
    private readonly words: readonly string[],
    private readonly child: Bun.Subprocess,
    private readonly files: { readonly stdout: string; readonly stderr: string },
  ) {}

  get pid(): number {
    return this.child.pid;
  }

  /** Whether it has not ended. */
  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** What it, and what it started, wrote so far: one character for each byte. */
  get stdout(): string {
    return readFileSync(this.files.stdout, "latin1");
  }
  get stderr(): string {
    return readFileSync(this.files.stderr, "latin1");
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Waits until it has ended. @throws {Error} after `deadlineMs` */
  async ended(deadlineMs?: number): Promise<Ended> {
    await until(() => !this.running, `${this.words.join(" ")} has ended`, deadlineMs);
    const { exitCode: code } = this.child;
    const signalCode = this.child.signalCode as NodeJS.Signals | null;
    return {
      code: signalCode === null ? code : null,
      signal: signalCode,
      stdout: this.stdout,
      stderr: this.stderr,
    };
  }
}

/** Every process there is. */
export const allPids = (): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** Sends a signal; a process that is gone is no error. @throws {Error} for 0 and less, which stand for many in kill(2) */
export function signal(pid: number, name: NodeJS.Signals): void {
  if (!(pid > 0)) throw new Error(`${pid} is no process`);
  try {
    process.kill(pid, name);
  } catch {
    // gone
  }
}

/** Whether a process is there and not a zombie. */
export function alive(pid: number): boolean {
  try {
    return !["Z", "X"].includes(stat(pid).state);
  } catch {
    return false;
  }
}

/** Fields of /proc/PID/stat. proc(5) @throws if there is no such process */
export function stat(pid: number): {
  state: string;
  parent: number;
  group: number;
  session: number;
  /** In ticks since the machine was started. */
  started: number;
} {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state = "", parent, group, session] = fields;
  return {
    ...{ state, parent: Number(parent), group: Number(group), session: Number(session) },
    started: Number(fields[19]),
  };
}

/** What the descriptors of a process stand for, as far as they have names. */
export const openFiles = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap((file) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${file}`)];
    } catch {
      return []; // closed meanwhile
    }
  });

/** The parent of a process; 0 if it is gone or a zombie. */
export function parentOf(pid: number): number {
  try {
    const { state, parent } = stat(pid);
    return state === "Z" || state === "X" ? 0 : parent;
  } catch {
    return 0;
  }
}

/** The processes whose parent is `pid`, zombies too. */
export function childrenOf(pid: number): number[] {
  return allPids().filter((child) => {
    try {
      return stat(child).parent === pid;
    } catch {
      return false;
    }
  });
}

/** The name of the program that a process runs; empty if it is gone. */
export function comm(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "latin1").trimEnd();
  } catch {
    return "";
  }
}

/** Whether it is the process that holds a svscan's log pipes. */
export function isKeeper(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1") === "tend-pipes\0";
  } catch {
    return false;
  }
}

/** The processes that a svscan has started for its services. */
export const startedBy = (svscan: number): number[] => childrenOf(svscan).filter((pid) => !isKeeper(pid));
