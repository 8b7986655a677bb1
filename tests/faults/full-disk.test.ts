// No room for the status. C: warns at every attempt, and the status stays wrong until the next change after room is made.
import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { canMount, PrivateDisk } from "../support/private-disk.ts";
import { ours } from "../support/programs.ts";
import { alive, childrenOf, Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const SERVICE = 'mkdir -p scan/s && cp "$0" scan/s/run && chmod 755 scan/s/run';

test.skipIf(!canMount).concurrent.each([
  ["supervise", ["supervise", "scan/s"]],
  ["svscan", ["svscan", "scan"]],
] as const)(
  "%s without room for the status runs the service, obeys, says so once, and catches up",
  async (name, words) => {
    await using box = new Sandbox();
    const disk = await PrivateDisk.make(box, "size=64k,mode=755");
    const run = box.file("run", "#!/bin/sh\nexec sleep 100000\n");
    expect((await disk.start("/bin/sh", "-c", SERVICE, run).ended()).code).toBe(0);
    await disk.fill();
    const [program, directory] = words;
    const supervisor = disk.start(ours(program), directory);
    const service = () => childrenOf(supervisor.pid).find(alive);
    const first = await until(service, "the service runs");
    const path = `${disk.path}/scan/s`;
    expect(box.status(path)?.pid).toBeUndefined();

    // Commands are obeyed although nobody can be told.
    const svc = (letters: string) => disk.start(ours("svc"), letters, "scan/s").ended();
    expect((await svc("-t")).code).toBe(0);
    const second = await until(
      () => childrenOf(supervisor.pid).find((pid) => pid !== first && alive(pid)),
      "it is restarted",
    );
    expect(box.status(path)?.pid).toBeUndefined();

    rmSync(`${disk.path}/fill`);
    expect(await box.up(path)).toBe(second);
    const where = name === "svscan" ? "s" : "scan/s";
    const said = supervisor.stderr.split("\n").filter((line) => line.includes("status"));
    expect(said).toEqual([
      `supervise: warning: unable to write ${where}/supervise/status.new: out of disk space`,
    ]);
    await svc("-d");
    await box.down(path);
    await svc("-u");
    await box.up(path, second);
  },
);

test.skipIf(!canMount)(
  "a disk that fills up while the service runs does not make the status wrong",
  async () => {
    await using box = new Sandbox();
    const disk = await PrivateDisk.make(box, "size=64k,mode=755");
    const run = box.file("run", "#!/bin/sh\nexec sleep 100000\n");
    await disk.start("/bin/sh", "-c", SERVICE, run).ended();
    const supervisor = disk.start(ours("supervise"), "scan/s");
    const path = `${disk.path}/scan/s`;
    let pid = await box.up(path);
    // Both files of the exchange are there after the second status.
    await disk.start(ours("svc"), "-t", "scan/s").ended();
    pid = await box.up(path, pid);
    await disk.fill();
    await disk.start(ours("svc"), "-t", "scan/s").ended();
    await box.up(path, pid);
    expect(supervisor.stderr).toBe("");
  },
);
