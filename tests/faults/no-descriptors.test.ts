// No descriptor is left. C: one process for each service, so svscan runs out only of pipes; at 1000 services it starts no
// more, and says so for each at every scan.
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync, renameSync, statSync } from "node:fs";
import { ours } from "../support/programs.ts";
import { alive, Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

test("svscan without descriptors says so once, runs the rest, and starts more when there are some", async () => {
  await using box = new Sandbox();
  const names = Array.from({ length: 24 }, (_, i) => `s${i}`);
  for (const name of names)
    box.service(`scan/${name}`, name === "s3" ? { log: "#!/bin/sh\nexec cat\n" } : {});
  const svscan = box.start(["prlimit", "--nofile=56:56", ours("svscan"), "scan"]);
  const up = () => names.filter((name) => (box.status(`scan/${name}`)?.pid ?? 0) !== 0);
  await until(() => svscan.stderr.includes("process cannot open more files"), "it is said");
  await until(() => up().length > 2, "some are up");
  const running = up();
  expect(running.length).toBeLessThan(names.length);

  // What runs is supervised as ever: commands, deaths, status.
  const [one = "", two = ""] = running;
  const pid = await box.up(`scan/${one}`);
  await box.run([ours("svc"), "-k", `scan/${one}`]);
  await box.up(`scan/${one}`, pid);
  for (let i = 0; i < 3; i++) svscan.signal("SIGHUP");

  // Two leave, others come.
  for (const name of [one, two]) {
    renameSync(box.at("scan", name), box.at("scan", `.${name}`));
    await box.run([ours("svc"), "-dx", `scan/.${name}`]);
  }
  await until(() => up().some((name) => !running.includes(name)), "another service is up");
  const messages = svscan.stderr.trimEnd().split("\n");
  expect(messages[0]).toMatch(/^svscan: warning: unable to start s\d+: process cannot open more files$/);
  // Said once for as long as it is so: a scan at which there were some again ends that.
  expect(messages.length).toBeLessThan(6);
  expect(alive(svscan.pid)).toBe(true);
});

test("svscan keeps locks without descriptors rather than leave services out, also when it is killed or replaced", async () => {
  await using box = new Sandbox();
  const names = Array.from({ length: 24 }, (_, i) => `s${i}`);
  for (const name of names) box.service(`scan/${name}`);
  // Directory, control, lock and process of each are 96, and svscan has some 20.
  const limited = ["prlimit", "--nofile=100:100", ours("svscan"), "scan"];
  let svscan = box.start(limited);
  const pids = await Promise.all(names.map((name) => box.up(`scan/${name}`)));
  const inodes = names.map((name) => statSync(box.at(`scan/${name}/supervise/lock`)).ino);
  const allLocked = () => {
    const held = readFileSync("/proc/locks", "latin1");
    return inodes.every((inode) => held.includes(`:${inode} `));
  };
  expect(allLocked()).toBe(true);
  const locks = () =>
    readdirSync(`/proc/${svscan.pid}/fd`).filter((file) =>
      readlinkSync(`/proc/${svscan.pid}/fd/${file}`).endsWith("/supervise/lock"),
    ).length;
  expect(locks()).toBeLessThan(names.length);

  const stack = () => readFileSync(`/proc/${svscan.pid}/stat`, "latin1").split(" ")[27];
  const before = stack();
  svscan.signal("SIGUSR2");
  await until(() => stack() !== before, "it is a new image");
  await until(allLocked, "it has all locks again");

  svscan.signal("SIGKILL");
  await svscan.ended();
  svscan = box.start(limited);
  await until(allLocked, "the next one has them");
  // Nobody was started twice.
  expect(await Promise.all(names.map((name) => box.up(`scan/${name}`)))).toEqual(pids);
  expect(svscan.stderr).toBe("");
});

test("supervise starts with inherited descriptors of higher numbers than its limit allows", async () => {
  await using box = new Sandbox();
  box.service("s");
  const words = ["-c", 'exec 90</dev/null 91</dev/null; ulimit -n 60; exec "$0" s', ours("supervise")];
  const supervisor = box.start(["/bin/bash", ...words]);
  const pid = await box.up("s");
  expect(readlinkSync(`/proc/${pid}/fd/91`)).toBe("/dev/null");
  expect(supervisor.stderr).toBe("");
});
