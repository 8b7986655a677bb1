// Many services in one svscan. C: 1000 at most, a process for each; a service that ends at once is started every 1.02 s by
// each supervise alike. The storm lasts a quarter of a minute here, and a minute with TEND_LONG=1.
import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { ours } from "../support/programs.ts";
import { Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/** Makes services fast: 1100 of them in a tenth of a second. */
function make(box: Sandbox, count: number, run: string): string[] {
  box.directory("scan");
  return Array.from({ length: count }, (_, i) => {
    const path = box.at("scan", `s${i}`);
    mkdirSync(path);
    writeFileSync(`${path}/run`, run);
    chmodSync(`${path}/run`, 0o755);
    return path;
  });
}

const pidOf = (box: Sandbox, path: string): number => box.status(path)?.pid ?? 0;
const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
/** Kilobytes that are this process's own and in memory. */
const privateOf = (pid: number): number =>
  [...readFileSync(`/proc/${pid}/smaps_rollup`, "latin1").matchAll(/^Private_(?:Clean|Dirty): *(\d+) kB/gm)]
    .map((found) => Number(found[1]))
    .reduce((sum, size) => sum + size, 0);

/** Descriptors for so many services: the tests may have been started with few. */
const LIMIT = ["/bin/sh", "-c", 'ulimit -n "$(ulimit -Hn)"; exec "$@"', "sh"];

test("1100 services start, answer, and stop", async () => {
  await using box = new Sandbox();
  const paths = make(box, 1100, "#!/bin/sh\nexec sleep 100000\n");
  const svscan = box.start([...LIMIT, ours("svscan"), "scan"]);
  let rest = paths;
  await until(
    () => {
      rest = rest.filter((path) => pidOf(box, path) === 0);
      return rest.length === 0;
    },
    "all are up",
    60_000,
  );
  expect(svscan.stderr).toBe("");
  const pids = paths.map((path) => pidOf(box, path));
  expect(new Set(pids).size).toBe(1100);
  const [first = "", last = ""] = [paths[0], paths.at(-1)];
  await box.run([ours("svc"), "-t", first, last]);
  await Promise.all([box.up(first, pids[0]), box.up(last, pids.at(-1))]);
  const { stdout } = await box.run([ours("svstat"), ...paths.map((path) => path.replace(box.path, "."))]);
  expect(stdout.match(/: up \(pid \d+\) \d+ seconds$/gm)?.length).toBe(1100);
  svscan.signal("SIGTERM");
  expect((await svscan.ended(60_000)).code).toBe(0);
  expect(box.pids()).toEqual([]);
}, 120_000);

test("1000 services that end at once: memory and descriptors stay, another service is not held up", async () => {
  await using box = new Sandbox();
  make(box, 1000, "#!/bin/true\n");
  box.service("scan/steady");
  const svscan = box.start([...LIMIT, ours("svscan"), "scan"]);
  // Read once: what it is may be another at the next look, and 0 stands for everybody in kill(2).
  const steady = (before: number) => {
    const pid = pidOf(box, box.at("scan/steady"));
    return pid !== 0 && pid !== before && pid;
  };
  let pid = await until(() => steady(0), "the other service is up", 90_000);
  const rounds = process.env["TEND_LONG"] === "1" ? 60 : 15;
  const memory: number[] = [];
  const descriptors: number[] = [];
  // Killed as soon as it is up, a service is started again a second after its last start: so long is a round.
  for (let round = -4; round < rounds; round++) {
    process.kill(pid, "SIGKILL");
    const killed = pid;
    pid = await until(() => steady(killed), "it is up again", 90_000);
    // The first starts fill caches and compile.
    if (round < 0) continue;
    memory.push(privateOf(svscan.pid));
    descriptors.push(descriptorsOf(svscan.pid));
  }
  expect(svscan.running).toBe(true);
  expect(svscan.stderr).toBe("");
  const half = memory.length >> 1;
  // Some are open for a moment: of a status that is written, of a service that has lived for a tenth of a second.
  expect(Math.min(...descriptors.slice(half))).toBeLessThanOrEqual(Math.max(...descriptors.slice(0, half)));
  // No more than the garbage collector's breathing: a leak of 100 bytes a start would be 1.5 MB.
  expect(Math.min(...memory.slice(half))).toBeLessThan(Math.max(...memory.slice(0, half)) + 4096);
}, 240_000);
