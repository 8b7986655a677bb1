// Whether and how soon a service is started again that asks for more than once a second: restart, backoff, start-limit, and
// what a scan directory asks for all its services. Nothing here may be slower than it must: only what is too soon is wrong.
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { ServiceRecord } from "../../src/formats/service-record.ts";
import type { Tai64n } from "../../src/formats/tai64n.ts";
import { command, supervised } from "../support/control.ts";
import { mkfifoSync } from "../support/fifo.ts";
import { ours } from "../support/programs.ts";
import { alive, Sandbox, signal } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/** Notes the moment of its start in nanoseconds, and exits with `code`. */
const exits = (code: number | string): string => `#!/bin/sh\ndate +%s%N >>starts\nexit ${code}\n`;
const SLEEPS = "#!/bin/sh\ndate +%s%N >>starts\nexec sleep 100000\n";

/** The moments of the starts, in milliseconds. */
function starts(box: Sandbox, service = "web"): number[] {
  const file = box.at(service, "starts");
  if (!existsSync(file)) return [];
  return readFileSync(file, "latin1")
    .split("\n")
    .slice(0, -1)
    .map((ns) => Number(BigInt(ns) / 1000n) / 1000);
}
const started = (box: Sandbox, times: number, service = "web"): Promise<number[]> =>
  until(() => {
    const moments = starts(box, service);
    return moments.length >= times && moments;
  }, `${service} was started ${times} times`);
/** The runs that are over, as the supervisor noted them: from when to when, in milliseconds. */
function runsOf(box: Sandbox, service = "web"): { readonly started: number; readonly ended: number }[] {
  const file = box.at(service, "supervise/record");
  if (!existsSync(file)) return [];
  const ms = ({ seconds, nanoseconds }: Tai64n): number =>
    Number(seconds % 2n ** 40n) * 1000 + nanoseconds / 1e6;
  const { history } = new ServiceRecord(new Uint8Array(readFileSync(file)));
  return history.map(({ started: from, ended }) => ({ started: ms(from), ended: ms(ended) }));
}
const isDown = (box: Sandbox, service = "web") => {
  const status = box.status(service);
  return status?.pid === 0 && status.want === "down";
};

test.concurrent("restart on-failure: a failure is followed by a start, a success is not", async () => {
  await using box = new Sandbox();
  box.service("web", {
    run: "#!/bin/sh\ndate +%s%N >>starts\n[ -e again ] && exit 3\n>again\nexit 1\n",
    files: { restart: "on-failure 3\n" },
  });
  const supervisor = box.supervise("web");
  await until(() => isDown(box), "it has succeeded");
  expect(starts(box)).toHaveLength(2);
  expect(supervisor.stderr).toBe("");
  command(box.at("web"), "u");
  await started(box, 3);
});

test.concurrent.each(["on-failure", "never"])(
  "restart %s: t restarts it, as do d and then u; an end of its own is none that was asked for",
  async (restart) => {
    await using box = new Sandbox();
    box.service("web", { run: SLEEPS, files: { restart } });
    const supervisor = box.supervise("web");
    let pid = await box.up("web");
    for (const letters of ["t", "du", "k"]) {
      command(box.at("web"), letters);
      pid = await box.up("web", pid);
    }
    const ended = runsOf(box).length;
    signal(await box.became("sleep", "web"), "SIGTERM");
    await until(() => isDown(box), "it is down");
    expect(runsOf(box)).toHaveLength(ended + 1);
    expect(supervisor.stderr).toBe("");
  },
);

test.concurrent("restart never: down after the first end, and a failure is told", async () => {
  await using box = new Sandbox();
  box.service("web", { run: exits(1), files: { restart: "never" } });
  const supervisor = box.supervise("web");
  await until(() => isDown(box), "it has failed");
  expect(starts(box)).toHaveLength(1);
  await until(() => supervisor.stderr !== "", "it is told");
  expect(supervisor.stderr).toBe("supervise: warning: web failed, not starting it again\n");
  const { stdout } = await box.run([ours("tend"), "status", "web"]);
  expect(stdout).toMatch(/web +failed .*code 1: not restarted/);
});

test.concurrent("restart never: ended while there was no supervisor, it is not started either", async () => {
  await using box = new Sandbox();
  box.service("web", { run: SLEEPS, files: { restart: "never" } });
  const first = box.supervise("web");
  const pid = await box.up("web");
  await started(box, 1);
  first.signal("SIGKILL");
  await first.ended();
  signal(pid, "SIGKILL");
  await until(() => !alive(pid), "it is gone");
  box.supervise("web");
  await until(() => supervised(box.at("web")) && isDown(box), "the next supervisor leaves it down");
  expect(starts(box)).toHaveLength(1);
});

