// What a new supervisor takes over, and what it leaves alone.
import { describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type End, type Phase, ServiceRecord } from "../../src/formats/service-record.ts";
import { haveC, ours, theirs } from "../support/programs.ts";
import { alive, type Running, Sandbox, stat } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/** Notes every start; sleeps. */
const NOTED = "#!/bin/sh\necho $$ >> starts\nexec sleep 100000\n";

const recordOf = (directory: string): ServiceRecord =>
  new ServiceRecord(new Uint8Array(readFileSync(join(directory, "supervise/record"))));

/** Changes the record of a service that nobody supervises. */
function edit(directory: string, change: (record: ServiceRecord, bytes: Uint8Array) => void): void {
  const file = join(directory, "supervise/record");
  const bytes = new Uint8Array(readFileSync(file));
  change(new ServiceRecord(bytes), bytes);
  writeFileSync(file, bytes);
}

/** The pids that `run` noted and that are there. */
const copies = (directory: string): number[] =>
  readFileSync(join(directory, "starts"), "latin1").trim().split("\n").map(Number).filter(alive);

const answers = (directory: string): boolean => Bun.spawnSync([ours("svok"), directory]).exitCode === 0;

const sh = (command: string): unknown => Bun.spawnSync(["/bin/sh", "-c", command]);

async function kill(supervisor: Running): Promise<void> {
  supervisor.signal("SIGKILL");
  await supervisor.ended();
}

/** A service whose supervisor was killed. @returns its directory and its pid */
async function orphan(
  box: Sandbox,
  name = "a",
  program = ours("supervise"),
): Promise<{ directory: string; pid: number }> {
  const directory = box.service(name, { run: NOTED });
  const supervisor = box.supervise(directory, {}, program);
  const pid = await box.up(directory);
  await until(() => copies(directory).length === 1, "it has begun");
  await kill(supervisor);
  return { directory, pid };
}

/** What the new supervisor takes, it has taken once it answers. */
async function supervised(box: Sandbox, directory: string, program = ours("supervise")): Promise<Running> {
  const supervisor = box.supervise(directory, {}, program);
  await until(() => answers(directory), "there is a supervisor");
  return supervisor;
}

describe("a service whose supervisor was killed", () => {
  test("is adopted with its pid, its age, its wish and its pause, and obeys", async () => {
    await using box = new Sandbox();
    const { directory, pid } = await orphan(box);
    const before = box.status(directory);
    let supervisor = await supervised(box, directory);
    const after = box.status(directory);
    expect(after).toMatchObject({ pid, want: "up", paused: false });
    // By the ticks of /proc, 1/100 s each.
    expect(Math.abs(Number((after?.since.seconds ?? 0n) - (before?.since.seconds ?? 0n)))).toBeLessThan(2);
    expect(recordOf(directory).adoptions).toBe(1);

    await box.run([ours("svc"), "-op", directory]);
    await until(() => stat(pid).state === "T", "it is stopped");
    await until(() => box.status(directory)?.paused, "the status tells it");
    await kill(supervisor);
    supervisor = await supervised(box, directory);
    expect(box.status(directory)).toMatchObject({ pid, want: "once", paused: true });

    await box.run([ours("svc"), "-dx", directory]);
    expect((await supervisor.ended()).code).toBe(0);
    expect(alive(pid)).toBe(false);
  });

  test("its end is noticed at once, told as the kernel tells it, and followed by a child", async () => {
    await using box = new Sandbox();
    const directory = box.service("a", {
      run: "#!/bin/sh\necho $$ >> starts\ntrap 'exit 7' TERM\nwhile :; do sleep 0.01; done\n",
    });
    const first = box.supervise(directory);
    const pid = await box.up(directory);
    await until(() => copies(directory).length === 1, "it has begun");
    await kill(first);
    const supervisor = await supervised(box, directory);
    await box.run([ours("svc"), "-t", directory]);
    const next = await box.up(directory, pid);
    expect(stat(next).parent).toBe(supervisor.pid);
    expect(recordOf(directory).history).toMatchObject([{ pid }]);
    // Linux 6.15 tells it, once the process that took it in has waited for it; before, nobody does.
    const [major = 0, minor = 0] = readFileSync("/proc/sys/kernel/osrelease", "latin1")
      .split(".")
      .map(Number);
    if (major > 6 || (major === 6 && minor >= 15))
      await until(() => recordOf(directory).history[0]?.status, "its exit status is known");
    const { status } = recordOf(directory).history[0] as End;
    if (status !== undefined) expect(status).toEqual({ exited: 7 });
  });

  test("what it was wished to be is kept: down stays down since when it was, and a down file that came since means nothing", async () => {
    await using box = new Sandbox();
    const { directory } = await orphan(box);
    let supervisor = await supervised(box, directory);
    await box.run([ours("svc"), "-d", directory]);
    await box.down(directory);
    const before = box.status(directory);
    await kill(supervisor);
    supervisor = await supervised(box, directory);
    expect(before).toMatchObject({ pid: 0, want: "down" });
    expect(box.status(directory)).toEqual(before);
    await box.run([ours("svc"), "-u", directory]);
    await box.up(directory);
    await kill(supervisor);
    writeFileSync(join(directory, "down"), "");
    await supervised(box, directory);
    expect(box.status(directory)).toMatchObject({ want: "up" });
    expect(copies(directory)).toHaveLength(1);
  });

  test("one that ended while nobody looked is started again, and its end is in the history", async () => {
    await using box = new Sandbox();
    const { directory, pid } = await orphan(box);
    process.kill(pid, "SIGKILL");
    await until(() => !alive(pid), "it is gone");
    await supervised(box, directory);
    await box.up(directory, pid);
    expect(recordOf(directory).history).toMatchObject([{ pid, status: undefined }]);
  });

  test("is found when its directory was renamed meanwhile", async () => {
    await using box = new Sandbox();
    const { directory, pid } = await orphan(box);
    renameSync(directory, `${directory}.new`);
    await supervised(box, `${directory}.new`);
    expect(box.status(`${directory}.new`)).toMatchObject({ pid });
    expect(copies(`${directory}.new`)).toEqual([pid]);
  });
});

