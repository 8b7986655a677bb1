// Every client with every supervisor: C's and ours, in the four combinations, held to the transcripts that were taken from
// the C programs. reference: supervise-protocol section 5
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { haveC, ours, theirs } from "../support/programs.ts";
import type { Suite } from "../support/same-script.ts";
import { type Running, Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const programOf = (suite: Suite) => (suite === "C" ? theirs : ours);
const SUITES: readonly Suite[] = haveC ? ["C", "tend"] : ["tend"];
const COMBINATIONS = SUITES.flatMap((client) => SUITES.map((server) => [client, server] as const));

/** Says its start and the signals it takes; the others end it. */
const SPEAKER = `#!/usr/bin/perl
open F, '>>', 'said';
for my $name (qw(HUP ALRM INT)) { $SIG{$name} = sub { syswrite F, "$name\\n" } }
syswrite F, "start\\n";
sleep 1000 while 1;
`;

/** One supervised service `s`, and one client. */
class Scene implements AsyncDisposable {
  readonly box = new Sandbox();
  readonly path: string;
  readonly supervisor: Running;
  private readonly pids: number[] = [];

  constructor(
    private readonly client: Suite,
    server: Suite,
    down: boolean,
  ) {
    this.path = this.box.service("s", { run: SPEAKER, down });
    this.supervisor = this.box.supervise("s", {}, programOf(server)("supervise"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.box[Symbol.asyncDispose]();
  }

  async svc(options: string): Promise<void> {
    expect(await this.box.run([programOf(this.client)("svc"), options, "s"])).toMatchObject({
      code: 0,
      stderr: "",
    });
  }

  /** svstat's line, pids numbered in the order they were seen, and the bytes 16 and 17 of status. */
  async state(): Promise<string> {
    const { stdout } = await this.box.run([programOf(this.client)("svstat"), "s"]);
    const bytes = this.box.statusBytes("s") ?? new Uint8Array(18);
    const line = stdout
      .trimEnd()
      .replace(/ \d+ seconds/, "")
      .replace(/pid (\d+)/, (_, digits: string) => {
        const pid = Number(digits);
        if (!this.pids.includes(pid)) this.pids.push(pid);
        return `pid ${this.pids.indexOf(pid) + 1}`;
      });
    return `${line}; p ${bytes[16]} w ${bytes[17] === 0 ? 0 : String.fromCharCode(bytes[17] ?? 0)}`;
  }

  /** Waits until `state` is what it should be; throws with what it is. */
  async shows(expected: string): Promise<void> {
    let state = "";
    await until(async () => {
      state = await this.state();
      return state === expected;
    }, `"${expected}"`).catch((error: Error) => {
      throw new Error(`${error.message}; it is "${state}"`);
    });
  }

  /** The pid that `state` called by this number. */
  pid(number: number): number {
    return this.pids[number - 1] as number;
  }

  /** Whether every letter was taken off the fifo. */
  get quiet(): Promise<boolean> {
    // FIONREAD, of a reader of our own.
    return this.box
      .run([
        "/usr/bin/perl",
        "-e",
        "open F,'+<',$ARGV[0]; $n=pack 'L',0; ioctl F,0x541b,$n; print unpack 'L',$n",
        `${this.path}/supervise/control`,
      ])
      .then(({ stdout }) => stdout === "0");
  }

  async heard(): Promise<void> {
    await until(() => this.quiet, "the commands were read");
  }

  get said(): string[] {
    const file = `${this.path}/said`;
    return existsSync(file) ? readFileSync(file, "latin1").trimEnd().split("\n") : [];
  }

  async says(...words: string[]): Promise<void> {
    await until(() => this.said.join() === words.join(), `the service says ${words}`).catch(
      (error: Error) => {
        throw new Error(`${error.message}; it said ${this.said}`);
      },
    );
  }
}

const DOWN = "s: down; p 0 w d";

describe.each(COMBINATIONS)("%s svc and svstat with %s supervise", (client, server) => {
  test.concurrent("the transcript of a service that is normally down", async () => {
    await using scene = new Scene(client, server, true);
    await scene.shows(DOWN);
    for (const letters of ["-p", "-c", "-t", "-k", "-h", "-a", "-i", "-d"]) await scene.svc(letters);
    await scene.heard();
    await scene.shows(DOWN);
    await scene.svc("-u");
    await scene.shows("s: up (pid 1), normally down; p 0 w u");
    await scene.svc("-p");
    await scene.shows("s: up (pid 1), normally down, paused; p 1 w u");
    await scene.svc("-t");
    await until(() => pending(scene.pid(1)).includes("15"), "TERM is pending");
    await scene.shows("s: up (pid 1), normally down, paused; p 1 w u");
    await scene.svc("-c");
    await scene.shows("s: up (pid 2), normally down; p 0 w u");
    await scene.svc("-p");
    await scene.shows("s: up (pid 2), normally down, paused; p 1 w u");
    await scene.svc("-d");
    await scene.shows(DOWN);
    await scene.svc("-o");
    await scene.shows("s: up (pid 3), normally down; p 0 w 0");
    await scene.svc("-t");
    await scene.shows("s: down; p 0 w 0");
    await scene.svc("-u");
    await scene.shows("s: up (pid 4), normally down; p 0 w u");
    await scene.svc("-o");
    await scene.shows("s: up (pid 4), normally down; p 0 w 0");
    await scene.svc("-u");
    await scene.shows("s: up (pid 4), normally down; p 0 w u");
    await scene.svc("-x");
    await scene.heard();
    await scene.shows("s: up (pid 4), normally down; p 0 w u");
    await scene.svc("-u");
    await scene.svc("-t");
    expect(await scene.supervisor.ended()).toMatchObject({ code: 0, stdout: "", stderr: "" });
    await scene.shows("s: supervise not running; p 0 w u");
    expect(scene.box.status("s")?.pid).toBe(0);
  });

  test.concurrent("each letter that sends a signal sends that signal", async () => {
    await using scene = new Scene(client, server, false);
    await scene.shows("s: up (pid 1); p 0 w u");
    await scene.says("start");
    await scene.svc("-h");
    await scene.says("start", "HUP");
    await scene.svc("-a");
    await scene.says("start", "HUP", "ALRM");
    await scene.svc("-i");
    await scene.says("start", "HUP", "ALRM", "INT");
    await scene.svc("-k");
    await scene.says("start", "HUP", "ALRM", "INT", "start");
    await scene.shows("s: up (pid 2); p 0 w u");
    await scene.svc("-p");
    await scene.shows("s: up (pid 2), paused; p 1 w u");
    await until(() => stateOf(scene.pid(2)) === "T", "the service is stopped");
    await scene.svc("-hc");
    await scene.says("start", "HUP", "ALRM", "INT", "start", "HUP");
    await scene.svc("-d");
    await scene.shows("s: down, normally up; p 0 w d");
    await scene.svc("-x");
    expect(await scene.supervisor.ended()).toMatchObject({ code: 0, stderr: "" });
  });

  test.concurrent("x before o leaves without a start", async () => {
    await using scene = new Scene(client, server, true);
    await scene.shows(DOWN);
    await scene.svc("-xo");
    expect(await scene.supervisor.ended()).toMatchObject({ code: 0, stderr: "" });
    await scene.shows("s: supervise not running; p 0 w d");
    expect(scene.said).toEqual([]);
  });

  test.concurrent("o before x starts once and leaves after it", async () => {
    await using scene = new Scene(client, server, true);
    await scene.shows(DOWN);
    await scene.svc("-ox");
    await scene.shows("s: up (pid 1), normally down; p 0 w 0");
    await scene.heard();
    expect(scene.supervisor.running).toBe(true);
    await scene.svc("-t");
    expect(await scene.supervisor.ended()).toMatchObject({ code: 0, stderr: "" });
    await scene.shows("s: supervise not running; p 0 w 0");
  });

  test.concurrent("the fifo may be written by hand, and bytes that mean nothing are ignored", async () => {
    await using scene = new Scene(client, server, true);
    await scene.shows(DOWN);
    const write = (bytes: string) =>
      writeFileSync(`${scene.path}/supervise/control`, Buffer.from(bytes, "latin1"));
    write("\0\n\r UDX9\xff\xfe?u\n");
    await scene.shows("s: up (pid 1), normally down; p 0 w u");
    write("d");
    await scene.shows(DOWN);
    write("zzx\n");
    expect(await scene.supervisor.ended()).toMatchObject({ code: 0, stderr: "" });
  });

  test.concurrent("the time in status is that of the last change of pid", async () => {
    await using scene = new Scene(client, server, false);
    await scene.shows("s: up (pid 1); p 0 w u");
    const label = () => Buffer.from(scene.box.statusBytes("s")?.subarray(0, 12) ?? []).toString("hex");
    const first = label();
    await scene.svc("-o");
    await scene.shows("s: up (pid 1); p 0 w 0");
    await scene.svc("-p");
    await scene.shows("s: up (pid 1), paused; p 1 w 0");
    expect(label()).toBe(first);
    await scene.svc("-uk");
    await scene.shows("s: up (pid 2); p 0 w u");
    expect(label() > first).toBe(true);
    const bytes = scene.box.statusBytes("s") as Uint8Array;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    expect(bytes.length).toBe(18);
    expect(Math.abs(Number(view.getBigUint64(0) - 4611686018427387914n) - Date.now() / 1000)).toBeLessThan(
      30,
    );
    expect(view.getUint32(8)).toBeLessThan(1e9);
    expect(view.getUint32(12, true)).toBe(scene.pid(2));
  });
});

describe.skipIf(!haveC).each([
  ["C", "tend"],
  ["tend", "C"],
] as const)("%s holds the lock", (holder, other) => {
  test.concurrent(`${other} supervise says so and leaves all as it is`, async () => {
    await using scene = new Scene(other, holder, false);
    await scene.shows("s: up (pid 1); p 0 w u");
    const second = await scene.box.run([programOf(other)("supervise"), "s"]);
    expect(second).toMatchObject({
      code: 111,
      stderr: "supervise: fatal: unable to acquire s/supervise/lock: temporary failure\n",
    });
    await scene.shows("s: up (pid 1); p 0 w u");
    await scene.says("start");
  });

  test.concurrent(`${other} svscan waits, and takes over when it is free`, async () => {
    await using box = new Sandbox();
    box.service("scan/s", { run: SPEAKER });
    const supervisor = box.supervise("scan/s", {}, programOf(holder)("supervise"));
    const first = await box.up("scan/s");
    const env = { PATH: other === "C" ? "/usr/bin:/bin" : process.env["PATH"] };
    const svscan = box.svscan("scan", { env }, programOf(other)("svscan"));
    const refused = "supervise: fatal: unable to acquire s/supervise/lock: temporary failure\n";
    await until(() => svscan.stderr === refused, "the lock is refused");
    expect((await box.run([ours("svc"), "-dx", "scan/s"])).code).toBe(0);
    expect((await supervisor.ended()).code).toBe(0);
    const second = await box.up("scan/s", first);
    expect(second).not.toBe(first);
    // Ours says it once; C may have tried again before it was free.
    if (other === "tend") expect(svscan.stderr).toBe(refused);
  });
});

// ok and control are two fifos in a directory that C made, and two names of one in ours.
test.skipIf(!haveC).each([
  ["C", "tend"],
  ["tend", "C"],
] as const)(
  "%s supervise, then %s supervise, then the first again, on one directory",
  async (first, second) => {
    await using box = new Sandbox();
    box.service("s", { run: SPEAKER });
    const clients = (name: string, ...args: string[]) =>
      Promise.all([ours, theirs].map((program) => box.run([program(name), ...args, "s"])));
    for (const suite of [first, second, first]) {
      const supervisor = box.supervise("s", {}, programOf(suite)("supervise"));
      const pid = await box.up("s");
      for (const { code } of await clients("svok")) expect(code).toBe(0);
      for (const { stdout } of await clients("svstat")) expect(stdout).toStartWith(`s: up (pid ${pid}) `);
      await clients("svc", "-p");
      await until(() => box.status("s")?.paused === true, "it is paused");
      expect(box.status("s")?.pid).toBe(pid);
      await clients("svc", "-dx");
      expect(await supervisor.ended()).toMatchObject({ code: 0, stderr: "" });
      for (const { code } of await clients("svok")) expect(code).toBe(100);
      for (const { stdout } of await clients("svstat")) expect(stdout).toBe("s: supervise not running\n");
    }
  },
);

test.skipIf(Bun.which("fuser") === null)("fuser names the holder of the lock", async () => {
  await using box = new Sandbox();
  const alone = box.supervise(box.service("alone"));
  const svscan = box.svscan("scan");
  box.service("scan/hosted");
  await Promise.all([box.up("alone"), box.up("scan/hosted")]);
  const holders = async (name: string) =>
    (await box.run(["fuser", box.at(name, "supervise/lock")])).stdout.trim().split(/\s+/);
  expect(await holders("alone")).toEqual([String(alone.pid)]);
  expect(await holders("scan/hosted")).toEqual([String(svscan.pid)]);
});

/** The numbers of the signals that wait in a process. */
function pending(pid: number): string[] {
  const lines = readFileSync(`/proc/${pid}/status`, "latin1").match(/^(Sig|Shd)Pnd:\s*\w+/gm) ?? [];
  const set = lines.reduce((all, line) => all | BigInt(`0x${line.split(/\s+/)[1]}`), 0n);
  return Array.from({ length: 64 }, (_, i) => i + 1)
    .filter((n) => (set >> BigInt(n - 1)) & 1n)
    .map(String);
}

const stateOf = (pid: number): string =>
  /^State:\s*(\w)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? "";
