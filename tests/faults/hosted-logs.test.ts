// The log process is killed, replaced, held up: no line is lost or doubled, and nobody waits for another's directory.
//
// TEND_FAULTS=all kills it at many more of its system calls.
import { describe, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { counted, counter, GENTLY, logHost } from "../support/hosted-logs.ts";
import { CALLS, strace } from "../support/killed-logger.ts";
import { logged } from "../support/log-dir.ts";
import { ours, root } from "../support/programs.ts";
import { alive, type Running, Sandbox } from "../support/sandbox.ts";
import { SmallDisk } from "../support/small-disk.ts";
import { until } from "../support/until.ts";

const all = process.env["TEND_FAULTS"] === "all";
const memory = existsSync("/dev/shm") ? "/dev/shm" : undefined;

const HOSTED = { "log/multilog": "t\ns1000000\nn100000\n./main\n" };
/** Files that are soon full. */
const ROTATING = { "log/multilog": "t\ns4096\nn100000\n./main\n" };

const sizeOf = (box: Sandbox, service: string): string => {
  const path = box.at(service, "log/main/current");
  return existsSync(path) ? readFileSync(path, "latin1").slice(-100) : "";
};

/** More of the service is in its log. */
const writes = async (box: Sandbox, service: string): Promise<void> => {
  const before = sizeOf(box, service);
  await until(() => sizeOf(box, service) !== before, `${service} is logged`);
};

/** svscan on `scan` with two loggers of the log process and one of its own. */
function startAll(box: Sandbox, program = ours("svscan")): Running {
  box.service("scan/fast", { run: counter(), files: HOSTED });
  box.service("scan/gentle", { run: counter(4_000_000, GENTLY), files: ROTATING });
  box.service("scan/classic", {
    run: counter(4_000_000, GENTLY),
    log: `#!/bin/sh\nexec ${ours("multilog")} t s4096 n100000 ./main\n`,
  });
  return box.svscan(box.at("scan"), {}, program);
}

const SERVICES = ["scan/fast", "scan/gentle", "scan/classic"];

const hostAfter = (box: Sandbox, before: number): Promise<number> =>
  until(() => {
    const pid = logHost(box);
    return pid !== 0 && pid !== before && alive(pid) && pid;
  }, "there is a log process");

test("twenty kills of the log process, of svscan and of both lose no line", async () => {
  await using box = new Sandbox(memory);
  let svscan = startAll(box);
  let host = await hostAfter(box, 0);
  const pids = await Promise.all(SERVICES.map((service) => box.up(service)));
  for (let kill = 0; kill < 20; kill++) {
    await writes(box, "scan/fast");
    if (kill % 3 !== 0) svscan.signal("SIGKILL");
    if (kill % 3 !== 1) process.kill(host, "SIGKILL");
    if (kill % 3 !== 0) {
      await svscan.ended();
      // It lives on and goes on without svscan.
      if (kill % 3 === 1) await writes(box, "scan/gentle");
      svscan = box.svscan(box.at("scan"));
    }
    if (kill % 3 !== 1) host = await hostAfter(box, host);
    else {
      await until(() => box.status("scan/.tend-log-host")?.pid === host, "it is taken over");
      expect(alive(host)).toBeTrue();
    }
  }
  for (const service of SERVICES) await counted(box, service);
  expect(await Promise.all(SERVICES.map((service) => box.up(service)))).toEqual(pids);
});

test("what was wished of a logger is wished yet after the log process was killed", async () => {
  await using box = new Sandbox();
  for (const name of ["a", "b", "c"])
    box.service(`scan/${name}`, { run: counter(4_000_000, GENTLY), files: HOSTED });
  box.svscan(box.at("scan"));
  for (const name of ["a", "b", "c"]) await box.up(`scan/${name}/log`);
  await box.run([ours("svc"), "-d", box.at("scan/a/log")]);
  await box.run([ours("svc"), "-p", box.at("scan/b/log")]);
  await until(() => box.status("scan/a/log")?.pid === 0 && box.status("scan/b/log")?.paused, "it is wished");
  const host = logHost(box);
  process.kill(host, "SIGKILL");
  await hostAfter(box, host);
  await writes(box, "scan/c");
  await until(() => box.status("scan/b/log")?.pid === logHost(box), "it has them");
  expect(box.status("scan/a/log")).toMatchObject({ pid: 0, want: "down" });
  expect(box.status("scan/b/log")).toMatchObject({ paused: true, want: "up" });
  await box.run([ours("svc"), "-uc", box.at("scan/a/log"), box.at("scan/b/log")]);
  for (const name of ["a", "b", "c"]) await counted(box, `scan/${name}`);
});

test("where svscan is gone and every logger was told to leave, the log process leaves", async () => {
  await using box = new Sandbox();
  box.service("scan/a", { run: counter(4_000_000, GENTLY), files: HOSTED });
  const svscan = box.svscan(box.at("scan"));
  await box.up("scan/a/log");
  const host = logHost(box);
  svscan.signal("SIGKILL");
  await svscan.ended();
  await writes(box, "scan/a");
  await box.run([ours("svc"), "-dx", box.at("scan/a/log")]);
  await until(() => !alive(host), "it has left");
  // The next svscan begins another.
  box.svscan(box.at("scan"));
  await hostAfter(box, host);
  await counted(box, "scan/a");
});

test("SIGUSR2 of svscan replaces the log process as well, in the middle of lines", async () => {
  await using box = new Sandbox(memory);
  box.directory("bin");
  copyFileSync(join(root, "dist/tend"), box.at("bin/tend"));
  symlinkSync("tend", box.at("bin/svscan"));
  const svscan = startAll(box, box.at("bin/svscan"));
  box.service("scan/half", {
    run: "#!/bin/sh\nprintf 'half a '\nwhile [ ! -e go ]; do sleep 0.05; done\necho line\nexec sleep 1000\n",
    files: HOSTED,
  });
  let host = await hostAfter(box, 0);
  await until(
    () => readFileSync(box.at("scan/half/log/main/.tend-ahead"), "latin1").includes("half a "),
    "half a line is read",
  );
  for (let i = 0; i < 3; i++) {
    await writes(box, "scan/fast");
    copyFileSync(join(root, "dist/tend"), box.at("bin/next"));
    renameSync(box.at("bin/next"), box.at("bin/tend"));
    svscan.signal("SIGUSR2");
    host = await hostAfter(box, host);
  }
  expect(svscan.running).toBeTrue();
  // Ended in order each time: nothing counts as incomplete.
  box.file("scan/half/go", "");
  await until(() => logged(box.at("scan/half/log/main")) !== "", "the other half is there");
  expect(logged(box.at("scan/half/log/main"))).toMatch(/^@[0-9a-f]{24} half a line\n$/);
  for (const service of SERVICES) await counted(box, service);
});

test.skipIf(!SmallDisk.possible)("a full disk holds up one, and loses nothing", async () => {
  await using box = new Sandbox(memory);
  await using disk = await SmallDisk.make(600);
  writeFileSync(disk.at("filler"), Buffer.alloc(300 * 1024));
  box.service("scan/full", {
    run: counter(20_000),
    files: { "log/multilog": `t\ns16777215\n${disk.at("main")}\n` },
  });
  box.service("scan/free", { run: counter(4_000_000, GENTLY), files: ROTATING });
  const svscan = box.svscan(box.at("scan"));
  await until(
    () => svscan.stderr.includes(`unable to write to ${disk.at("main")}/current, pausing`),
    "it is full",
  );
  for (let i = 0; i < 20; i++) await writes(box, "scan/free");
  // Killed in the middle of it, another one is as full, and nobody else waits.
  const host = logHost(box);
  process.kill(host, "SIGKILL");
  await hostAfter(box, host);
  for (let i = 0; i < 20; i++) await writes(box, "scan/free");
  await counted(box, "scan/free");
  rmSync(disk.at("filler"));
  const before = logged(disk.at("main")).length;
  await until(() => logged(disk.at("main")).length > before, "more is written");
  const written = logged(disk.at("main")).split("\n").slice(0, -1);
  for (const [i, each] of written.entries())
    expect(each.slice(26)).toBe(`${i + 1} a line of the service, of some length`);
});

/** What is asked of a logger again and again, so that the log process comes to the call. */
const ASKED: { readonly [letters: string]: readonly string[] } = {
  "-a": ["read", "write", "tee", "ioctl", "epoll_wait"],
  "-at": ["openat", "close", "fsync"],
  "-ta": ["fchmod", "renameat2", "statx"],
  "-t": ["unlinkat", "fallocate", "mmap", "mkdirat", "mlock", "renameat"],
};

describe.skipIf(strace === null)("killed at its system calls, the log process loses nothing", () => {
  test("none that multilog is killed at is left out", () => {
    const here = ["clone3", "getdents64", ...Object.values(ASKED).flat()];
    expect(here.sort()).toEqual([...CALLS].sort());
  });

  for (const [letters, calls] of Object.entries(ASKED)) {
    test.concurrent(
      calls.join(", "),
      async () => {
        await using box = new Sandbox(memory);
        box.service("scan/a", { run: counter(4_000_000, GENTLY), files: ROTATING });
        box.service("scan/b", { run: counter(4_000_000, GENTLY), files: HOSTED });
        box.svscan(box.at("scan"));
        let host = await hostAfter(box, 0);
        for (const call of calls) {
          for (const nth of all
            ? Array.from({ length: 40 }, (_, i) => 1 + i)
            : [1 + (calls.indexOf(call) % 3)]) {
            await writes(box, "scan/a");
            const inject = `inject=${call}:signal=KILL:when=${nth}`;
            const tracing = [strace as string, "-qq", "-o", "/dev/null", "-e", `trace=${call}`, "-e", inject];
            const tracer = box.start([...tracing, "-p", `${host}`]);
            // A call that is not made, because there is another way, is not waited for.
            for (let i = 0; tracer.running && i < 40; i++) {
              await box.run([ours("svc"), letters, box.at("scan/a/log")]);
              await Bun.sleep(50);
            }
            if (tracer.running) process.kill(host, "SIGKILL");
            await tracer.ended();
            host = await hostAfter(box, host);
          }
        }
        await counted(box, "scan/a");
        await counted(box, "scan/b");
      },
      all ? 1_200_000 : undefined,
    );
  }
});
