// No descriptor is left. C: one process for each service, so svscan runs out only of pipes; at 1000 services it starts no
// more, and says so for each at every scan.
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync } from "node:fs";
import { ours } from "../support/programs.ts";
import { alive, Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

test("svscan without descriptors says so once, runs the rest, and starts more when there are some", async () => {
  await using box = new Sandbox();
  const names = Array.from({ length: 24 }, (_, i) => `s${i}`);
  for (const name of names)
    box.service(`scan/${name}`, name === "s3" ? { log: "#!/bin/sh\nexec cat\n" } : {});
  const svscan = box.start(["prlimit", "--nofile=40:40", ours("svscan"), "scan"]);
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
  await until(() => locks() < names.length, "it gave some up for the processes of others");

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

test("svscan lends the descriptors of directories, and finds each directory again, whatever it is called by then", async () => {
  await using box = new Sandbox();
  const names = Array.from({ length: 48 }, (_, i) => `s${i}`);
  const where = new Map(names.map((name) => [name, `scan/${name}`]));
  const at = (name: string) => where.get(name) ?? "";
  for (const name of names) box.service(`scan/${name}`);
  // Directory and control of each are 96.
  const limited = ["prlimit", "--nofile=90:90", ours("svscan"), "scan"];
  const svscan = box.start(limited);
  for (const name of names) await box.up(at(name));
  const directories = () =>
    new Set(
      readdirSync(`/proc/${svscan.pid}/fd`)
        .map((file) => readlinkSync(`/proc/${svscan.pid}/fd/${file}`))
        .filter((target) => names.some((name) => target === box.at(at(name)))),
    );
  expect(directories().size).toBeLessThan(names.length);

  // Another has the name of each of these by now.
  const lent = names.filter((name) => !directories().has(box.at(at(name))));
  const [renamed = "", replaced = ""] = lent;
  renameSync(box.at(at(renamed)), box.at("scan/.elsewhere"));
  where.set(renamed, "scan/.elsewhere");
  box.service(`scan/.new/${replaced}`, { run: "#!/bin/sh\n: >ran\nexec sleep 1000\n" });
  renameSync(box.at(at(replaced)), box.at("elsewhere"));
  renameSync(box.at("scan/.new", replaced), box.at(at(replaced)));
  where.set(replaced, "elsewhere");

  const obey = async () => {
    for (const name of names) {
      const pid = await box.up(at(name));
      await box.run([ours("svc"), "-t", box.at(at(name))]);
      const next = await box.up(at(name), pid);
      expect(readlinkSync(`/proc/${next}/cwd`)).toBe(box.at(at(name)));
    }
  };
  await obey();
  const [one = ""] = names.slice(-1);
  await box.run([ours("svc"), "-d", at(one)]);
  await box.down(at(one));
  await box.run([ours("svc"), "-u", at(one)]);
  process.kill(await box.up(at(one)), "SIGKILL");
  await obey();

  // A new image of it has the same.
  const stack = () => readFileSync(`/proc/${svscan.pid}/stat`, "latin1").split(" ")[27];
  const before = stack();
  const pids = await Promise.all(names.map((name) => box.up(at(name))));
  svscan.signal("SIGUSR2");
  await until(() => stack() !== before || svscan.stderr.includes("re-execute"), "it is a new image");
  expect(svscan.stderr).not.toContain("re-execute");
  await obey();
  expect(await Promise.all(names.map((name) => box.up(at(name))))).not.toEqual(pids);
}, 120_000);

test("a directory that was lent and is gone is said, and the one in its place is another", async () => {
  await using box = new Sandbox();
  const names = Array.from({ length: 48 }, (_, i) => `s${i}`);
  for (const name of names) box.service(`scan/${name}`);
  const svscan = box.start(["prlimit", "--nofile=90:90", ours("svscan"), "scan"]);
  for (const name of names) await box.up(`scan/${name}`);
  const open = new Set(
    readdirSync(`/proc/${svscan.pid}/fd`).map((file) => readlinkSync(`/proc/${svscan.pid}/fd/${file}`)),
  );
  const lent = names.find((name) => !open.has(box.at("scan", name))) ?? "";
  const pid = await box.up(`scan/${lent}`);
  renameSync(box.at("scan", lent), box.at("scan/.gone"));
  rmSync(box.at("scan/.gone"), { recursive: true });
  box.service("scan/.gone", { run: "#!/bin/sh\n: >ran\nexec sleep 1000\n" });
  process.kill(pid, "SIGKILL");
  await until(
    () => svscan.stderr.includes(`fatal: unable to start ${lent}/run: file does not exist`),
    "it is said",
  );
  expect(readdirSync(box.at("scan/.gone"))).toEqual(["run"]);
});

test("svscan adopts as many as there are descriptors for, and the others when some of those are started again", async () => {
  await using box = new Sandbox();
  const names = Array.from({ length: 48 }, (_, i) => `s${i}`);
  for (const name of names) box.service(`scan/${name}`);
  const limited = ["prlimit", "--nofile=90:90", ours("svscan"), "scan"];
  let svscan = box.start(limited);
  const pids = await Promise.all(names.map((name) => box.up(`scan/${name}`)));
  svscan.signal("SIGKILL");
  await svscan.ended();
  svscan = box.start(limited);
  await until(() => svscan.stderr.includes("process cannot open more files"), "it is said");
  const obeys = async (name: string) => (await box.run([ours("svok"), box.at("scan", name)])).code === 0;
  const adopted: string[] = [];
  for (const name of names) if (await obeys(name)) adopted.push(name);
  expect(adopted.length).toBeGreaterThan(names.length / 2);
  expect(pids.every(alive)).toBe(true);
  for (const name of adopted) await box.run([ours("svc"), "-t", box.at("scan", name)]);
  for (const [i, name] of names.entries()) {
    await until(() => obeys(name), `${name} has a supervisor`);
    if (!adopted.includes(name)) expect(await box.up(`scan/${name}`)).toBe(pids[i] ?? 0);
  }
}, 120_000);

test("supervise starts with inherited descriptors of higher numbers than its limit allows", async () => {
  await using box = new Sandbox();
  box.service("s");
  const words = ["-c", 'exec 90</dev/null 91</dev/null; ulimit -n 60; exec "$0" s', ours("supervise")];
  const supervisor = box.start(["/bin/bash", ...words]);
  const pid = await box.up("s");
  expect(readlinkSync(`/proc/${pid}/fd/91`)).toBe("/dev/null");
  expect(supervisor.stderr).toBe("");
});