describe("what is not the service is left alone", () => {
  const strangers: readonly [string, (record: ServiceRecord, bytes: Uint8Array, stranger: number) => void][] =
    [
      ["a process that got its number later", (record, _, stranger) => record.run(stranger, record.ticks.to)],
      [
        "a process of another boot",
        (record, bytes, stranger) => {
          record.adopt(stranger, startedAt(stranger), { seconds: 0n, nanoseconds: 0 });
          bytes[8] = (bytes[8] as number) ^ 0xff;
        },
      ],
      [
        "a process in the phase of a start, of another supervisor's group",
        (record, _, stranger) => {
          record.intend(startedAt(stranger), { ...record.origin, supervisor: 1, tag: 0 });
          setChild(record, stranger);
        },
      ],
    ];
  const startedAt = (pid: number): number => {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[19]);
  };
  /** As if the kernel had told nothing. */
  const setChild = (record: ServiceRecord, _: number): void =>
    (record as unknown as { view: DataView }).view.setUint32(96, 0xffffffff, true);

  test.each(strangers)("%s", async (_, change) => {
    await using box = new Sandbox();
    const { directory, pid } = await orphan(box);
    const began = startedAt(pid);
    process.kill(pid, "SIGKILL");
    await until(() => !alive(pid), "it is gone");
    const ticks = () => Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]) * 100;
    await until(() => ticks() > began + 5, "what starts now is told apart by its start");
    const stranger = box.start(["sleep", "100000"]);
    rmSync(join(directory, "supervise/status"), { force: true });
    edit(directory, (record, bytes) => change(record, bytes, stranger.pid));
    await supervised(box, directory);
    const own = await box.up(directory);
    expect(own).not.toBe(stranger.pid);
    await until(() => copies(directory).length > 0, "it has begun");
    expect(copies(directory)).toEqual([own]);
    await box.run([ours("svc"), "-dx", directory]);
    await until(() => !answers(directory), "the supervisor has left");
    expect(stranger.running).toBe(true);
  });

  test("this supervisor itself, standing in the service directory, and its neighbours there", async () => {
    await using box = new Sandbox();
    const directory = box.service("a", { run: NOTED });
    // One session and group, as of a script: killed in the phase of a start that the kernel does not tell, whose process has
    // a tag; begun again beside another process.
    const script = `cd ${directory}
      ${ours("supervise")} . & until [ -s starts ]; do sleep 0.01; done
      kill -9 $!; wait
      read pid <starts; kill -9 $pid
      printf '\\002' | dd of=supervise/record bs=1 seek=24 conv=notrunc 2>/dev/null
      printf '\\377\\377\\377\\377' | dd of=supervise/record bs=1 seek=96 conv=notrunc 2>/dev/null
      printf '\\007\\000\\000\\000' | dd of=supervise/record bs=1 seek=88 conv=notrunc 2>/dev/null
      rm starts
      sleep 100000 & echo $! >neighbour
      exec ${ours("supervise")} .`;
    const supervisor = box.start(["/bin/sh", "-c", script]);
    const neighbour = await until(
      () =>
        existsSync(join(directory, "neighbour")) &&
        Number(readFileSync(join(directory, "neighbour"), "latin1")),
      "there is a neighbour",
    );
    await until(
      () => existsSync(join(directory, "starts")) && copies(directory).length === 1,
      "it is started",
    );
    const own = copies(directory)[0];
    await until(() => box.status(directory)?.pid === own, "and supervised");
    expect([supervisor.pid, neighbour]).not.toContain(own);
    await box.run([ours("svc"), "-dx", directory]);
    await supervisor.ended();
    expect(alive(neighbour)).toBe(true);
  });

  test("a number that is a thread's now", async () => {
    await using box = new Sandbox();
    const { directory, pid } = await orphan(box);
    process.kill(pid, "SIGKILL");
    await until(() => !alive(pid), "it is gone");
    const threads = box.svscan(box.directory("empty"));
    const thread = await until(() => {
      const tasks = Bun.spawnSync(["ls", `/proc/${threads.pid}/task`])
        .stdout.toString()
        .trim()
        .split("\n");
      return tasks.map(Number).find((task) => task !== threads.pid);
    }, "it has a thread");
    edit(directory, (record) => record.run(thread, record.ticks.to));
    await supervised(box, directory);
    expect(await box.up(directory)).not.toBe(thread);
  });
});

