// Many services of one svscan have something happen to them in the same moment.
import { expect, test } from "bun:test";
import { readlinkSync, rmSync, writeFileSync } from "node:fs";
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

test("of many that begin at once, those that cannot be started keep no other from running, and each is said", async () => {
  await using box = new Sandbox();
  const names = Array.from({ length: 90 }, (_, i) => `s${i}`);
  const kind = (name: string) => Number(name.slice(1)) % 3;
  for (const name of names) {
    box.service(`scan/${name}`);
    if (kind(name) === 1) rmSync(box.at("scan", name, "run"));
    if (kind(name) === 2) writeFileSync(box.at("scan", name, "run"), "#!/nowhere/sh\n");
  }
  const svscan = box.svscan("scan");
  const pids = new Set<number>();
  for (const name of names.filter((name) => kind(name) === 0)) pids.add(await box.up(`scan/${name}`));
  expect(pids.size).toBe(30);
  for (const pid of pids)
    expect(readlinkSync(`/proc/${pid}/cwd`)).toBe(
      box.at("scan", names.find((name) => box.status(`scan/${name}`)?.pid === pid) ?? ""),
    );
  const said = (name: string) => `supervise: fatal: unable to start ${name}/run: file does not exist\n`;
  const failing = names.filter((name) => kind(name) !== 0);
  await until(() => failing.every((name) => svscan.stderr.includes(said(name))), "all are said");
  // They are tried again, as in C.
  await until(() => failing.every((name) => svscan.stderr.split(said(name)).length > 2), "and again");
  for (const name of failing) expect(box.status(`scan/${name}`)).toMatchObject({ pid: 0, want: "up" });
});
