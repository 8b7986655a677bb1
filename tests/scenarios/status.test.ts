// tend status: what it says of services in every state, and to those who may not read it.
import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, supervised } from "../support/control.ts";
import { mkfifoSync } from "../support/fifo.ts";
import { ours, root } from "../support/programs.ts";
import { Sandbox, signal } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

type Service = { readonly [field: string]: unknown } & {
  readonly name: string;
  readonly log: Service | null;
};
const tend = ours("tend");

const statusOf = async (box: Sandbox, ...directories: string[]): Promise<Service[]> => {
  const { code, stdout, stderr } = await box.run([tend, "status", "--json", ...directories]);
  expect([code, stderr]).toEqual([0, ""]);
  const { version, services } = JSON.parse(stdout) as { version: number; services: Service[] };
  expect(version).toBe(1);
  return services;
};

test.concurrent("a scan directory: a row for each service, its logger beside it, as the schema has it", async () => {
  await using box = new Sandbox();
  box.service("scan/web", { log: "#!/bin/sh\nexec cat >/dev/null\n" });
  box.service("scan/off", { down: true });
  box.service("scan/bad", { run: "#!/bin/sh\nexit 100\n", files: { "timeout-finish": "1" } });
  const svscan = box.svscan("scan");
  const pid = await box.up("scan/web");
  const logger = await box.up("scan/web/log");
  await until(() => svscan.stderr.includes("not starting it again"), "bad has failed");
  await until(() => box.status("scan/bad")?.want === "down", "its status says so");
  await until(() => supervised(box.at("scan/off")), "off is supervised");
  const [bad, off, web] = await statusOf(box, "scan");
  expect(bad).toMatchObject({ name: "bad", state: "failed", failure: "run exited 100", pid: null });
  expect(bad?.["lastExit"]).toMatchObject({ code: 100, signal: null });
  expect(off).toMatchObject({
    name: "off",
    state: "down",
    normallyUp: false,
    restarts: 0,
    lastExit: null,
    log: null,
  });
  expect(web).toMatchObject({ name: "web", state: "up", pid, want: "up", problems: [] });
  expect(web?.["memoryBytes"]).toBeGreaterThan(0);
  expect(web?.log).toMatchObject({ state: "up", pid: logger, log: null });
  const schema = JSON.parse(readFileSync(join(root, "docs/status.schema.json"), "utf8"));
  const { required, properties } = schema.$defs.service;
  for (const row of [bad, off, web, web?.log ?? undefined]) {
    expect(Object.keys(row ?? {}).sort()).toEqual([...required].sort());
    expect(properties.state.enum).toContain(row?.["state"]);
  }
});

test.concurrent("a restart is counted, with how the run before it ended; d and p show", async () => {
  await using box = new Sandbox();
  box.service("web");
  box.supervise("web");
  const first = await box.up("web");
  signal(first, "SIGKILL");
  const pid = await box.up("web", first);
  const [web] = await statusOf(box, "web");
  expect(web).toMatchObject({ name: "web", state: "up", pid, restarts: 1 });
  expect(web?.["lastExit"]).toMatchObject({ code: null, signal: "SIGKILL" });
  command(box.at("web"), "p");
  await until(() => box.status("web")?.paused === true, "it is paused");
  expect((await statusOf(box, "web"))[0]).toMatchObject({ state: "paused", pid });
  command(box.at("web"), "d");
  await box.down("web");
  expect((await statusOf(box, "web"))[0]).toMatchObject({ state: "down", pid: null, want: "down" });
});

test.concurrent("memory and processor time are those of all its processes, wherever they have gone", async () => {
  await using box = new Sandbox();
  const run = "#!/bin/sh\nsetsid sh -c 'sleep 100000 & sleep 100000' &\nsleep 100000 &\nexec sleep 100000\n";
  box.service("web", { run });
  box.service("set", { run, files: { "process-group": "" } });
  box.supervise("web");
  box.supervise("set");
  const ofWeb = await box.became("sleep", "web");
  await box.became("sleep", "set");
  const row = await until(async () => {
    const [web, set] = await statusOf(box, "web", "set");
    return web?.["processes"] === 5 && set?.["processes"] === 5 && web;
  }, "all are there");
  const { memoryBytes } = row as { memoryBytes?: number };
  const rss = Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${ofWeb}/status`, "latin1"))?.[1]) * 1024;
  expect(memoryBytes).toBeGreaterThan(2 * rss);
});

test.concurrent("while finish runs it says so, and without a supervisor too", async () => {
  await using box = new Sandbox();
  box.service("web", { files: { finish: "#!/bin/sh\nexec sleep 100000\n", "timeout-finish": "0" } });
  const supervisor = box.supervise("web");
  signal(await box.up("web"), "SIGKILL");
  await box.down("web");
  expect((await statusOf(box, "web"))[0]).toMatchObject({ state: "finishing", pid: null, want: "up" });
  supervisor.signal("SIGKILL");
  await supervisor.ended();
  expect((await statusOf(box, "web"))[0]).toMatchObject({ state: "unsupervised", pid: null, want: null });
});

test.concurrent("in a pipe the table is plain, and hostile files in supervise are said to be bad", async () => {
  await using box = new Sandbox();
  for (const name of ["scan/fifo", "scan/short"]) {
    mkdirSync(box.at(name, "supervise"), { recursive: true });
  }
  mkfifoSync(box.at("scan/fifo/supervise/status"));
  mkfifoSync(box.at("scan/fifo/supervise/record"));
  writeFileSync(box.at("scan/short/supervise/status"), "short");
  const { code, stdout } = await box.run([tend, "status", "scan"]);
  expect(code).toBe(0);
  expect(stdout).not.toContain("\x1b");
  expect(stdout).toContain("fifo: unable to read supervise/status: bad format\n");
  expect(stdout).toContain("short: unable to read supervise/status: bad format\n");
});

test.concurrent("without DIR it is SVDIR; a directory that is not there is fatal, an option that is not known wrong", async () => {
  await using box = new Sandbox();
  box.service("scan/web");
  const { stdout } = await box.run([tend, "status"], { env: { SVDIR: box.at("scan") } });
  expect(stdout).toMatch(/^SERVICE .*\nweb +unsupervised /);
  expect(await box.run([tend, "status", "nowhere"])).toMatchObject({
    code: 111,
    stderr: "tend: fatal: unable to read nowhere: file does not exist\n",
  });
  expect(await box.run([tend, "status", "--color"])).toMatchObject({ code: 100, stdout: "" });
});

test.skipIf(process.getuid?.() !== 0)("somebody else is told what may not be read", async () => {
  await using box = new Sandbox();
  chmodSync(box.path, 0o755);
  box.service("web");
  box.supervise("web");
  await box.up("web");
  const words = ["setpriv", "--reuid", "65534", "--clear-groups", tend, "status", box.at("web")];
  const { code, stdout } = await box.run(words);
  expect(code).toBe(0);
  expect(stdout).toMatch(/ unknown /);
  expect(stdout).toContain(": unable to read supervise/ok: access denied\n");
});