describe("a record that says nothing", () => {
  const broken: readonly [string, (file: string) => void][] = [
    ["missing", (file) => rmSync(file)],
    ["empty", (file) => truncateSync(file, 0)],
    ["short", (file) => truncateSync(file, 40)],
    ["a hole", (file) => sh(`truncate -s 0 ${file}; truncate -s 4096 ${file}`)],
    ["garbage", (file) => writeFileSync(file, Buffer.alloc(5000, "tendrec\x01 garbage "))],
    ["a link", (file) => sh(`ln -sf /etc/passwd ${file}`)],
    ["a fifo", (file) => sh(`rm ${file}; mkfifo ${file}`)],
    ["a directory", (file) => sh(`rm ${file}; mkdir ${file}`)],
  ];
  test.each(broken)("%s: the service is found by its status, or started", async (_, spoil) => {
    await using box = new Sandbox();
    const { directory, pid } = await orphan(box);
    spoil(join(directory, "supervise/record"));
    await supervised(box, directory);
    // The status names the process: as one that a C supervise left.
    await until(() => box.status(directory)?.pid === pid, "it is adopted");
    expect(copies(directory)).toEqual([pid]);
    expect(readFileSync("/etc/passwd", "latin1")).toContain("root");
  });

  test("no record can be kept: it is said once, and the service is supervised", async () => {
    await using box = new Sandbox();
    const directory = box.service("a", { run: NOTED });
    mkdirSync(join(directory, "supervise/record"), { recursive: true, mode: 0o700 });
    const supervisor = await supervised(box, directory);
    const pid = await box.up(directory);
    await box.run([ours("svc"), "-t", directory]);
    await box.up(directory, pid);
    expect(supervisor.stderr).toBe(
      `supervise: warning: unable to keep ${directory}/supervise/record: is a directory\n`,
    );
  });
});

