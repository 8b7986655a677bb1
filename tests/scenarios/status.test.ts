// tend status: what it says of services in every state, and to those who may not read it.
import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, supervised } from "../support/control.ts";
import { mkfifoSync } from "../support/fifo.ts";
import { breaches } from "../support/json-schema.ts";
import { ours, root } from "../support/programs.ts";
import { Sandbox, signal } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

type Service = { readonly [field: string]: unknown } & {
  readonly name: string;
  readonly log: Service | null;
};
const tend = ours("tend");
const schema = JSON.parse(readFileSync(join(root, "docs/status.schema.json"), "utf8"));

const statusOf = async (box: Sandbox, ...directories: string[]): Promise<Service[]> => {
  const { code, stdout, stderr } = await box.run([tend, "status", "--json", ...directories]);
  expect([code, stderr]).toEqual([0, ""]);
  const told = JSON.parse(stdout) as { version: number; services: Service[] };
  expect(breaches(told, schema)).toEqual([]);
  expect(told.version).toBe(1);
  return told.services;
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
  // Nothing is told that the schema does not know.
  for (const row of [bad, off, web, web?.log ?? undefined])
    expect(Object.keys(row ?? {}).sort()).toEqual([...schema.$defs.service.required].sort());
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
  box.service("--json");
  const { stdout: after } = await box.run([tend, "status", "scan", "--json", "--", "--json"]);
  expect(JSON.parse(after).services).toMatchObject([{ name: "web" }, { name: "--json" }]);
});

test.concurrent("on a terminal the state is coloured, unless NO_COLOR says something", async () => {
  await using box = new Sandbox();
  box.service("web");
  const shown = async (env: { [name: string]: string | undefined }): Promise<string> =>
    (await box.run(["script", "-qec", `${tend} status web`, "/dev/null"], { env })).stdout;
  const colored = { NO_COLOR: undefined, TERM: "xterm" };
  expect(await shown(colored)).toContain("web      \x1b[31munsupervised\x1b[0m  -");
  expect(await shown({ ...colored, NO_COLOR: "" })).toContain("\x1b[31m");
  expect(await shown({ ...colored, NO_COLOR: "1" })).toContain("web      unsupervised  -");
  expect(await shown({ ...colored, TERM: "dumb" })).not.toContain("\x1b");
});

test.concurrent("who is left of a service that has ended is named", async () => {
  await using box = new Sandbox();
  box.service("web", {
    run: "#!/bin/sh\nsh -c 'trap \"\" TERM; >ready; exec sleep 100000' &\nexec sleep 100000\n",
    files: { "process-group": "" },
  });
  box.supervise("web");
  await box.up("web");
  await until(() => box.has("web/ready"), "it has a child");
  command(box.at("web"), "d");
  const [web] = await until(async () => {
    const rows = await statusOf(box, "web");
    return rows[0]?.["state"] === "emptying" && rows[0]["pid"] !== null && rows;
  }, "its leader has ended, and somebody is left");
  const { left, pid, processes } = web as { left?: { pid: number; command: string }[] } & Service;
  expect(left).toEqual([{ pid: pid as number, command: "sleep" }]);
  expect(processes).toBe(1);
  const { stdout } = await box.run([tend, "status", "web"]);
  expect(stdout).toEndWith(`\nweb: 1 process is left: ${pid} sleep\n`);
  command(box.at("web"), "k");
  await box.down("web");
});

test.skipIf(process.getuid?.() !== 0 || existsSync("/service"))(
  "without DIR, SVDIR and /service it is the directory of the svscan that runs; who may not know is told so",
  async () => {
    await using box = new Sandbox();
    box.service("scan/web");
    const env = { SVDIR: undefined };
    // Alone with it: the tests beside this one run theirs.
    const alone = (script: string) =>
      box.run(["unshare", "--pid", "--fork", "--mount-proc", "/bin/sh", "-c", script], { env });
    const status = `until ${ours("svok")} scan/web; do sleep 0.02; done; cd /`;
    const asRoot = await alone(`${ours("svscan")} scan & p=$!; ${status}; ${tend} status; kill -9 $p`);
    expect([asRoot.code, asRoot.stdout]).toEqual([0, expect.stringMatching(/^SERVICE .*\nweb +up /)]);
    const asNobody = `setpriv --reuid 65534 --clear-groups ${tend} status`;
    const refused = await alone(
      `${ours("svscan")} scan & p=$!; ${status}; ${asNobody}; r=$?; kill -9 $p; exit $r`,
    );
    expect([refused.code, refused.stderr]).toEqual([
      111,
      expect.stringMatching(/tend: fatal: unable to find the directory of svscan \d+: access denied\n$/),
    ]);
    const none = await alone(`cd /; ${tend} status`);
    expect([none.code, none.stderr]).toEqual([
      111,
      "tend: fatal: no scan directory: there is no SVDIR, no /service and no svscan\n",
    ]);
  },
);

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
