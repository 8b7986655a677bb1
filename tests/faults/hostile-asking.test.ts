// Every file that asks for something, with everything in it and in its place that should not be there: one svscan has them
// all. Each is told once at most, the service is started and obeys as in C, and nobody waits for anything.
import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { ASKING, type Asking, isValueFile } from "../../src/formats/service-files.ts";
import { command } from "../support/control.ts";
import { mkfifoSync } from "../support/fifo.ts";
import { Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/** What may be in the place of a file. */
const KINDS: { readonly [kind: string]: (path: string) => void } = {
  empty: (path) => writeFileSync(path, ""),
  words: (path) => writeFileSync(path, "as soon as possible\n"),
  huge: (path) => writeFileSync(path, `${"9".repeat(400)}\n`),
  negative: (path) => writeFileSync(path, "-1\n"),
  fraction: (path) => writeFileSync(path, "1.5\n"),
  binary: (path) => writeFileSync(path, Buffer.from([0, 255, 27, 91, 50, 74, 10, 128])),
  long: (path) => writeFileSync(path, "0".repeat(5000)),
  fifo: mkfifoSync,
  directory: (path) => mkdirSync(path),
  loop: (path) => symlinkSync(basename(path), path),
  dangling: (path) => symlinkSync("nowhere", path),
  device: (path) => symlinkSync("/dev/zero", path),
};

/** Only what is read can be refused. Nothing in backoff or start-limit asks for what they say by default. */
const isRefused = (file: Asking, kind: string): boolean =>
  isValueFile(file) &&
  kind !== "dangling" &&
  !(kind === "empty" && (file === "backoff" || file === "start-limit"));

test("of files that say what they should not each is told once, and the service is as in C", async () => {
  await using box = new Sandbox();
  const made: string[] = [];
  const told: string[] = [];
  for (const file of ASKING)
    for (const [kind, make] of Object.entries(KINDS)) {
      const name = `${file}.${kind}`;
      box.service(`scan/.new/${name}`);
      make(box.at("scan/.new", name, file));
      made.push(name);
      if (isRefused(file, kind)) told.push(`${name}: unable to use ${file}`);
      if (file === "check") told.push(`${name}: unable to run check`);
      if (file === "finish") told.push(`unable to run ${name}/finish`);
    }
  await box.run(["sh", "-c", "mv scan/.new/* scan/ && rmdir scan/.new"]);
  const svscan = box.svscan("scan");
  for (const name of made) await box.up(`scan/${name}`);
  const first = new Map(made.map((name) => [name, box.status(`scan/${name}`)?.pid ?? 0]));
  // HUP ends sleep: the second run has looked at everything again.
  for (const name of made) command(box.at("scan", name), "h");
  for (const name of made) await box.up(`scan/${name}`, first.get(name));
  for (const name of made) command(box.at("scan", name), "d");
  for (const name of made) await box.down(`scan/${name}`);
  const lines = svscan.stderr
    .split("\n")
    .slice(0, -1)
    .map((line) => line.replace("supervise: warning: ", ""));
  for (const what of told)
    expect([what, lines.filter((line) => line.startsWith(`${what}: `)).length]).toEqual([what, 1]);
  const others = lines.filter((line) => !told.some((what) => line.startsWith(what))).sort();
  expect(others).toEqual([
    "backoff.empty was killed by SIGHUP within 10000 ms of its start, starting it again in 1000 ms, later in up to 60 seconds",
    ...["d", "h", "t", "u"].map(
      (letter) => `control.loop: unable to run control/${letter}: symbolic link loop`,
    ),
  ]);
  expect(svscan.stderr).toMatch(/^[ -~\n]*$/);
  svscan.signal("SIGTERM");
  expect((await svscan.ended()).code).toBe(0);
  await until(() => box.pids().length === 0, "nothing is left");
}, 120_000);
