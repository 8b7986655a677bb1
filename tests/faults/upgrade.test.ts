// svscan becomes a new version of itself, on SIGUSR2. svscan(8)
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ServiceRecord } from "../../src/formats/service-record.ts";
import { startBare } from "../support/bare.ts";
import { ours, root } from "../support/programs.ts";
import { alive, type Running, Sandbox, startedBy, stat } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const NOTED = "#!/bin/sh\necho $$ >> starts\nexec sleep 100000\n";
const LOGGER = "#!/bin/sh\nexec cat >/dev/null\n";

/** An executable of the test's own, and svscan by that name on a directory with a pair. */
class Setting {
  readonly executable: string;
  readonly scan: string;
  readonly service: string;
  readonly svscan: Running;

  constructor(readonly box: Sandbox) {
    this.executable = box.at("bin/tend");
    box.directory("bin");
    copyFileSync(join(root, "dist/tend"), this.executable);
    symlinkSync("tend", box.at("bin/svscan"));
    this.scan = box.directory("scan");
    this.service = box.service("scan/a", { run: NOTED, log: LOGGER });
    this.svscan = box.svscan(this.scan, {}, box.at("bin/svscan"));
  }

  async up(): Promise<{ pid: number; logger: number }> {
    const pid = await this.box.up(this.service);
    return { pid, logger: await this.box.up(join(this.service, "log")) };
  }

  /** Puts another file in the place of the executable, as an installation does. */
  install(content: Uint8Array | string): void {
    const next = this.box.at("bin/next");
    writeFileSync(next, content);
    chmodSync(next, 0o755);
    renameSync(next, this.executable);
  }

  /** Which file svscan runs. */
  get image(): string {
    return readFileSync(`/proc/${this.svscan.pid}/maps`, "latin1")
      .split("\n")
      .filter((line) => line.includes("bin/tend"))
      .map((line) => line.split(/\s+/)[4])[0] as string;
  }

  get record(): ServiceRecord {
    return new ServiceRecord(new Uint8Array(readFileSync(join(this.service, "supervise/record"))));
  }

  svc(letters: string): void {
    Bun.spawnSync([ours("svc"), letters, this.service]);
  }
}

/** How many descriptors a process has open, but for those of its children, which come when they have lived for a while. */
const descriptors = (pid: number): number =>
  Bun.spawnSync(["ls", "-l", `/proc/${pid}/fd`])
    .stdout.toString()
    .split("\n")
    .filter((line) => !line.endsWith("[pidfd]")).length;

