// Names in the scan directory that no administrator would give. C: takes them all, and prints them raw. The programs'
// arguments: tests/conformance/hostile-names.test.ts.
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { modes } from "../support/modes.ts";
import { Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const NAMES = [
  "a\nb",
  "n".repeat(255),
  "-dash",
  "--",
  "\xff\xfe\xc0\x80",
  "caf\xc3\xa9",
  " ",
  "'\"$(reboot)`",
  "\\n%s",
  "*",
  "=",
  "\x01\x1b[31m",
];

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

/** Makes a service whose process says by its presence in `pid` that it runs; the name is bytes. */
function make(box: Sandbox, name: string, log: boolean): string {
  const path = `${box.path}/scan/${name}`;
  mkdirSync(bytes(path), { recursive: true });
  if (log) {
    mkdirSync(bytes(`${path}/log`));
    writeFileSync(bytes(`${path}/log/run`), "#!/bin/sh\nexec cat >>all\n", { mode: 0o755 });
  }
  writeFileSync(bytes(`${path}/run`), "#!/bin/sh\necho line\nexec sleep 100000\n", { mode: 0o755 });
  return path;
}

const read = (path: string): Buffer | undefined => {
  try {
    return readFileSync(bytes(path));
  } catch {
    return undefined;
  }
};

describe.each(modes)("svscan $mode", ({ env }) => {
  test.concurrent("starts services of any name, their loggers too, and stops them", async () => {
    await using box = new Sandbox();
    box.directory("scan");
    const paths = NAMES.map((name, i) => make(box, name, i % 2 === 0));
    const svscan = box.svscan("scan", { env });
    const pidOf = (path: string) => read(`${path}/supervise/status`)?.readUInt32LE(12) ?? 0;
    for (const [i, path] of paths.entries()) {
      await until(() => pidOf(path) !== 0, `${JSON.stringify(NAMES[i])} is up`);
      if (i % 2 === 0)
        await until(() => read(`${path}/log/all`)?.toString() === "line\n", "its line is in the log");
    }
    expect(svscan.stderr).toBe("");
    svscan.signal("SIGTERM");
    expect((await svscan.ended()).code).toBe(0);
    expect(box.pids()).toEqual([]);
    expect(readdirSync(box.at("scan")).length).toBe(NAMES.length);
  });
});

test("svscan prints a hostile name as it is", async () => {
  await using box = new Sandbox();
  box.directory("scan");
  for (const name of ["a\nb", "\xff\xfe"]) {
    mkdirSync(bytes(`${box.path}/scan/${name}`));
  }
  const svscan = box.svscan("scan");
  const messages = ["a\nb", "\xff\xfe"].map(
    (name) => `supervise: fatal: unable to start ${name}/run: file does not exist\n`,
  );
  await until(() => messages.every((message) => svscan.stderr.includes(message)), "both are said");
});
