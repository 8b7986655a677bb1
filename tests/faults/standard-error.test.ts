// Nobody reads what svscan says. C: SIGPIPE ends svscan (and supervise) at its first message; with a full pipe it waits in
// write, deaf to everything.
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { ours } from "../support/programs.ts";
import { type Running, Sandbox, stat } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/** Starts svscan with `stderr`, a word of bash; what it prints first is svscan's own pid. */
async function svscanTo(box: Sandbox, stderr: string): Promise<{ shell: Running; pid: number }> {
  const shell = box.start([
    "/bin/bash",
    "-c",
    `${stderr}; "$0" scan & echo $!; wait $!; echo ended $?`,
    ours("svscan"),
  ]);
  const pid = Number(await until(() => /^(\d+)\n/.exec(shell.stdout)?.[1], "svscan's pid"));
  return { shell, pid };
}

/** svscan lives, and takes commands, deaths, changes and TERM, while it has much to say. */
async function goesOn(box: Sandbox, { shell, pid: svscan }: { shell: Running; pid: number }): Promise<void> {
  const first = await box.up("scan/good");
  // A message at every attempt to start, and one for a link.
  box.service("scan/broken", { run: "" });
  symlinkSync("nowhere", box.at("scan/dangling"));
  await until(() => box.status("scan/broken"), "the broken service is supervised");
  for (let i = 0; i < 3; i++) await box.run([ours("svc"), "-u", "scan/broken"]);
  await box.run([ours("svc"), "-k", "scan/good"]);
  const second = await box.up("scan/good", first);
  await box.run([ours("svc"), "-p", "scan/good"]);
  await until(() => stat(second).state === "T", "the pause is obeyed");
  mkdirSync(box.at("scan/late"));
  box.service("scan/late");
  await box.up("scan/late");
  expect(stat(second).parent).toBe(svscan);
  process.kill(svscan, "SIGTERM");
  await until(() => shell.stdout.includes("ended"), "svscan has ended");
  expect(shell.stdout).toEndWith("ended 0\n");
}

test.concurrent("svscan lives when the reader of its standard error is gone", async () => {
  await using box = new Sandbox();
  box.service("scan/good");
  await goesOn(box, await svscanTo(box, "exec 2> >(exec true); sleep 0.2"));
});

test.concurrent("svscan obeys while its standard error is a full pipe that nobody reads", async () => {
  await using box = new Sandbox();
  box.service("scan/good");
  // A pipe of our own, full to the last byte.
  const full =
    "mkfifo pipe; exec 2<>pipe; dd if=/dev/zero of=pipe bs=1 count=70000 oflag=nonblock 2>/dev/null";
  await goesOn(box, await svscanTo(box, full));
  expect(existsSync(box.at("pipe"))).toBe(true);
});

test.concurrent("svscan lives with its standard error closed, or on a full device", async () => {
  for (const stderr of ["exec 2>&-", "exec 2>/dev/full"]) {
    await using box = new Sandbox();
    box.service("scan/good");
    await goesOn(box, await svscanTo(box, stderr));
  }
});