describe("SIGUSR2", () => {
  test("with a new executable: pid, children, wishes and descriptors stay, and nothing is adopted", async () => {
    await using box = new Sandbox();
    const setting = new Setting(box);
    const { svscan, service } = setting;
    const { pid, logger } = await setting.up();
    setting.svc("-o");
    await until(() => box.status(service)?.want === "once", "it is wanted once");
    const [before, open] = [setting.image, descriptors(svscan.pid)];
    setting.install(readFileSync(join(root, "dist/tend")));
    svscan.signal("SIGUSR2");
    await until(() => setting.image !== undefined && setting.image !== before, "it runs the new file");
    await until(() => descriptors(svscan.pid) === open, "it has as many descriptors as before");
    expect(svscan.running).toBe(true);
    expect(startedBy(svscan.pid).sort()).toEqual([pid, logger].sort());
    expect(box.status(service)).toMatchObject({ pid, want: "once" });
    expect(setting.record.adoptions).toBe(0);
    // A child of the same process still: how it ends is known.
    process.kill(pid, "SIGKILL");
    await box.down(service);
    expect(setting.record.history).toMatchObject([{ pid, status: { killed: 9 } }]);
    svscan.signal("SIGTERM");
    expect((await svscan.ended()).code).toBe(0);
    expect([pid, logger].filter(alive)).toEqual([]);
    expect(svscan.stderr).toBe("");
  });

  test("with the same executable, again and again: nothing grows", async () => {
    await using box = new Sandbox();
    const setting = new Setting(box);
    const { svscan } = setting;
    const { pid, logger } = await setting.up();
    const open = descriptors(svscan.pid);
    for (let i = 0; i < 5; i++) {
      const before = readFileSync(`/proc/${svscan.pid}/stat`, "latin1").split(" ")[27];
      svscan.signal("SIGUSR2");
      // Where the stack begins is chosen anew by each exec.
      await until(
        () => readFileSync(`/proc/${svscan.pid}/stat`, "latin1").split(" ")[27] !== before,
        "it is a new image",
      );
      await until(() => descriptors(svscan.pid) === open, "it has as many descriptors as before");
    }
    expect(startedBy(svscan.pid).sort()).toEqual([pid, logger].sort());
  });

  test.each([
    [
      "no program at all",
      "garbage\n",
      /^svscan: warning: unable to re-execute .*\/bin\/svscan: exec format error\n$/,
    ],
    ["a program that is not tend", "#!/bin/sh\necho hello\n", /: it does not tell its version\n$/],
    ["a tend that cannot start", "#!/bin/sh\nexit 1\n", /: it does not tell its version\n$/],
  ])("with %s: the old one goes on, and says why", async (_, content, message) => {
    await using box = new Sandbox();
    const setting = new Setting(box);
    const { svscan, service } = setting;
    const { pid } = await setting.up();
    setting.install(content);
    svscan.signal("SIGUSR2");
    await until(() => svscan.stderr !== "", "it says why");
    expect(svscan.stderr).toMatch(message);
    setting.svc("-t");
    await box.up(service, pid);
  });

  test("commands that are written meanwhile are obeyed, in their order", async () => {
    await using box = new Sandbox();
    const setting = new Setting(box);
    const { svscan, service } = setting;
    const { pid } = await setting.up();
    for (let i = 0; i < 5; i++) {
      svscan.signal("SIGUSR2");
      for (const letters of ["-p", "-o", "-c", "-u", "-p", "-c"]) {
        setting.svc(letters);
        await Bun.sleep(10);
      }
      setting.svc("-o");
      await until(
        () => box.status(service)?.want === "once" && box.status(service)?.paused === false,
        "the last ones hold",
      );
      expect(box.status(service)?.pid).toBe(pid);
      await until(() => stat(pid).state === "S", "it goes on");
    }
  });

  test("of many services each is answered for: ends, commands and the rest, also of an upgrade in an upgrade", async () => {
    await using box = new Sandbox();
    const names = Array.from({ length: 40 }, (_, i) => `scan/s${i}`);
    for (const name of names) box.service(name, { run: NOTED });
    const svscan = box.svscan(box.at("scan"));
    const before = await Promise.all(names.map((name) => box.up(name)));
    const [first, last] = [names[0] as string, names.at(-1) as string];
    svscan.signal("SIGUSR2");
    Bun.spawnSync([ours("svc"), "-o", box.at(last)]);
    process.kill(before[0] as number, "SIGKILL");
    svscan.signal("SIGUSR2");
    const again = await box.up(first, before[0]);
    await until(() => box.status(last)?.want === "once", "the command is obeyed");
    const after = await Promise.all(names.map((name) => box.up(name)));
    expect(after).toEqual([again, ...before.slice(1)]);
    expect(startedBy(svscan.pid).sort()).toEqual([...after].sort());
    expect(svscan.stderr).toBe("");
  });

  test("children that end meanwhile are waited for, and how they ended is known", async () => {
    await using box = new Sandbox();
    const setting = new Setting(box);
    const { svscan, service } = setting;
    await setting.up();
    for (let i = 0; i < 5; i++) {
      const pid = await box.up(service);
      const { ends } = setting.record;
      svscan.signal("SIGUSR2");
      await Bun.sleep(i * 8);
      process.kill(pid, "SIGUSR1");
      await until(() => setting.record.ends > ends, "its end is noted");
      expect(setting.record.history.at(-1)).toMatchObject({ pid, status: { killed: 10 } });
      await box.up(service, pid);
    }
    expect(existsSync(join(service, "starts"))).toBe(true);
    expect(setting.record.adoptions).toBe(0);
  });

  test("what a version hands on that is not understood is let go of, and svscan begins as after a kill", async () => {
    await using box = new Sandbox();
    const service = box.service("scan/a", { run: NOTED });
    box.directory("scan/a/supervise");
    // The lock is held by nothing but a descriptor that is handed on: unless it is closed, nobody can take the directory.
    const other = `
      const lock = files.openat(files.AT_FDCWD, "scan/a/supervise/lock", files.O_WRONLY | files.O_CREAT, 0o600);
      files.flock(lock, true);
      const letter = { format: 1000, owner: processes.getpid(), mask: "0", started: false, given: [0, 1, 2], held: [lock], handed: [] };
      const list = files.memfdCreate("tend-handover");
      files.write(list, JSON.stringify(letter));
      for (const file of [list, lock]) files.setCloseOnExec(file, false);
      const all = [...environments.variables(environments.environment()), \`TEND_HANDOVER=\${list}\`];
      processes.execve(${JSON.stringify(ours("svscan"))}, ["svscan", "scan"], environments.environmentOf(all));`;
    const svscan = startBare(box, other);
    const pid = await box.up(service);
    expect(stat(pid).parent).toBe(svscan.pid);
    // Nor do services see it.
    expect(readFileSync(`/proc/${pid}/environ`, "latin1")).not.toContain("TEND_HANDOVER");
    expect(svscan.stderr).toBe("");
  });
});
