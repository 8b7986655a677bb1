// How `tend status` shows what it found: a table, or JSON as docs/status.schema.json has it. No I/O.
import { signalName } from "../formats/signal-name.ts";
import { type ByteString, bytesOf } from "../units/units.ts";

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

/** A process that is left of a service that has ended. */
export type Left = { readonly pid: number; readonly command: ByteString };

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
  /** Who is left of it in the state emptying. */
  readonly left: readonly Left[] | null;
  /** How many belong to it: its process, the set that leads, and their descendants. */
  readonly processes: number | null;
  /** Of all these: resident bytes, and seconds of processor time. */
  readonly memoryBytes: number | null;
  readonly cpuSeconds: number | null;
  /** What could not be read, and why. */
  readonly problems: readonly ByteString[];
  readonly log: Row | null;
};

/** A JSON text of ASCII alone. What is no UTF-8 has a character of the same number for each byte. */
export function toJson(rows: readonly Row[]): string {
  const decoded = (_: string, value: unknown) => (typeof value === "string" ? decode(value) : value);
  const text = JSON.stringify({ version: STATUS_VERSION, services: rows }, decoded, 2);
  return `${text.replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;
}

function decode(text: ByteString): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytesOf(text));
  } catch {
    return text;
  }
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

/** A line a service, in columns; who is left of one, and problems, follow the table. */
export function toTable(rows: readonly Row[], color: boolean): ByteString {
  const told = rows.some(({ statusText }) => statusText !== null);
  const heads = told ? [...HEADS, "SAYS"] : HEADS;
  const lines = [heads, ...rows.map((row) => (told ? [...cellsOf(row), saying(row)] : cellsOf(row)))];
  const widths = heads.map((_, i) => Math.max(...lines.map((cells) => widthOf(cells[i] ?? ""))));
  const table = lines.map((cells, n) => {
    const row = n === 0 ? undefined : rows[n - 1];
    return cells
      .map((cell, i) => {
        const width = widths[i] ?? 0;
        const last = i === cells.length - 1;
        const blanks = " ".repeat(width - widthOf(cell));
        const text = RIGHT.includes(heads[i] ?? "") ? blanks + cell : last ? cell : cell + blanks;
        const paint = color && row !== undefined && i === 1 ? COLORS[COLOR_OF[row.state]] : "";
        return paint === "" ? text : `${paint}${text}${RESET}`;
      })
      .join("  ")
      .trimEnd();
  });
  return `${[...table, ...rows.flatMap((row) => notesOf(row, printable(row.name)))].join("\n")}\n`;
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

const notesOf = (row: Row, name: string): string[] => [
  ...(row.left === null || row.left.length === 0 ? [] : [`${name}: ${leftText(row.left)}`]),
  ...row.problems.map((problem) => `${name}: ${printable(problem)}`),
  ...(row.log === null ? [] : notesOf(row.log, `${name}/log`)),
];

/** So many of those left are named. */
const MOST_NAMED = 20;

function leftText(left: readonly Left[]): string {
  const named = left.slice(0, MOST_NAMED).map(({ pid, command }) => `${pid} ${printable(command)}`);
  const more = left.length > named.length ? ", ..." : "";
  return `${left.length === 1 ? "1 process is" : `${left.length} processes are`} left: ${named.join(", ")}${more}`;
}

function exitText({ lastExit: exit, failure, nextStartSeconds }: Row): string {
  const how =
    exit === null ? "-" : exit.code !== null ? `code ${exit.code}` : exit.signal !== null ? exit.signal : "?";
  const again =
    failure === null && nextStartSeconds !== null ? `again in ${duration(nextStartSeconds)}` : null;
  return [how, exit?.reason ?? null, failure ?? again].filter((part) => part !== null).join(": ");
}

/** A signal as LastExit has it. */
export const exitSignal = (number: number): string => `SIG${signalName(number)}`;

/** One character of printable ASCII or, but for the controls U+0080 to U+009F, of UTF-8. */
const PRINTABLE =
  /[ -~]|\xc2[\xa0-\xbf]|[\xc3-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}/;
const CHARACTERS = new RegExp(`${PRINTABLE.source}|[^]`, "g");

/** Nothing in a name moves a terminal's cursor, or makes two lines of one. */
const printable = (text: ByteString): string =>
  text.replace(CHARACTERS, (character) => (PRINTABLE.test(character) ? character : "?"));

/** How many characters of UTF-8 it is. */
const widthOf = (text: ByteString): number => text.replace(/[\x80-\xbf]/g, "").length;

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
