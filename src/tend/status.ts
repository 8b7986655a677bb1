// tend status - shows services in a table, or as JSON. tend-status(1)
// It reads what supervisors leave for everybody to read: supervise/status, supervise/record and /proc. It changes nothing.
import { FormatError } from "../formats/format-error.ts";
import { type Failure, RECORD_SIZE, ServiceRecord } from "../formats/service-record.ts";
import { decodeStatus, STATUS_SIZE, type Status } from "../formats/status.ts";
import { bootTicks, TICKS_PER_SECOND, wallTime } from "../sys/clock.ts";
import { getenv } from "../sys/environment.ts";
import { EACCES, ENOENT, ENXIO, ErrnoError } from "../sys/errno.ts";
import {
  AT_FDCWD,
  close,
  existsat,
  fstat,
  isTerminal,
  O_DIRECTORY,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  openat,
  read,
  readdir,
  readFile,
  readlinkat,
  statat,
} from "../sys/files.ts";
import { type ByteString, type Fd, fd } from "../units/units.ts";
import { ProcessTable } from "./process-table.ts";
import { exitSignal, type LastExit, type Row, type RunState, toJson, toTable } from "./status-rows.ts";

/** What is to be printed where, and the exit code. */
export type Outcome = {
  readonly output: ByteString;
  readonly error: ByteString;
  readonly code: 0 | 100 | 111;
};

const USAGE = "tend: usage: tend status [--json] [directory ...]\n";
const NO_SCAN = "no scan directory: there is no SVDIR, no /service and no svscan";

/** The verb, with the words after it. */
export function status(words: readonly ByteString[]): Outcome {
  const end = words.includes("--") ? words.indexOf("--") : words.length;
  const options = words.slice(0, end).filter((word) => word.startsWith("-"));
  const json = options.length > 0;
  if (options.some((word) => word !== "--json")) return { output: "", error: USAGE, code: 100 };
  const directories = [...words.slice(0, end).filter((word) => word !== "--json"), ...words.slice(end + 1)];
  const given = directories.length > 0 ? directories : scanDirectory();
  if (!Array.isArray(given)) return { output: "", error: `tend: fatal: ${given}\n`, code: 111 };
  try {
    const rows = given.flatMap((directory) => servicesIn(directory).map((path) => rowOf(path, directory)));
    const color = isTerminal(fd(1)) && (getenv("NO_COLOR") ?? "") === "" && getenv("TERM") !== "dumb";
    return { output: json ? toJson(rows) : toTable(rows, color), error: "", code: 0 };
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
    return {
      output: "",
      error: `tend: fatal: unable to read ${error.path ?? "directory"}: ${error.text}\n`,
      code: 111,
    };
  }
}

/** $SVDIR, /service, or the working directory of a svscan that runs; else why there is none. */
function scanDirectory(): readonly [ByteString] | ByteString {
  let problem: ByteString = NO_SCAN;
  const named = getenv("SVDIR");
  if (named !== undefined && named !== "") return [named];
  if (existsat(AT_FDCWD, "/service")) return ["/service"];
  for (const name of names("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    try {
      const [argv0 = "", first = ""] = readFile(`/proc/${name}/cmdline`).split("\0");
      const called = argv0.slice(argv0.lastIndexOf("/") + 1);
      if (called !== "svscan" && !(called === "tend" && first === "svscan")) continue;
      return [readlinkat(AT_FDCWD, `/proc/${name}/cwd`)];
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      // Anybody may read the command line, not everybody the directory.
      if (error.errno === EACCES) problem = `unable to find the directory of svscan ${name}: ${error.text}`;
    }
  }
  return problem;
}

function names(path: ByteString): ByteString[] {
  const directory = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  try {
    return readdir(directory);
  } finally {
    close(directory);
  }
}

/** The directory itself if it is a service's, else the services in it. @throws {ErrnoError} if it cannot be read */
function servicesIn(path: ByteString): ByteString[] {
  if (["run", "supervise"].some((name) => isThere(`${path}/${name}`))) return [path];
  return names(path)
    .filter((name) => !name.startsWith("."))
    .sort()
    .map((name) => `${path}/${name}`)
    .filter((service) => {
      try {
        return statat(AT_FDCWD, service).type === "directory";
      } catch (error) {
        if (error instanceof ErrnoError) return false;
        throw error;
      }
    });
}

function isThere(path: ByteString): boolean {
  try {
    return existsat(AT_FDCWD, path);
  } catch (error) {
    if (error instanceof ErrnoError) return false;
    throw error;
  }
}

let table: ProcessTable | undefined;
/** What there is, once somebody asks. */
function processes(): ProcessTable {
  table ??= new ProcessTable();
  return table;
}

