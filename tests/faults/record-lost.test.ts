// `supervise/record` is mapped into the supervisor's memory, and something happens to the file. It is of no use to C, which
// has nothing of the kind: there a killed supervisor means a second copy of every service.
import { expect, test } from "bun:test";
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { ServiceRecord } from "../../src/formats/service-record.ts";
import { canMount, PrivateDisk } from "../support/private-disk.ts";
import { ours } from "../support/programs.ts";
import { alive, childrenOf, type Running, Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const recordOf = (path: string) =>
  new ServiceRecord(new Uint8Array(readFileSync(`${path}/supervise/record`)));

/** svscan is killed, and another one takes over what is there. */
async function again(box: Sandbox, svscan: Running): Promise<Running> {
  svscan.signal("SIGKILL");
  await svscan.ended();
  return box.svscan("scan");
}

const answers = (path: string) => Bun.spawnSync([ours("svok"), path]).exitCode === 0;

/** What may happen to it, and whether it is noticed by the scan of every five seconds, without any event. */
const DAMAGES: readonly (readonly [what: string, damage: (path: string) => void, noticed: boolean])[] = [
  ["is cut to nothing", (path) => truncateSync(path, 0), true],
  [
    "is nothing but zeros",
    (path) => {
      for (const size of [0, 4096]) truncateSync(path, size);
    },
    true,
  ],
  ["is overwritten with garbage", (path) => writeFileSync(path, Buffer.alloc(4096, 0xff)), true],
  ["is removed", unlinkSync, false],
  [
    "is replaced by a directory",
    (path) => {
      renameSync(path, `${path}.old`);
      mkdirSync(path);
    },
    false,
  ],
];

test.concurrent.each(DAMAGES)(
  "a record that %s while services run does no harm, and they are adopted all the same",
  async (_what, damage, noticed) => {
    await using box = new Sandbox();
    for (const name of ["s", "other", "killed", "idle"]) box.service(`scan/${name}`);
    let svscan = box.svscan("scan");
    const at = (name: string) => box.at("scan", name);
    const pid = await box.up("scan/s");
    const [other, killed, idle] = [
      await box.up("scan/other"),
      await box.up("scan/killed"),
      await box.up("scan/idle"),
    ];
    for (const name of ["s", "killed", "idle"]) damage(`${at(name)}/supervise/record`);
    await box.run([ours("svc"), "-k", "scan/killed"]);
    await box.run([ours("svc"), "-o", "scan/s"]);
    const next = await box.up("scan/killed", killed);
    await until(() => box.status("scan/s")?.want === "once", "svc -o is obeyed");
    if (noticed) {
      await until(() => recordOf(at("idle")).pid === idle, "the scan has made one anew");
      expect(recordOf(at("s"))).toMatchObject({ phase: "running", pid, want: "once" });
      expect(recordOf(at("killed"))).toMatchObject({ phase: "running", pid: next, want: "up" });
      expect(svscan.stderr.split("\n").sort()).toEqual(
        ["", "idle", "killed", "s"].map((name) =>
          name === ""
            ? ""
            : `supervise: warning: ${name}/supervise/record was lost or overwritten, making it anew`,
        ),
      );
    }
    svscan = await again(box, svscan);
    for (const name of ["s", "other", "killed", "idle"])
      await until(() => answers(at(name)), `${name} has a supervisor`);
    expect(["s", "other", "killed", "idle"].map((name) => box.status(`scan/${name}`)?.pid)).toEqual([
      pid,
      other,
      next,
      idle,
    ]);
    expect(box.status("scan/s")?.want).toBe("once");
    await box.run([ours("svc"), "-d", at("s"), at("killed")]);
    await box.down("scan/s");
    await box.down("scan/killed");
    expect([alive(pid), alive(next), alive(idle)]).toEqual([false, false, true]);
  },
);

test.concurrent("a backup that is copied over a live record, of this very boot, is not believed", async () => {
  await using box = new Sandbox();
  const dir = box.service("scan/s");
  const record = `${dir}/supervise/record`;
  let svscan = box.svscan("scan");
  const first = await box.up("scan/s");
  copyFileSync(record, box.at("backup"));
  await box.run([ours("svc"), "-k", dir]);
  const pid = await box.up("scan/s", first);
  const { ino } = statSync(record);
  // As cp(1) does: into the same file.
  copyFileSync(box.at("backup"), record);
  await box.run([ours("svc"), "-o", dir]);
  await until(() => box.status("scan/s")?.want === "once", "svc -o is obeyed");
  expect(recordOf(dir)).toMatchObject({ phase: "running", pid, want: "once" });
  expect(statSync(record).ino).not.toBe(ino);
  svscan = await again(box, svscan);
  await until(() => answers(dir), "it has a supervisor");
  expect(box.status("scan/s")).toMatchObject({ pid, want: "once" });
  expect(svscan.stderr).toBe("");
});

test
  .skipIf(!canMount)
  .concurrent(
    "a full disk that has no space for the record's page: said once, and it is made when there is some",
    async () => {
      await using box = new Sandbox();
      const disk = await PrivateDisk.make(box, "size=256k,mode=755");
      const run = box.file("run", "#!/bin/sh\nexec sleep 100000\n");
      await disk.start("/bin/sh", "-c", 'mkdir -p s && cp "$0" s/run && chmod 755 s/run', run).ended();
      const supervisor = disk.start(ours("supervise"), "s");
      const dir = `${disk.path}/s`;
      const record = `${dir}/supervise/record`;
      const first = await box.up(dir);
      // A hole where the page was: the file system must find a new one for it, as if it copied pages to write them.
      await disk
        .start("/bin/sh", "-c", "fallocate --punch-hole --offset 0 --length 4096 s/supervise/record")
        .ended();
      await disk.fill();
      const { blocks } = statSync(record);
      expect(blocks).toBe(0);
      process.kill(first, "SIGKILL");
      const next = await until(
        () => childrenOf(supervisor.pid).find((pid) => pid !== first && alive(pid)),
        "it is restarted",
      );
      await until(() => supervisor.stderr.includes("out of disk space"), "it is said");
      await disk.start("rm", "fill").ended();
      await until(() => statSync(record, { throwIfNoEntry: false })?.blocks, "there is a record again");
      await until(() => recordOf(dir).pid === next, "and it tells the pid");
      expect(supervisor.stderr.split("\n").filter((line) => line.includes("record"))).toEqual([
        "supervise: warning: s/supervise/record was lost or overwritten, making it anew",
        "supervise: warning: unable to keep s/supervise/record: out of disk space",
      ]);
    },
  );

test.concurrent("a record that could not be had is made as soon as it can be", async () => {
  await using box = new Sandbox();
  const dir = box.service("s");
  mkdirSync(`${dir}/supervise/record`, { recursive: true });
  const supervisor = box.supervise("s");
  const pid = await box.up("s");
  rmdirSync(`${dir}/supervise/record`);
  await until(() => box.has("s/supervise/record") && recordOf(dir).pid === pid, "there is one");
  expect(recordOf(dir)).toMatchObject({ phase: "running", pid, want: "up" });
  expect(supervisor.stderr).toBe("supervise: warning: unable to keep s/supervise/record: is a directory\n");
});