test.concurrent("backoff: each pause is longer than the one before, told once, and u does not wait", async () => {
  await using box = new Sandbox();
  box.service("web", { run: exits(1), files: { backoff: "300 600000 60000" } });
  const supervisor = box.supervise("web");
  const runs = await until(() => {
    const all = runsOf(box);
    return all.length >= 4 && all.slice(0, 4);
  }, "four runs are over");
  for (const [n, { started: from }] of runs.entries()) {
    const before = runs[n - 1];
    if (before === undefined) continue;
    expect(from - before.started).toBeGreaterThanOrEqual(999);
    expect(from - before.ended).toBeGreaterThanOrEqual(300 * 2 ** (n - 1) - 1);
  }
  expect(supervisor.stderr).toBe(
    "supervise: warning: web exited 1 within 60000 ms of its start, starting it again in 300 ms, later in up to 600 seconds\n",
  );
  command(box.at("web"), "u");
  await started(box, 5);
});

test.concurrent("backoff is seen by tend status, survives kill -9 of the supervisor, and d ends it", async () => {
  await using box = new Sandbox();
  box.service("web", { run: exits(1), files: { backoff: "600000" } });
  const first = box.supervise("web");
  await until(() => first.stderr !== "", "it is told");
  const status = async () => {
    const { stdout } = await box.run([ours("tend"), "status", "--json", "web"]);
    return JSON.parse(stdout).services[0];
  };
  const before = await until(async () => {
    const row = await status();
    return row.state === "backoff" && row;
  }, "it waits");
  expect(before.nextStartSeconds).toBeGreaterThan(300);
  first.signal("SIGKILL");
  await first.ended();
  const second = box.supervise("web");
  await until(() => supervised(box.at("web")), "the next supervisor is there");
  const after = await status();
  expect(after.state).toBe("backoff");
  expect(after.nextStartSeconds).toBeLessThanOrEqual(before.nextStartSeconds + 0.1);
  expect(starts(box)).toHaveLength(1);
  expect(second.stderr).toBe("");
  command(box.at("web"), "d");
  await until(() => isDown(box), "d is taken");
  expect((await status()).state).toBe("down");
  command(box.at("web"), "u");
  await started(box, 2);
});

test.concurrent("what somebody asked for is no early end: t is followed by a start a second later", async () => {
  await using box = new Sandbox();
  box.service("web", {
    run: SLEEPS,
    files: { backoff: "600000 600000 600000", "start-limit": "2 600000 never" },
  });
  const supervisor = box.supervise("web");
  let pid = 0;
  for (let round = 1; round <= 3; round++) {
    pid = await box.up("web", pid);
    await started(box, round);
    command(box.at("web"), "t");
  }
  await box.up("web", pid);
  expect(supervisor.stderr).toBe("");
});

test.concurrent("start-limit: given up for ever where it says never, until u", async () => {
  await using box = new Sandbox();
  box.service("web", { run: exits(1), files: { "start-limit": "2 60000 never" } });
  const supervisor = box.supervise("web");
  await until(() => isDown(box), "it is given up");
  expect(starts(box)).toHaveLength(2);
  await until(() => supervisor.stderr !== "", "it is told");
  expect(supervisor.stderr).toBe("supervise: warning: web was started too often, not starting it again\n");
  command(box.at("web"), "u");
  await started(box, 3);
  await started(box, 4);
});

test.concurrent("start-limit: tried now and then, the pause is kept by the next supervisor", async () => {
  await using box = new Sandbox();
  box.service("web", { run: exits(1), files: { "start-limit": "2 60000 600000" } });
  const first = box.supervise("web");
  await until(() => first.stderr !== "", "it is told");
  expect(first.stderr).toBe(
    "supervise: warning: web was started 2 times within 60000 ms, starting it again in 600 seconds\n",
  );
  first.signal("SIGKILL");
  await first.ended();
  box.supervise("web");
  await until(() => supervised(box.at("web")), "the next supervisor is there");
  const { stdout } = await box.run([ours("tend"), "status", "web"]);
  expect(stdout).toMatch(/web +limit /);
  expect(starts(box)).toHaveLength(2);
});

