// `run` cannot be executed, or is replaced. C: forks, says "up" for a second, and the child complains, each second for ever.
// Ours knows at once: the same message, at the same pace, and a status that says "down".
import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { ours } from "../support/programs.ts";
import { Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const BROKEN: readonly (readonly [what: string, text: string, put: (path: string) => void])[] = [
  ["is missing", "file does not exist", () => {}],
  ["is not executable", "access denied", (path) => writeFileSync(path, "#!/bin/sh\nexec sleep 1\n")],
  ["names no interpreter there is", "file does not exist", (path) => script(path, "#!/nowhere/sh\n")],
  ["is a directory", "access denied", (path) => mkdirSync(path)],
  ["is empty", "exec format error", (path) => script(path, "")],
  ["has no #! line", "exec format error", (path) => script(path, "exec sleep 1\n")],
  ["is garbage", "exec format error", (path) => script(path, "\x7fELF\0\0\0garbage")],
  ["is a dangling link", "file does not exist", (path) => void Bun.spawnSync(["ln", "-s", "nowhere", path])],
  ["is a loop of links", "symbolic link loop", (path) => void Bun.spawnSync(["ln", "-s", "run", path])],
];

function script(path: string, content: string): void {
  writeFileSync(path, content, "latin1");
  chmodSync(path, 0o755);
}

const SLEEPER = "#!/bin/sh\nexec sleep 100000\n";

test.concurrent.each(BROKEN)(
  "a run that %s: %s; it starts once it is put right",
  async (_what, text, put) => {
    await using box = new Sandbox();
    const path = box.service("scan/s", { run: "" });
    put(`${path}/run`);
    box.service("scan/other");
    const svscan = box.svscan("scan");
    const message = `supervise: fatal: unable to start s/run: ${text}\n`;
    await until(() => svscan.stderr.startsWith(message), "it is said");
    await box.up("scan/other");
    // The status is true, and commands are obeyed at once.
    expect((await box.run([ours("svstat"), "s"], { cwd: box.at("scan") })).stdout).toMatch(
      /^s: down \d+ seconds, normally up, want up\n$/,
    );
    await box.run([ours("svc"), "-d", "scan/s"]);
    await until(() => box.status("scan/s")?.want === "down", "svc -d is obeyed");
    await box.run([ours("svc"), "-u", "scan/s"]);
    rmSync(`${path}/run`, { recursive: true, force: true });
    script(`${path}/next`, SLEEPER);
    renameSync(`${path}/next`, `${path}/run`);
    await box.up("scan/s");
    // The pace is kept: no more than one message a second, and nothing else is said.
    const lines = svscan.stderr.trimEnd().split("\n");
    expect(new Set(lines).size).toBeLessThanOrEqual(2); // between rm and rename it was missing
    expect(lines[0]).toBe(message.trimEnd());
  },
);

test.concurrent("a run that is replaced takes effect at the next start, and not before", async () => {
  await using box = new Sandbox();
  const path = box.service("s", { run: "#!/bin/sh\necho one\nexec sleep 100000\n" });
  const supervisor = box.supervise("s");
  const pid = await box.up("s");
  await until(() => supervisor.stdout === "one\n", "the first runs");
  script(`${path}/next`, "#!/bin/sh\necho two\nexec sleep 100000\n");
  renameSync(`${path}/next`, `${path}/run`);
  expect(await box.up("s")).toBe(pid);
  await box.run([ours("svc"), "-t", "s"]);
  await box.up("s", pid);
  await until(() => supervisor.stdout === "one\ntwo\n", "the second runs");
});

test.concurrent("a run that is open for writing is text busy, and starts once it is closed", async () => {
  await using box = new Sandbox();
  const path = box.service("s", { run: "" });
  await box.run(["cp", "/bin/sleep", `${path}/sleep`]);
  const writer = box.start([
    "/bin/bash",
    "-c",
    'exec 3>>"$0"; echo open; exec sleep 100000',
    `${path}/sleep`,
  ]);
  await until(() => writer.stdout === "open\n", "it is open for writing");
  renameSync(`${path}/sleep`, `${path}/run`);
  const supervisor = box.supervise("s");
  await until(
    () => supervisor.stderr.startsWith("supervise: fatal: unable to start s/run: text busy\n"),
    "it is said",
  );
  writer.signal("SIGKILL");
  // sleep without an operand ends at once: that it was started shows.
  await until(() => supervisor.stderr.includes("missing operand"), "it is started");
});