describe("two supervisors", () => {
  test("started at once on one directory, one supervises, whoever it is, and the other takes over", async () => {
    await using box = new Sandbox();
    const scan = box.directory("scan");
    const names = ["a", "b", "c", "d", "e"];
    const paths = names.map((name) =>
      box.service(`scan/${name}`, { run: NOTED, log: "#!/bin/sh\nexec cat >/dev/null\n" }),
    );
    const both = [box.svscan(scan), box.svscan(scan)] as const;
    for (const path of paths)
      await until(() => existsSync(join(path, "starts")) && copies(path).length === 1, "it is up");
    const pids = paths.map((path) => copies(path)[0]);
    await kill(both[0]);
    // Some may have been the other's: what was the first one's is adopted at its next scan, at the latest.
    for (const [i, path] of paths.entries()) {
      await until(() => answers(path) && box.status(path)?.pid === pids[i], `${path} is supervised again`);
      expect(copies(path)).toEqual([pids[i] as number]);
    }
    expect(both[1].running).toBe(true);
  });

  test("killed and begun again while it stops everything: what was to end is started afresh", async () => {
    await using box = new Sandbox();
    const scan = box.directory("scan");
    const slow = box.service("scan/slow", {
      run: "#!/bin/sh\ntrap '' TERM\necho $$ >> starts\nwhile :; do sleep 0.1; done\n",
    });
    const quick = box.service("scan/quick", { run: NOTED });
    const first = box.svscan(scan);
    for (const path of [slow, quick]) await until(() => existsSync(join(path, "starts")), "it is up");
    const pid = await box.up(slow);
    first.signal("SIGTERM");
    await until(() => !answers(quick), "one has left");
    await kill(first);
    box.svscan(scan);
    await until(() => answers(slow) && answers(quick), "both are supervised");
    await until(() => box.status(slow)?.pid === pid, "the deaf one is adopted");
    await box.up(quick);
    expect([box.status(slow)?.want, box.status(quick)?.want]).toEqual(["up", "up"]);
    process.kill(pid, "SIGKILL");
    await box.up(slow, pid);
  });

  test.skipIf(!haveC)("a C supervise that lives is respected", async () => {
    await using box = new Sandbox();
    const directory = box.service("a", { run: NOTED });
    const c = box.supervise(directory, {}, theirs("supervise"));
    const pid = await box.up(directory);
    const { code, stderr } = await box.run([ours("supervise"), directory]);
    expect([code, stderr]).toEqual([
      111,
      `supervise: fatal: unable to acquire ${directory}/supervise/lock: temporary failure\n`,
    ]);
    expect(c.running && alive(pid)).toBe(true);
    expect(copies(directory)).toEqual([pid]);
  });

  test.skipIf(!haveC)("what a C supervise that was killed left is adopted, with its wish", async () => {
    await using box = new Sandbox();
    const { directory, pid } = await orphan(box, "a", theirs("supervise"));
    await supervised(box, directory);
    expect(box.status(directory)).toMatchObject({ pid, want: "up" });
    expect(copies(directory)).toEqual([pid]);
    const phase: Phase = recordOf(directory).phase;
    expect(phase).toBe("running");
  });

  test.skipIf(!haveC)("C starts a second copy of what we left: that is what adoption is for", async () => {
    await using box = new Sandbox();
    const { directory, pid } = await orphan(box);
    const c = box.supervise(directory, {}, theirs("supervise"));
    await until(() => copies(directory).length === 2, "there are two");
    expect(copies(directory)).toContain(pid);
    await kill(c);
  });
});

test("every thread of a supervisor blocks the signals that it takes as events", async () => {
  await using box = new Sandbox();
  const all: Running[] = [];
  for (let i = 0; i < 4; i++) {
    all.push(box.svscan(box.directory(`scan${i}`)));
    all.push(await supervised(box, box.service(`service${i}`, { run: NOTED })));
  }
  const bit = (signal: number) => 1n << BigInt(signal - 1);
  const wanted = { svscan: bit(17) | bit(15) | bit(1) | bit(2) | bit(3) | bit(12), supervise: bit(17) };
  for (const [i, { pid }] of all.entries()) {
    const set = i % 2 === 0 ? wanted.svscan : wanted.supervise;
    await until(() => stat(pid).state === "S", "it waits for events");
    await until(
      () =>
        Bun.spawnSync(["ls", `/proc/${pid}/task`])
          .stdout.toString()
          .trim()
          .split("\n")
          .every((task) => {
            const status = readFileSync(`/proc/${pid}/task/${task}/status`, "latin1");
            return (BigInt(`0x${/SigBlk:\s*(\w+)/.exec(status)?.[1]}`) & set) === set;
          }),
      "all threads block them",
    );
  }
});