test.concurrent("what stands in .tend is asked for all services, unless they ask otherwise", async () => {
  await using box = new Sandbox();
  const scan = box.directory("scan");
  box.file("scan/.tend/backoff", "600000\n");
  box.file("scan/.tend/finish", "#!/bin/sh\n>never\n");
  box.service("scan/all", { run: exits(1) });
  box.service("scan/own", { run: exits(1), files: { backoff: "none" } });
  const svscan = box.svscan(scan);
  await started(box, 3, "scan/own");
  expect(starts(box, "scan/all")).toHaveLength(1);
  expect(svscan.stderr).toBe(
    "supervise: warning: all exited 1 within 10000 ms of its start, starting it again in 600 seconds, later in up to 600 seconds\n",
  );
  box.file("scan/.tend/backoff", "none\n");
  svscan.signal("SIGHUP");
  command(box.at("scan/all"), "u");
  await started(box, 4, "scan/all");
});

test.concurrent("starts-per-second: those that die at once take turns, and who was up starts at once", async () => {
  await using box = new Sandbox();
  const scan = box.directory("scan");
  box.file("scan/.tend/starts-per-second", "2\n");
  for (let n = 0; n < 20; n++) box.service(`scan/storm${n}`, { run: exits(1) });
  box.service("scan/fine", { run: SLEEPS });
  box.svscan(scan);
  // All are started at the beginning; what follows does two a second.
  const later = () =>
    Array.from({ length: 20 }, (_, n) => runsOf(box, `scan/storm${n}`).slice(1))
      .flat()
      .map(({ started: from }) => from)
      .sort((a, b) => a - b);
  const moments = await until(() => later().length >= 5 && later(), "five more runs are over");
  // Two seconds, but for how late the first of them may be on a busy machine.
  expect((moments[4] ?? 0) - (moments[0] ?? 0)).toBeGreaterThan(1000);
  // Asked for, a start does not stand in the queue: engine/supervise.test.ts, `u queue`.
  command(box.at("scan/storm19"), "u");
  await started(box, starts(box, "scan/storm19").length + 1, "scan/storm19");
});

const HOSTILE: readonly (readonly [string, string, (path: string) => void, string])[] = [
  ["restart", "word", (path) => writeFileSync(path, "sometimes\n"), "neither always, on-failure nor never"],
  [
    "restart",
    "binary",
    (path) => writeFileSync(path, Buffer.from([0, 255, 27])),
    "neither always, on-failure nor never",
  ],
  ["restart", "directory", (path) => mkdirSync(path), "not a regular file"],
  ["backoff", "negative", (path) => writeFileSync(path, "-5"), "not a number up to 4294967295: -5"],
  ["backoff", "huge", (path) => writeFileSync(path, "9".repeat(5000)), "longer than 4096 bytes"],
  ["backoff", "fifo", mkfifoSync, "not a regular file"],
  ["start-limit", "text", (path) => writeFileSync(path, "a lot"), "not a number up to 4294967295: a"],
  ["start-limit", "fifo", mkfifoSync, "not a regular file"],
];
test.concurrent.each(HOSTILE)(
  "a hostile %s (%s) is warned of, and the service is started once a second, as in C",
  async (file, _, make, why) => {
    await using box = new Sandbox();
    box.service("web", { run: exits(1) });
    make(box.at("web", file));
    const supervisor = box.supervise("web");
    await started(box, 3);
    expect(supervisor.stderr).toBe(`supervise: warning: web: unable to use ${file}: ${why}\n`);
  },
);

test.concurrent("hostile files in .tend, and a .tend that is none, are warned of once", async () => {
  await using box = new Sandbox();
  const scan = box.directory("scan");
  box.directory("scan/.tend/backoff");
  box.file("scan/.tend/starts-per-second", "0");
  box.service("scan/web", { run: exits(1) });
  const svscan = box.svscan(scan);
  await started(box, 2, "scan/web");
  svscan.signal("SIGHUP");
  await started(box, 3, "scan/web");
  expect(svscan.stderr.split("\n").sort()).toEqual([
    "",
    "svscan: warning: .tend: unable to use backoff: not a regular file",
    "svscan: warning: .tend: unable to use starts-per-second: not a number of starts from 1 to 10000",
  ]);
  const other = box.directory("other");
  box.file("other/.tend", "");
  box.service("other/web", { run: exits(1) });
  const second = box.svscan(other);
  await started(box, 2, "other/web");
  expect(second.stderr).toBe("svscan: warning: unable to read .tend: not a directory\n");
});
