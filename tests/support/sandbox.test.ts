// The tests' own tools: nothing that a sandbox started is left, however it tried to get away.
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { haveC, ours, theirs } from "./programs.ts";
import { alive, Sandbox, stat } from "./sandbox.ts";
import { until } from "./until.ts";

test("a sandbox kills what it started, and what that started, and removes its directory", async () => {
  const box = new Sandbox();
  box.service("scan/a", { run: "#!/bin/sh\nexec env -i sleep 100000\n" });
  box.service("scan/b", { run: "#!/bin/sh\nexec setsid sleep 100000\n", log: "#!/bin/sh\nexec cat\n" });
  box.svscan(box.at("scan"));
  const pids = await Promise.all(["scan/a", "scan/b", "scan/b/log"].map((name) => box.up(name)));
  await box[Symbol.asyncDispose]();
  expect(pids.filter(alive)).toEqual([]);
  expect(existsSync(box.path)).toBe(false);
});

test("a program's output and end are told byte for byte", async () => {
  await using box = new Sandbox();
  const ended = await box.run(["/bin/sh", "-c", "cat; printf '\\377' >&2; exit 3"], { stdin: "in\xfe\n" });
  expect(ended).toEqual({ code: 3, signal: null, stdout: "in\xfe\n", stderr: "\xff" });
  expect(await box.run(["/bin/sh", "-c", "kill -9 $$"])).toMatchObject({ code: null, signal: "SIGKILL" });
});

test("a started program leads a session of its own", async () => {
  await using box = new Sandbox();
  const { pid } = box.start(["/bin/sleep", "1000"]);
  expect(stat(pid).session).toBe(pid);
});

test.each([
  ["tend", ours],
  ["C", theirs],
] as const)("supervise (%s) runs a service of the sandbox", async (suite, program) => {
  if (suite === "C" && !haveC) return;
  await using box = new Sandbox();
  const dir = box.service("s");
  const supervisor = box.supervise(dir, {}, program("supervise"));
  const pid = await box.up("s");
  expect(stat(pid).parent).toBe(supervisor.pid);
  expect((await box.run([program("svc"), "-dx", dir])).code).toBe(0);
  expect(await supervisor.ended()).toMatchObject({ code: 0, stdout: "", stderr: "" });
});

test("what does not come is said with its name", async () => {
  expect(until(() => false, "pigs fly", 20)).rejects.toThrow("not within 20 ms: pigs fly");
});
