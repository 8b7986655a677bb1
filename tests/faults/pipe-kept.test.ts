// A service, its logger and svscan are killed, in every order. C: lines that were written and not yet read are lost with the
// pipe, which only those processes hold.
import { expect, test } from "bun:test";
import { existsSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { ours } from "../support/programs.ts";
import { alive, childrenOf, comm, isKeeper, type Running, Sandbox, signal } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/** Writes its lines when it is started for the first time. */
const SERVICE = `#!/bin/sh
if [ ! -e written ]; then
  i=0
  while [ $i -lt 500 ]; do i=$((i+1)); echo "line $i"; done
  touch written
fi
exec sleep 100000
`;
/** Reads only when it may. */
const LOGGER = `#!/bin/sh
[ -e ../read ] && exec cat >> ../lines
exec sleep 100000
`;
const LINES = Array.from({ length: 500 }, (_, i) => `line ${i + 1}\n`).join("");

const keeperOf = (svscan: Running): number | undefined => childrenOf(svscan.pid).find(isKeeper);
const holds = (pid: number, path: string): boolean => {
  for (let file = 0; file < 64; file++) {
    try {
      if (readlinkSync(`/proc/${pid}/fd/${file}`) === path) return true;
    } catch {
      // not open
    }
  }
  return false;
};

const keeps = process.arch === "x64" ? test.concurrent : test.skip;
type Who = "service" | "logger" | "svscan";
const ORDERS: readonly (readonly [Who, Who, Who])[] = [
  ["service", "logger", "svscan"],
  ["service", "svscan", "logger"],
  ["logger", "service", "svscan"],
  ["logger", "svscan", "service"],
  ["svscan", "service", "logger"],
  ["svscan", "logger", "service"],
];

for (const order of ORDERS) {
  keeps(`what is in the pipe survives kill -9 of ${order.join(", ")}`, async () => {
    await using box = new Sandbox();
    const dir = box.service("scan/s", { run: SERVICE, log: LOGGER });
    const first = box.svscan("scan");
    const service = await box.up("scan/s");
    const logger = await box.up("scan/s/log");
    await until(() => existsSync(`${dir}/written`), "all is written");
    const keeper = await until(() => keeperOf(first), "the pipe is kept");
    await until(() => holds(keeper, `${dir}/supervise/log-pipe`), "it is");
    for (const who of order) {
      if (who === "svscan") {
        first.signal("SIGKILL");
        await first.ended();
      } else {
        const pid = who === "service" ? service : logger;
        process.kill(pid, "SIGKILL");
        await until(() => !alive(pid), `${who} is gone`);
      }
    }
    box.file("scan/s/read", "");
    const second = box.svscan("scan");
    await until(() => {
      // One that was started before svscan was killed does not read.
      const pid = box.status("scan/s/log")?.pid ?? 0;
      if (comm(pid) === "sleep") signal(pid, "SIGKILL");
      return existsSync(`${dir}/lines`) && readFileSync(`${dir}/lines`, "latin1") === LINES;
    }, "all is read");
    second.signal("SIGTERM");
    expect((await second.ended()).code).toBe(0);
    process.kill(keeper, "SIGKILL");
    expect(readFileSync(`${dir}/lines`, "latin1")).toBe(LINES);
    expect(second.stderr).toBe("");
  });
}

keeps("what a logger that is down has not read is there for the next svscan", async () => {
  await using box = new Sandbox();
  const dir = box.service("scan/s", { run: SERVICE, log: LOGGER, files: { "log/down": "", read: "" } });
  const first = box.svscan("scan");
  await box.up("scan/s");
  await until(() => existsSync(`${dir}/written`), "all is written");
  const keeper = await until(() => keeperOf(first), "the pipe is kept");
  first.signal("SIGTERM");
  expect((await first.ended()).code).toBe(0);
  expect(alive(keeper)).toBe(true);
  rmSync(`${dir}/log/down`);
  const second = box.svscan("scan");
  await until(
    () => existsSync(`${dir}/lines`) && readFileSync(`${dir}/lines`, "latin1") === LINES,
    "all is read",
  );
  second.signal("SIGTERM");
  expect((await second.ended()).code).toBe(0);
  process.kill(keeper, "SIGKILL");
});

keeps("the keeper is started again if it dies, holds new pipes, and ends with svscan", async () => {
  await using box = new Sandbox();
  box.service("scan/a", { log: "#!/bin/sh\nexec cat\n" });
  const svscan = box.svscan("scan");
  await box.up("scan/a");
  const first = await until(() => keeperOf(svscan), "there is a keeper");
  process.kill(first, "SIGKILL");
  const second = await until(() => {
    const pid = keeperOf(svscan);
    return pid !== first && pid;
  }, "there is another");
  box.service("scan/b", { log: "#!/bin/sh\nexec cat\n" });
  for (const name of ["a", "b"])
    await until(() => holds(second, box.at("scan", name, "supervise/log-pipe")), `it holds ${name}'s pipe`);
  // Nothing else: no directory, no terminal, no lock of anybody.
  expect(readlinkSync(`/proc/${second}/cwd`)).toBe("/");
  svscan.signal("SIGTERM");
  expect((await svscan.ended()).code).toBe(0);
  await until(() => !alive(second), "the keeper has ended");
  expect(svscan.stderr).toBe("");
});

keeps("a svscan without loggers needs no keeper", async () => {
  await using box = new Sandbox();
  box.service("scan/a");
  const svscan = box.svscan("scan");
  await box.up("scan/a");
  await box.run([ours("svok"), "scan/a"]);
  expect(keeperOf(svscan)).toBeUndefined();
});
