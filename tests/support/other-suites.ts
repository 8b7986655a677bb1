// One service under tend, s6 or runit: how it is begun, asked and commanded, and what it noted.
import { closeSync, constants, existsSync, openSync, readFileSync } from "node:fs";
import { ServiceRecord } from "../../src/formats/service-record.ts";
import { command } from "./control.ts";
import { which } from "./programs.ts";
import type { Running, Sandbox } from "./sandbox.ts";

/** The service is `web`. */
export type Suite = {
  readonly name: "tend" | "s6" | "runit";
  /** Its supervisor. */
  readonly start: (box: Sandbox) => Running;
  /** The supervisor of a whole directory `scan`, and what ends it in order. */
  readonly scan: (box: Sandbox) => Running;
  readonly stop: (box: Sandbox, supervisor: Running) => Promise<unknown>;
  /** Its process; 0 when it is down. */
  readonly pid: (box: Sandbox) => Promise<number>;
  readonly ready: (box: Sandbox) => Promise<boolean>;
  /** The supervisor listens. */
  readonly listens: (box: Sandbox) => boolean;
  /** The letters of svc(8), which all three take from the fifo. */
  readonly command: (box: Sandbox, letters: string) => void;
};

/** Whether somebody reads the fifo. */
function reader(fifo: string): boolean {
  try {
    closeSync(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK));
    return true;
  } catch {
    return false;
  }
}

const out = async (box: Sandbox, ...words: string[]): Promise<string> => (await box.run(words)).stdout.trim();
const shared = {
  // s6 has no supervise/ok.
  listens: (box: Sandbox) => reader(box.at("web/supervise/control")),
  command: (box: Sandbox, letters: string) => command(box.at("web"), letters),
};

export const tend: Suite = {
  ...shared,
  name: "tend",
  start: (box) => box.supervise("web"),
  scan: (box) => box.svscan("scan"),
  stop: async (_, supervisor) => supervisor.signal("SIGTERM"),
  pid: async (box) => box.status("web")?.pid ?? 0,
  ready: async (box) => {
    const record = new ServiceRecord(new Uint8Array(readFileSync(box.at("web/supervise/record"))));
    return (box.status("web")?.pid ?? 0) !== 0 && record.readiness.told?.ready === true;
  },
};

export const s6: Suite = {
  ...shared,
  name: "s6",
  start: (box) => box.start(["s6-supervise", "web"]),
  scan: (box) => box.start(["s6-svscan", "scan"]),
  stop: (box) => box.run(["s6-svscanctl", "-t", "scan"]),
  pid: async (box) => Math.max(0, Number((await out(box, "s6-svstat", "-o", "pid", "web")) || 0)),
  ready: async (box) => (await out(box, "s6-svstat", "-o", "ready", "web")) === "true",
};

export const runit: Suite = {
  ...shared,
  name: "runit",
  start: (box) => box.start(["runsv", "web"]),
  scan: (box) => box.start(["runsvdir", "scan"]),
  stop: async (_, supervisor) => supervisor.signal("SIGHUP"),
  pid: async (box) => Number(/\(pid (\d+)\)/.exec(await out(box, "sv", "status", box.at("web")))?.[1] ?? 0),
  // It waits for as long as -w says; what is down as it is wanted is all right too.
  ready: async (box) =>
    (await runit.pid(box)) !== 0 && (await box.run(["sv", "-w", "1", "check", box.at("web")])).code === 0,
};

export const hasS6 = which("s6-supervise") !== null;
export const hasRunit = which("runsv") !== null;
/** Those that are installed, as Debian has them. */
export const others: readonly Suite[] = [...(hasS6 ? [s6] : []), ...(hasRunit ? [runit] : [])];

/** What the service noted in `events`, a line each, with the pids as what they are of. */
export const events = (box: Sandbox, file = "web/events"): string[] => {
  if (!existsSync(box.at(file))) return [];
  let runs: string[] = [];
  return readFileSync(box.at(file), "latin1")
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const pid = /^run (\d+)$/.exec(line)?.[1];
      if (pid !== undefined) runs = [...runs, pid];
      return runs.reduce((text, run, i) => text.replace(new RegExp(`\\b${run}\\b`), `PID${i + 1}`), line);
    });
};
