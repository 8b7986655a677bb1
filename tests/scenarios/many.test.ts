// Many services of one svscan have something happen to them in the same moment.
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { Sandbox, signal } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

test("services that die in the same moment are all restarted", async () => {
  await using box = new Sandbox();
  box.directory("scan");
  const names = Array.from({ length: 60 }, (_, i) => `scan/s${i}`);
  for (const name of names) box.service(name);
  const svscan = box.svscan("scan");
  const before = new Map<string, number>();
  for (const name of names) before.set(name, await box.up(name));
  // One SIGCHLD stands for all that end while svscan is stopped.
  svscan.signal("SIGSTOP");
  for (const pid of before.values()) signal(pid, "SIGKILL");
  svscan.signal("SIGCONT");
  for (const name of names) expect(await box.up(name, before.get(name))).not.toBe(before.get(name) as number);
});

test("while a thousand begin, those that run are not left alone", async () => {
  await using box = new Sandbox();
  box.service("scan/first");
  const svscan = box.svscan("scan");
  await box.up("scan/first");
  const names = Array.from({ length: 1000 }, (_, i) => `scan/s${i}`);
  // All of them are found by one scan.
  svscan.signal("SIGSTOP");
  for (const name of names) box.service(name, { down: true });
  svscan.signal("SIGCONT");
  await until(() => names.some((name) => box.has(`${name}/supervise/ok`)), "some have begun");
  writeFileSync(box.at("scan/first/supervise/control"), "d");
  await until(() => box.status("scan/first")?.pid === 0, "the command was obeyed");
  expect(names.every((name) => box.has(`${name}/supervise/status`))).toBe(false);
  await until(() => names.every((name) => box.has(`${name}/supervise/status`)), "all have begun");
});
