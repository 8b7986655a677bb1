// capture.ts - asks the C programs (Debian's daemontools in /usr/bin) again for the bytes that the tests hold us to.
//
//   node scripts/launch.mjs tests/golden/capture.ts
//
// Writes status.json and control.json beside this file. Times and pids in them are those of the capture; each comes with
// what was known of the service by other means: its real pid, the clock, and what the C svstat said.
import { closeSync, constants, openSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { theirs } from "../support/programs.ts";
import { childrenOf, type Running, Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/** supervise/status in one state of the service. */
export type GoldenStatus = {
  readonly state: string;
  /** The file, in hex. */
  readonly bytes: string;
  /** The pid of supervise's child, 0 if it has none. */
  readonly pid: number;
  /** Unix time, in seconds, before supervise was started and after the file was read. */
  readonly from: number;
  readonly to: number;
  /** The line of the C svstat for the service `s`; empty if supervise had ended. */
  readonly svstat: string;
};

/** What the C svc writes into the fifo. */
export type GoldenControl = { readonly argv: readonly string[]; readonly bytes: string };

type Case = {
  readonly state: string;
  readonly run?: string;
  readonly down?: boolean;
  /** Words for svc, one call after the other. */
  readonly commands?: readonly string[];
  /** Bytes 16 and 17 to wait for, and whether there is to be a pid. */
  readonly paused?: 0 | 1;
  readonly want: "u" | "d" | "\0";
  readonly up: boolean;
  readonly ends?: boolean;
};

const deaf = "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n";
const cases: readonly Case[] = [
  { state: "never started, down file", down: true, want: "d", up: false },
  { state: "up", want: "u", up: true },
  { state: "up, normally down", down: true, commands: ["-u"], want: "u", up: true },
  { state: "paused", commands: ["-p"], paused: 1, want: "u", up: true },
  { state: "paused and continued", commands: ["-p", "-c"], want: "u", up: true },
  { state: "taken down", commands: ["-d"], want: "d", up: false },
  { state: "wanted down, but deaf to TERM", run: deaf, commands: ["-d"], want: "d", up: true },
  { state: "once, still running", commands: ["-o"], want: "\0", up: true },
  { state: "once, paused", commands: ["-op"], paused: 1, want: "\0", up: true },
  { state: "once, ended", commands: ["-o", "-t"], want: "\0", up: false },
  { state: "exited while wanted up", commands: ["-x", "-t"], want: "u", up: false, ends: true },
  { state: "exited after -dx", commands: ["-dx"], want: "d", up: false, ends: true },
];

const seconds = () => Math.floor(Date.now() / 1000);

async function capture(one: Case): Promise<GoldenStatus> {
  await using box = new Sandbox();
  const { state, want, up, paused = 0, commands = [] } = one;
  const dir = box.service("s", { ...(one.run ? { run: one.run } : {}), down: one.down === true });
  const from = seconds();
  const supervisor: Running = box.supervise(dir, {}, theirs("supervise"));
  await until(() => box.statusBytes("s"), "there is a status");
  if (one.down !== true) await box.up("s");
  for (const word of commands) {
    // supervise is deaf for a second after a start, and tells nobody when it has read a letter.
    await Bun.sleep(1200);
    await box.run([theirs("svc"), word, dir]);
  }
  if (one.ends) await supervisor.ended();
  const bytes = await until(() => {
    const now = box.statusBytes("s");
    if (now?.[16] !== paused || now[17] !== want.charCodeAt(0)) return false;
    return now.subarray(12, 16).some((byte) => byte !== 0) === up && now;
  }, state);
  const [pid = 0] = one.ends ? [] : childrenOf(supervisor.pid);
  const svstat = one.ends ? "" : (await box.run([theirs("svstat"), "s"])).stdout;
  return { state, bytes: Buffer.from(bytes).toString("hex"), pid, from, to: seconds(), svstat };
}

async function captureControl(...argv: string[]): Promise<GoldenControl> {
  await using box = new Sandbox();
  box.directory("s/supervise");
  const fifo = box.at("s/supervise/control");
  await box.run(["/usr/bin/mkfifo", fifo]);
  const end = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  const { code, stderr } = await box.run([theirs("svc"), ...argv, "s"]);
  if (code !== 0 || stderr !== "") throw new Error(stderr);
  const buffer = Buffer.alloc(64);
  let length = 0;
  try {
    length = readSync(end, buffer);
  } catch {
    // nothing was written
  }
  closeSync(end);
  return { argv, bytes: buffer.toString("hex", 0, length) };
}

if (import.meta.main) {
  const put = (name: string, value: unknown) =>
    writeFileSync(join(import.meta.dirname, name), `${JSON.stringify(value, null, 2)}\n`);
  put("status.json", await Promise.all(cases.map(capture)));
  const calls = [..."udoxpchaitk"].map((letter) => [`-${letter}`]);
  calls.push(["-udopchaitkx"], ["-dx"], ["-xd"], ["-d", "-u"], ["-uu", "-d", "-u"], []);
  put("control.json", await Promise.all(calls.map((words) => captureControl(...words))));
}
