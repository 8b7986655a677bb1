// How `tend status` shows what it found: a table, or JSON as docs/status.schema.json has it. No I/O.
import { signalName } from "../formats/signal-name.ts";
import type { ByteString } from "../units/units.ts";

/** The version of the JSON. It changes when a field goes or means something else, not when one is added. */
export const STATUS_VERSION = 1;

export type RunState =
  | "up"
  | "paused"
  | "reloading"
  | "stopping"
  | "starting"
  /** A start is put off: it ended early, or was started too often; or many others were. */
  | "backoff"
  | "limit"
  | "queue"
  | "finishing"
  | "emptying"
  | "failed"
  | "down"
  | "unsupervised"
  | "unknown";

/** The end of a run: one of `code` and `signal`, or neither where nobody knows. */
export type LastExit = {
  /** Seconds since 1970. */
  readonly at: number;
  readonly code: number | null;
  readonly signal: string | null;
  /** Why the supervisor ended it, if it did on its own account. */
  readonly reason: string | null;
};

export type Row = {
  readonly name: ByteString;
  readonly state: RunState;
  /** Whether the service has said that it is ready; null where it is not asked to. */
  readonly ready: boolean | null;
  /** What it last said of itself; null if it said nothing. */
  readonly statusText: ByteString | null;
  readonly pid: number | null;
  readonly want: "up" | "down" | "once" | null;
  /** There is no down file. */
  readonly normallyUp: boolean | null;
  /** How long it has been up or down, in seconds. */
  readonly seconds: number | null;
  readonly restarts: number | null;
  readonly lastExit: LastExit | null;
  /** Why it is not started again. */
  readonly failure: string | null;
  /** How long until a start that is put off. */
  readonly nextStartSeconds: number | null;
  /** How many belong to it: its process, the set that leads, and their descendants. */
  readonly processes: number | null;
  /** Of all these: resident bytes, and seconds of processor time. */
  readonly memoryBytes: number | null;
  readonly cpuSeconds: number | null;
  /** What could not be read, and why. */
  readonly problems: readonly ByteString[];
  readonly log: Row | null;
};

/** A JSON text of ASCII alone: each byte of a name above 127 is a character of that number. */
export function toJson(rows: readonly Row[]): string {
  const text = JSON.stringify({ version: STATUS_VERSION, services: rows }, undefined, 2);
  return `${text.replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;
}

const HEADS = ["SERVICE", "STATE", "READY", "PID", "FOR", "RESTARTS", "LAST EXIT", "MEMORY", "CPU", "LOG"];
/** Columns of numbers stand at the right. */
const RIGHT = ["PID", "FOR", "RESTARTS", "MEMORY", "CPU"];

const COLORS = { good: "\x1b[32m", busy: "\x1b[33m", bad: "\x1b[31m", plain: "" } as const;
const RESET = "\x1b[0m";
const COLOR_OF = {
  up: "good",
  paused: "busy",
  reloading: "busy",
  stopping: "busy",
  starting: "busy",
  backoff: "bad",
  limit: "bad",
  queue: "busy",
  finishing: "busy",
  emptying: "busy",
  failed: "bad",
  unsupervised: "bad",
  unknown: "bad",
  down: "plain",
} as const satisfies Record<RunState, keyof typeof COLORS>;

/** A line a service, in columns; problems follow the table. */
export function toTable(rows: readonly Row[], color: boolean): ByteString {
  const told = rows.some(({ statusText }) => statusText !== null);
  const heads = told ? [...HEADS, "SAYS"] : HEADS;
  const lines = [heads, ...rows.map((row) => (told ? [...cellsOf(row), saying(row)] : cellsOf(row)))];
  const widths = heads.map((_, i) => Math.max(...lines.map((cells) => (cells[i] ?? "").length)));
  const table = lines.map((cells, n) => {
    const row = n === 0 ? undefined : rows[n - 1];
    return cells
      .map((cell, i) => {
        const width = widths[i] ?? 0;
        const last = i === cells.length - 1;
        const text = RIGHT.includes(heads[i] ?? "") ? cell.padStart(width) : last ? cell : cell.padEnd(width);
        const paint = color && row !== undefined && i === 1 ? COLORS[COLOR_OF[row.state]] : "";
        return paint === "" ? text : `${paint}${text}${RESET}`;
      })
      .join("  ")
      .trimEnd();
  });
  return `${[...table, ...rows.flatMap(problemsOf)].join("\n")}\n`;
}

function cellsOf(row: Row): string[] {
  const { log } = row;
  return [
    printable(row.name),
    row.state,
    row.ready === null ? "-" : row.ready ? "yes" : "no",
    row.pid === null ? "-" : `${row.pid}`,
    row.seconds === null ? "-" : duration(row.seconds),
    row.restarts === null ? "-" : `${row.restarts}`,
    exitText(row),
    row.memoryBytes === null ? "-" : size(row.memoryBytes),
    row.cpuSeconds === null ? "-" : `${row.cpuSeconds.toFixed(2)}s`,
    log === null ? "-" : log.pid === null ? log.state : `${log.state} (${log.pid})`,
  ];
}

const saying = ({ statusText }: Row): string =>
  statusText === null || statusText === "" ? "-" : printable(statusText);

const problemsOf = (row: Row): string[] => [
  ...row.problems.map((problem) => `${printable(row.name)}: ${printable(problem)}`),
  ...(row.log === null ? [] : problemsOf(row.log)),
];

function exitText({ lastExit: exit, failure, nextStartSeconds }: Row): string {
  const how =
    exit === null ? "-" : exit.code !== null ? `code ${exit.code}` : exit.signal !== null ? exit.signal : "?";
  const again =
    failure === null && nextStartSeconds !== null ? `again in ${duration(nextStartSeconds)}` : null;
  return [how, exit?.reason ?? null, failure ?? again].filter((part) => part !== null).join(": ");
}

/** A signal as LastExit has it. */
export const exitSignal = (number: number): string => `SIG${signalName(number)}`;

/** Nothing in a name moves a terminal's cursor, or makes two lines of one. */
const printable = (text: ByteString): string => text.replace(/[^ -~\xa0-\xff]/g, "?");

/** 12s, 3m04s, 2h05m, 3d02h. */
export function duration(seconds: number): string {
  const two = (n: number): string => `${Math.floor(n)}`.padStart(2, "0");
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)}h${two((whole % 3600) / 60)}m`;
  return `${Math.floor(whole / 86_400)}d${two((whole % 86_400) / 3600)}h`;
}

/** 640K, 12.3M, 1.5G, in powers of 1024. */
export function size(bytes: number): string {
  const kib = bytes / 1024;
  if (kib < 1024) return `${Math.round(kib)}K`;
  const mib = kib / 1024;
  return mib < 1024 ? `${mib.toFixed(1)}M` : `${(mib / 1024).toFixed(1)}G`;
}
