// Many services of one svscan have something happen to them in the same moment.
import { expect, test } from "bun:test";
import { Sandbox, signal } from "../support/sandbox.ts";

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