/** What can be said of the service at `path`, with its logger unless it is one. */
function rowOf(path: ByteString, given: ByteString, logger = false): Row {
  const problems: ByteString[] = [];
  /** What `act` returns; undefined, and noted, where it may not be done. What is not there is no problem. */
  const reading = <Result>(what: ByteString, act: () => Result): Result | undefined => {
    try {
      return act();
    } catch (error) {
      if (error instanceof FormatError) problems.push(`unable to read ${what}: bad format`);
      else if (!(error instanceof ErrnoError)) throw error;
      else if (error.errno !== ENOENT) problems.push(`unable to read ${what}: ${error.text}`);
      return undefined;
    }
  };
  const supervised = reading("supervise/ok", () => isSupervised(path));
  const denied = supervised === undefined && problems.length > 0;
  const told = denied
    ? undefined
    : reading("supervise/status", () => decodeStatus(bytesOf(path, "status", STATUS_SIZE)));
  const record = denied ? undefined : reading("supervise/record", () => recordOf(path));
  const down = reading("down", () => existsat(AT_FDCWD, `${path}/down`));
  const state = denied ? "unknown" : supervised ? stateOf(told, record) : "unsupervised";
  const shown = supervised && told !== undefined ? told.pid : 0;
  // The status that names who is left is written a moment after the record.
  const pid = state === "emptying" && shown === record?.pid ? 0 : shown;
  const noted = record?.pid === pid || state === "emptying" ? record : undefined;
  const leader = state === "emptying" ? (record?.pid ?? 0) : pid;
  const usage = leader === 0 ? undefined : processes().usage(leader, noted?.set, noted?.cgroup ?? "");
  // What is noted is of the process that is noted.
  const readiness = pid === 0 ? undefined : noted?.readiness.told;
  return {
    name: path === given ? path : path.slice(path.lastIndexOf("/") + 1),
    state,
    ready: readiness?.ready ?? null,
    statusText: readiness === undefined || readiness.text === "" ? null : readiness.text,
    pid: pid === 0 ? null : pid,
    want: supervised && told !== undefined ? told.want : null,
    normallyUp: down === undefined ? null : !down,
    seconds: supervised && told !== undefined ? age(told) : null,
    restarts: record === undefined ? null : Math.max(0, record.starts - 1),
    lastExit: record === undefined ? null : lastExitOf(record),
    failure: record?.failed === undefined ? null : FAILURES[record.failed],
    nextStartSeconds:
      record !== undefined && (state === "backoff" || state === "limit" || state === "queue")
        ? secondsTo(record.fare?.until ?? 0)
        : null,
    left: state === "emptying" ? (usage?.processes ?? []) : null,
    processes: usage?.processes.length ?? null,
    memoryBytes: usage?.memoryBytes ?? null,
    cpuSeconds: usage?.cpuSeconds ?? null,
    problems,
    log: !logger && isThere(`${path}/log`) ? rowOf(`${path}/log`, given, true) : null,
  };
}

const FAILURES = {
  "run-100": "run exited 100",
  "finish-125": "finish exited 125",
  "start-limit": "started too often",
  "restart-never": "not restarted",
} as const satisfies Record<Failure, string>;
const REASONS = { watchdog: "watchdog", "not-ready": "not ready in time" } as const;

/** @throws {ErrnoError} if that may not be asked */
function isSupervised(path: ByteString): boolean {
  try {
    close(openat(AT_FDCWD, `${path}/supervise/ok`, O_WRONLY | O_NONBLOCK));
    return true;
  } catch (error) {
    if (error instanceof ErrnoError && (error.errno === ENXIO || error.errno === ENOENT)) return false;
    throw error;
  }
}

/** The first `length` bytes of a regular file in supervise/. @throws {ErrnoError} @throws {FormatError} if it is none */
function bytesOf(path: ByteString, name: ByteString, length: number): Uint8Array {
  const file: Fd = openat(AT_FDCWD, `${path}/supervise/${name}`, O_RDONLY | O_NONBLOCK);
  try {
    if (fstat(file).type !== "file") throw new FormatError("no regular file", 0);
    return read(file, length).slice();
  } finally {
    close(file);
  }
}

/** Undefined where it is the record of no supervisor of ours. */
function recordOf(path: ByteString): ServiceRecord | undefined {
  const bytes = new Uint8Array(RECORD_SIZE);
  bytes.set(bytesOf(path, "record", RECORD_SIZE));
  return ServiceRecord.isRecord(bytes) ? new ServiceRecord(bytes) : undefined;
}

function stateOf(told: Status | undefined, record: ServiceRecord | undefined): RunState {
  if (told === undefined) return "unknown";
  if (record?.phase === "emptying") return "emptying";
  if (told.pid !== 0) {
    const doing = record?.pid === told.pid ? record.readiness.told?.doing : undefined;
    return told.paused ? "paused" : told.want === "down" ? "stopping" : (doing ?? "up");
  }
  switch (record?.phase) {
    case "finishing":
    case "finish-intent":
      return "finishing";
    default:
      if (record?.failed !== undefined) return "failed";
      if (record?.phase === "pending" && record.fare?.why !== undefined) return record.fare.why;
      return told.want === "up" ? "starting" : "down";
  }
}

function age({ since }: Status): number {
  const now = wallTime();
  const seconds = Number(now.seconds - since.seconds) + (now.nanoseconds - since.nanoseconds) / 1e9;
  return Math.max(0, Math.round(seconds * 1000) / 1000);
}

/** From now to a tick of the machine's clock. */
const secondsTo = (tick: number): number => Math.max(0, Math.round(tick - bootTicks()) / TICKS_PER_SECOND);

function lastExitOf(record: ServiceRecord): LastExit | null {
  const end = record.history.at(-1);
  if (end === undefined) return null;
  const { ended, status: how, condemned } = end;
  return {
    at: Number(ended.seconds),
    code: how !== undefined && "exited" in how ? how.exited : null,
    signal: how !== undefined && "killed" in how ? exitSignal(how.killed) : null,
    reason: condemned === undefined ? null : REASONS[condemned],
  };
}
