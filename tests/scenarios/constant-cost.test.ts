// What an event costs does not depend on how many services there are: the system calls of svscan are counted for few and for
// more. Time is measured by bench/scale.ts. C: a supervise for each.
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { ours } from "../support/programs.ts";
import { type Running, Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const FEW = 20;
const MANY = 200;
/** Calls by which two runs may differ: a deadline that comes a turn sooner or later. */
const SLACK = 6;
/** Not the five seconds of a scan, in milliseconds: a rest comes a minute after the last event, the next scan after ten. */
const LONG_MS = 30_000;

/** How long svscan sleeps in epoll_wait, in milliseconds; 0 if it does not. */
function patience(pid: number): number {
  const [call, , , , ms] = readFileSync(`/proc/${pid}/syscall`, "latin1").split(" ");
  return call === "232" ? Number(ms) | 0 : 0;
}

const sleeps = (pid: number): boolean => patience(pid) > LONG_MS || patience(pid) === -1;

class Traced {
  private marks = 0;
  private constructor(
    readonly box: Sandbox,
    readonly svscan: Running,
  ) {}

  /** `count` services that run, and an svscan that expects nothing to happen, and is traced. */
  static async start(box: Sandbox, count: number): Promise<Traced> {
    for (let i = 0; i < count; i++) box.service(`scan/s${i}`);
    const svscan = box.svscan("scan");
    for (let i = 0; i < count; i++) await box.up(`scan/s${i}`);
    await until(() => sleeps(svscan.pid), "nothing is expected to happen", 60_000);
    const tracer = box.start(["strace", "-o", box.at("trace"), "-p", String(svscan.pid)]);
    await until(() => tracer.stderr.includes("attached"), "strace is attached");
    return new Traced(box, svscan);
  }

  get calls(): string[] {
    return readFileSync(this.box.at("trace"), "latin1").split("\n");
  }

  write(name: string, letter: string): void {
    writeFileSync(this.box.at(`scan/${name}/supervise/control`), letter, { flag: "r+" });
  }

  /** The calls that `act` has led to. */
  async during(act: () => Promise<unknown>): Promise<string[]> {
    const mark = async () => {
      const letter = String(this.marks++);
      const read = () => this.calls.findIndex((call) => call.includes(`"${letter}", 4096`));
      this.write("s0", letter);
      await until(() => read() >= 0, "svscan has read what means nothing");
      return read();
    };
    const from = await mark();
    await act();
    const to = await mark();
    // The last two are the mark's own.
    return this.calls.slice(from + 1, to - 1);
  }
}

async function costs(count: number): Promise<{ [event: string]: string[] }> {
  await using box = new Sandbox();
  const traced = await Traced.start(box, count);
  const command = await traced.during(async () => traced.write("s1", "c"));
  const ask = async () => {
    expect((await box.run([ours("svok"), "scan/s2"])).code).toBe(0);
    expect((await box.run([ours("svstat"), "scan/s2"])).stdout).toStartWith("scan/s2: up ");
  };
  let query = await traced.during(ask);
  // A rest may have come meanwhile (engine/rest.ts), of which there is one a minute at most.
  if (query.length > 0) query = await traced.during(ask);
  const death = await traced.during(async () => {
    const pid = await box.up("scan/s3");
    process.kill(pid, "SIGKILL");
    await box.up("scan/s3", pid);
    await until(() => traced.calls.some((call) => call.startsWith("pidfd_open(")), "it has a pidfd");
    await until(() => sleeps(traced.svscan.pid), "it waits for nothing else");
  });
  return { command, query, death };
}

test.skipIf(Bun.which("strace") === null)(
  `a command, a death and a query cost ${MANY} services no more than ${FEW}, and nothing wakes svscan`,
  async () => {
    const [few, many] = (await Promise.all([costs(FEW), costs(MANY)])) as [
      Record<string, string[]>,
      Record<string, string[]>,
    ];
    for (const event of ["command", "query", "death"]) {
      const [a = [], b = []] = [few[event], many[event]];
      expect(`${event}: ${b.length <= a.length + SLACK ? "no more" : `${a.length}, ${b.length}`}`).toBe(
        `${event}: no more`,
      );
      // It looks at every child that lives.
      expect(b.filter((call) => call.startsWith("wait4(-1"))).toEqual([]);
    }
    expect(many["query"]).toEqual([]);
  },
  180_000,
);
