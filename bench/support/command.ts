// Starting, timing and ending processes for the benchmarks. It uses the project's own posix_spawn, so a timed start costs
// what the kernel asks and nothing of the runtime's.
import { readdirSync, readFileSync } from "node:fs";
import { monotonic } from "../../src/sys/clock.ts";
import { environment, environmentOf } from "../../src/sys/environment.ts";
import { ErrnoError } from "../../src/sys/errno.ts";
import { O_APPEND, O_CREAT, O_RDWR } from "../../src/sys/files.ts";
import { RUNTIME_IGNORES } from "../../src/sys/inherited.ts";
import { type FileAction, getpid, kill, prctl, Spawner, waitFor } from "../../src/sys/process.ts";
import { fd, type Pid, pid } from "../../src/units/units.ts";

const PR_SET_CHILD_SUBREAPER = 36;
const attributes = { mask: 0n, defaults: RUNTIME_IGNORES };
const spawner = new Spawner(attributes, environment());

// What our children leave behind becomes ours, so that nothing escapes `endAll`.
prctl(PR_SET_CHILD_SUBREAPER, 1);

export type Setting = {
  /** Paths; /dev/null unless given. `stdout` and `stderr` are created and appended to. */
  readonly stdin?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  /** Only these variables, each `NAME=VALUE`, instead of this process's. */
  readonly env?: readonly string[];
};

/** Milliseconds since some moment, with fractions. */
export const now = (): number => monotonic();

/** Starts `argv`; argv[0] is a path with a slash. @throws {ErrnoError} */
export function start(argv: readonly string[], setting: Setting = {}): Pid {
  const { stdin = "/dev/null", stdout = "/dev/null", stderr = "/dev/null", env } = setting;
  const flags = O_RDWR | O_CREAT | O_APPEND;
  const actions: FileAction[] = [
    { do: "open", to: fd(0), path: stdin, flags: 0 },
    { do: "open", to: fd(1), path: stdout, flags, mode: 0o600 },
    { do: "open", to: fd(2), path: stderr, flags, mode: 0o600 },
  ];
  const [file = ""] = argv;
  const own = env === undefined ? spawner : new Spawner(attributes, environmentOf(env));
  return own.spawn(file, argv, actions);
}

/** Runs `argv` to its end. @returns the milliseconds from before its start until it was waited for */
export function timed(argv: readonly string[], setting: Setting = {}): number {
  const before = now();
  const { status } = waitFor(start(argv, setting));
  const after = now();
  if (status !== 0) throw new Error(`${argv.join(" ").slice(0, 200)}: wait status ${status}`);
  return after - before;
}

type Process = { readonly pid: Pid; readonly parent: number };

function processes(): Process[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const [, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return [{ pid: pid(Number(name)), parent: Number(parent) }];
    } catch {
      return []; // It ended meanwhile.
    }
  });
}

/** The processes that `root` started, and those that they started, parents first; `root` is not among them. */
export function descendants(root: number): Pid[] {
  const children = new Map<number, Process[]>();
  for (const one of processes()) {
    const siblings = children.get(one.parent);
    if (siblings === undefined) children.set(one.parent, [one]);
    else siblings.push(one);
  }
  const found: Pid[] = [];
  const visit = (parent: number): void => {
    for (const child of children.get(parent) ?? []) {
      found.push(child.pid);
      visit(child.pid);
    }
  };
  visit(root);
  return found;
}

/** Kills `root` and everything below it, and waits until all of it is gone. */
export function endTree(root: Pid): void {
  const below = descendants(root);
  for (const one of [root, ...below]) quietly(() => kill(one, "SIGKILL"));
  // Orphans become ours one generation after the other: every one of them can be waited for in the end.
  for (const one of [root, ...below]) quietly(() => waitFor(one));
}

/** Kills whatever this process ever started and has not waited for. */
export function endAll(): void {
  for (let left = descendants(getpid()); left.length > 0; left = descendants(getpid())) {
    for (const one of left) quietly(() => kill(one, "SIGKILL"));
    for (const one of left) quietly(() => waitFor(one));
  }
}

function quietly(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
  }
}
