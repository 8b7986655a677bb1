// `supervise/control` is no fifo, or not the one that is read. C: reads a file's bytes as commands at its start and spins
// on its end; with a directory it does not start, and svscan says so at every scan.
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmdirSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { ours } from "../support/programs.ts";
import { alive, Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const isFifo = (path: string) => statSync(path).isFIFO();

test.concurrent("before the start: a file makes way, a directory is said once and left", async () => {
  await using box = new Sandbox();
  box.service("scan/file", { files: { "supervise/control": "xxdddkkk" } });
  box.service("scan/ok", { files: { "supervise/ok": "" } });
  box.service("scan/directory", { files: { "supervise/control/x": "" } });
  box.service("scan/good");
  const svscan = box.svscan("scan");
  await Promise.all(["file", "ok", "good"].map((name) => box.up(`scan/${name}`)));
  expect(isFifo(box.at("scan/file/supervise/control"))).toBe(true);
  expect(isFifo(box.at("scan/ok/supervise/ok"))).toBe(true);
  const message = "supervise: fatal: unable to write directory/supervise/control: is a directory\n";
  await until(() => svscan.stderr === message, "it is said");
  svscan.signal("SIGHUP");
  unlinkSync(box.at("scan/directory/supervise/control/x"));
  rmdirSync(box.at("scan/directory/supervise/control"));
  svscan.signal("SIGHUP");
  await box.up("scan/directory");
  expect(svscan.stderr).toBe(message);
});

test.concurrent.each([
  ["a file", (path: string) => writeFileSync(path, "dx")],
  ["a directory", (path: string) => mkdirSync(path)],
  ["nothing", () => {}],
] as const)("while it runs, %s in its place changes nothing for the service", async (_what, put) => {
  await using box = new Sandbox();
  box.service("scan/s");
  const svscan = box.svscan("scan");
  let pid = await box.up("scan/s");
  const control = box.at("scan/s/supervise/control");
  unlinkSync(control);
  put(control);
  // Nobody hears svc, but the service is kept.
  await box.run([ours("svc"), "-d", "scan/s"]);
  process.kill(pid, "SIGKILL");
  pid = await box.up("scan/s", pid);
  svscan.signal("SIGHUP");
  process.kill(pid, "SIGKILL");
  pid = await box.up("scan/s", pid);
  expect(svscan.stderr).toBe("");
  // Orderly end all the same: svscan does not ask through the fifo.
  svscan.signal("SIGTERM");
  expect((await svscan.ended()).code).toBe(0);
  expect(alive(pid)).toBe(false);
});

test("a flood of garbage in the fifo is read and ignored", async () => {
  await using box = new Sandbox();
  box.service("s");
  const supervisor = box.supervise("s");
  const pid = await box.up("s");
  const garbage = Buffer.alloc(1 << 20, "\0\n\xff#0DUX zZ", "latin1");
  box.file("garbage", garbage);
  expect(
    (await box.run(["/bin/sh", "-c", "cat garbage >s/supervise/control && echo t >s/supervise/control"]))
      .code,
  ).toBe(0);
  await box.up("s", pid);
  expect(supervisor.stderr).toBe("");
  expect(readFileSync(box.at("s/supervise/status")).length).toBe(18);
});
