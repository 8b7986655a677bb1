// A service host in a process with nothing else in it: what the engine decides is done, and what came of it is told.
import { expect, test } from "bun:test";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { bareCommand, said, startBare } from "../../tests/support/bare.ts";
import { ours } from "../../tests/support/programs.ts";
import { alive, type Running, Sandbox } from "../../tests/support/sandbox.ts";
import { until } from "../../tests/support/until.ts";

/** Hosts the service `s`; reports are said, and what `source` says. `host` is the host, USR1 calls `onUsr1`. */
function host(box: Sandbox, source = ""): Running {
  const script = `let onUsr1 = () => {};
     const world = new worlds.World(["SIGUSR1"], () => onUsr1(), (line) => say(line));
     const host = new hosts.ServiceHost(world, {
       at: files.AT_FDCWD, path: "s", title: "s",
       pipes: () => [], pipe: () => undefined, others: () => new Set(),
       onLeave: () => { say("left"); world.loop.stop(); },
     });
     ${source}
     world.loop.run();`;
  // Without signals blocked, or the service would have them blocked as well: the world sees to its own.
  return box.start(bareCommand(box, script, []));
}

const letters = (box: Sandbox, text: string) =>
  writeFileSync(box.at("s/supervise/control"), text, { flag: "r+" });

test("the service is started, and started again when it dies", async () => {
  await using box = new Sandbox();
  box.service("s");
  const running = host(box);
  const first = await box.up("s");
  process.kill(first, "SIGKILL");
  const second = await box.up("s", first);
  expect(alive(second)).toBe(true);
  expect(running.stdout).toBe("");
});

test("letters in the fifo are obeyed in their order, other bytes are not, and after x nothing is", async () => {
  await using box = new Sandbox();
  box.service("s", { down: true });
  const running = host(box);
  await until(() => box.status("s"), "there is a status");
  letters(box, "?\n u\0U");
  const pid = await box.up("s");
  letters(box, "dxu");
  expect((await running.ended()).code).toBe(0);
  expect(said(running.stdout)).toEqual(["left"]);
  expect(alive(pid)).toBe(false);
  expect(box.status("s")).toMatchObject({ pid: 0, want: "up" });
  // The lock is free, and nobody answers.
  expect((await box.run([ours("svok"), "s"])).code).toBe(100);
});

test("command is as a letter from the fifo", async () => {
  await using box = new Sandbox();
  box.service("s");
  const running = host(box, `onUsr1 = () => { host.command("down"); host.command("exit"); };`);
  await box.up("s");
  running.signal("SIGUSR1");
  expect((await running.ended()).stdout).toBe('"left"\n');
});

test("up and coming say what is so", async () => {
  await using box = new Sandbox();
  box.service("s", { down: true, run: "" });
  const running = host(
    box,
    `const show = (what) => say([what, host.up, host.coming]);
     show("down");
     host.command("up");
     show("no run");
     files.write(files.openat(files.AT_FDCWD, "s/run", files.O_WRONLY | files.O_CREAT, 0o755), "");
     onUsr1 = () => { show("up"); host.command("down"); host.command("exit"); };`,
  );
  await until(() => said(running.stdout).length === 3, "it was tried without a run");
  renameSync(box.file("run", "#!/bin/sh\nexec sleep 1000\n"), box.at("s/run"));
  await box.up("s");
  running.signal("SIGUSR1");
  const lines = said((await running.ended()).stdout);
  expect(lines.slice(0, 3)).toEqual([
    ["down", false, false],
    "supervise: fatal: unable to start s/run: file does not exist",
    ["no run", false, true],
  ]);
  expect(lines.slice(-2)).toEqual([["up", true, true], "left"]);
});

test("a run that cannot be executed is said at each attempt, once a second, and the status says down", async () => {
  await using box = new Sandbox();
  box.service("s", { run: "" });
  box.file("s/run", "not executable");
  const running = host(box);
  const attempts = () =>
    said(running.stdout).filter((line) => line === "supervise: fatal: unable to start s/run: access denied")
      .length;
  await until(() => attempts() === 1, "it was tried");
  const first = performance.now();
  expect(box.status("s")).toMatchObject({ pid: 0, want: "up" });
  await until(() => attempts() === 2, "it was tried again");
  expect(performance.now() - first).toBeGreaterThan(700);
  renameSync(box.file("run", "#!/bin/sh\nexec sleep 1000\n"), box.at("s/run"));
  await box.up("s");
});

test("a status that cannot be written is said once, and caught up with by itself", async () => {
  await using box = new Sandbox();
  box.service("s");
  const running = host(box);
  const pid = await box.up("s");
  rmSync(box.at("s/supervise/status.new"), { force: true });
  box.directory("s/supervise/status.new/in the way");
  process.kill(pid, "SIGKILL");
  await until(() => running.stdout !== "", "it is said");
  await until(() => !alive(pid), "the service has died");
  letters(box, "o");
  letters(box, "u");
  expect(box.status("s")?.pid).toBe(pid);
  rmSync(box.at("s/supervise/status.new"), { recursive: true });
  await box.up("s", pid);
  expect(said(running.stdout)).toEqual([
    "supervise: warning: unable to open s/supervise/status.new: is a directory",
  ]);
});

test("what is started gets the directory as its own, wherever that has moved", async () => {
  await using box = new Sandbox();
  box.service("s", { run: "#!/bin/sh\npwd -P >where\nexec sleep 1000\n" });
  host(box);
  const first = await box.up("s");
  await until(
    () => box.has("s/where") && readFileSync(box.at("s/where"), "latin1") !== "",
    "it has said where it is",
  );
  renameSync(box.at("s"), box.at("moved"));
  process.kill(first, "SIGKILL");
  await box.up("moved", first);
  await until(
    () => readFileSync(box.at("moved/where"), "latin1") === `${box.at("moved")}\n`,
    "it is where the directory is",
  );
});

test("two hosts cannot have one directory", async () => {
  await using box = new Sandbox();
  box.service("s");
  host(box);
  await box.up("s");
  const second = startBare(
    box,
    `const world = new worlds.World([], () => {}, say);
     try {
       new hosts.ServiceHost(world, { at: files.AT_FDCWD, path: "s", title: "s", pipes: () => [],
         pipe: () => undefined, others: () => new Set(), onLeave: () => {} });
     } catch (error) { say([error instanceof control.Unable, error.message]); }`,
  );
  expect(said((await second.ended()).stdout)).toEqual([
    [true, "unable to acquire s/supervise/lock: temporary failure"],
  ]);
});

test("a child that nobody started here is reaped and ignored", async () => {
  await using box = new Sandbox();
  box.service("s");
  const running = host(box, "processes.prctl(36, 1);"); // PR_SET_CHILD_SUBREAPER
  await box.up("s");
  writeFileSync(box.at("s/run"), "#!/bin/sh\n(sleep 0.05 & echo $! >orphan)\nexec sleep 1000\n");
  letters(box, "t");
  const orphan = await until(
    // Made before it is written.
    () => Number(readFileSync(box.at("s/orphan"), "latin1")) || undefined,
    "it has an orphan",
  );
  await until(() => {
    try {
      process.kill(orphan, 0);
      return false;
    } catch {
      return true;
    }
  }, "not even a zombie of it is left");
  expect(running.stdout).toBe("");
});
