// Service directories are renamed, swapped and removed under their supervisor. C: works through its working directory, so
// the same; but a status that cannot be written is warned of at each attempt.
import { expect, test } from "bun:test";
import { renameSync, rmSync } from "node:fs";
import { ours } from "../support/programs.ts";
import { alive, childrenOf, Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

test.concurrent("two directories that swap names go on as they are, each by its new name", async () => {
  await using box = new Sandbox();
  for (const name of ["a", "b"])
    box.service(`scan/${name}`, { run: `#!/bin/sh\necho ${name} >who\nexec sleep 100000\n` });
  const svscan = box.svscan("scan");
  const [a, b] = await Promise.all([box.up("scan/a"), box.up("scan/b")]);
  renameSync(box.at("scan/a"), box.at("scan/.swap"));
  renameSync(box.at("scan/b"), box.at("scan/a"));
  renameSync(box.at("scan/.swap"), box.at("scan/b"));
  svscan.signal("SIGHUP");
  box.service("scan/mark");
  await box.up("scan/mark");
  expect([await box.up("scan/b"), await box.up("scan/a")]).toEqual([a, b]);
  await box.run([ours("svc"), "-t", "scan/a"]);
  await box.up("scan/a", b);
  expect([alive(a), alive(b)]).toEqual([true, false]);
  expect(svscan.stderr).toBe("");
});

test.concurrent("a renamed directory is supervised on, also where its parent moved", async () => {
  await using box = new Sandbox();
  box.service("deep/er/s");
  const supervisor = box.supervise("deep/er/s");
  const pid = await box.up("deep/er/s");
  renameSync(box.at("deep/er/s"), box.at("deep/er/t"));
  renameSync(box.at("deep/er"), box.at("other"));
  expect((await box.run([ours("svstat"), "other/t"])).stdout).toMatch(
    /^other\/t: up \(pid \d+\) \d+ seconds\n$/,
  );
  await box.run([ours("svc"), "-t", "other/t"]);
  await box.up("other/t", pid);
  await box.run([ours("svc"), "-dx", "other/t"]);
  expect(await supervisor.ended()).toMatchObject({ code: 0, stderr: "" });
});

test.concurrent("a removed directory leaves its service running, and its supervisor alive", async () => {
  await using box = new Sandbox();
  box.service("scan/s");
  box.service("scan/other");
  const svscan = box.svscan("scan");
  const [pid, other] = await Promise.all([box.became("sleep", "scan/s"), box.up("scan/other")]);
  rmSync(box.at("scan/s"), { recursive: true });
  svscan.signal("SIGHUP");
  box.service("scan/mark");
  await box.up("scan/mark");
  expect(alive(pid)).toBe(true);
  process.kill(pid, "SIGKILL");
  await until(
    () => svscan.stderr.includes("supervise: fatal: unable to start s/run: file does not exist\n"),
    "it is said",
  );
  // The others are kept, and TERM ends it all.
  await box.run([ours("svc"), "-t", "scan/other"]);
  await box.up("scan/other", other);
  svscan.signal("SIGTERM");
  expect((await svscan.ended()).code).toBe(0);
  expect(box.pids()).toEqual([]);
  // One complaint of the status, not one for each attempt.
  expect(svscan.stderr.match(/status/g)?.length ?? 0).toBeLessThanOrEqual(2);
});

test.concurrent("the scan directory itself may be renamed, and removed with what it held", async () => {
  await using box = new Sandbox();
  box.service("scan/s");
  const svscan = box.svscan("scan");
  const pid = await box.became("sleep", "scan/s");
  renameSync(box.at("scan"), box.at("moved"));
  box.service("moved/late");
  await box.up("moved/late");
  expect(await box.up("moved/s")).toBe(pid);
  rmSync(box.at("moved"), { recursive: true });
  svscan.signal("SIGHUP");
  expect(alive(pid)).toBe(true);
  svscan.signal("SIGTERM");
  expect((await svscan.ended()).code).toBe(0);
  expect(childrenOf(svscan.pid)).toEqual([]);
  expect(box.pids()).toEqual([]);
});
