// A service that leads a process group of its own has ended when nobody is left in it: no restart beside leftovers.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { command, supervised } from "../support/control.ts";
import { alive, Sandbox, signal, stat } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/** A leader with two workers, which note their pids. Workers take no notice of what the leader's TRAP says. */
const leader = (trap = ""): string => `#!/bin/sh
${trap}
sh -c 'echo $$ >>workers; while :; do sleep 0.05; done' &
sh -c 'echo $$ >>workers; while :; do sleep 0.05; done' &
echo $$ >>leaders
trap - TERM
while :; do sleep 0.05; done
`;
const DEAF_WORKERS = leader("trap '' TERM");

const numbers = (path: string): number[] =>
  existsSync(path) ? readFileSync(path, "latin1").split("\n").slice(0, -1).map(Number) : [];
const twoWorkers = (box: Sandbox): Promise<number[]> =>
  until(() => {
    const workers = numbers(box.at("web/workers"));
    return workers.length === 2 && numbers(box.at("web/leaders")).length === 1 && workers;
  }, "two workers run");

test.concurrent("with process-group the service leads a group of its own, without it is in the supervisor's", async () => {
  await using box = new Sandbox();
  box.service("own", { files: { "process-group": "" } });
  box.service("classic");
  box.supervise("own");
  const supervisor = box.supervise("classic");
  const own = await box.up("own");
  await until(() => stat(own).group === own, "it leads a group");
  expect(stat(await box.up("classic")).group).toBe(stat(supervisor.pid).group);
});

test.concurrent("d: the leader's workers go with it, and finish comes after the last of them", async () => {
  await using box = new Sandbox();
  box.service("web", {
    run: leader(),
    files: {
      "process-group": "",
      finish: "#!/bin/sh\nkill -0 -- -$4 2>/dev/null && echo left >>said || echo none >>said\n",
    },
  });
  const supervisor = box.supervise("web");
  const workers = await twoWorkers(box);
  command(box.at("web"), "dx");
  expect(await supervisor.ended()).toMatchObject({ code: 0, stderr: "" });
  expect(workers.filter(alive)).toEqual([]);
  expect(readFileSync(box.at("web/said"), "latin1")).toBe("none\n");
});

test.concurrent("a leader that dies is not started again beside its workers; who stays is killed in the end", async () => {
  await using box = new Sandbox();
  box.service("web", { run: DEAF_WORKERS, files: { "process-group": "", "timeout-kill": "300" } });
  box.supervise("web");
  const pid = await box.up("web");
  const workers = await twoWorkers(box);
  signal(pid, "SIGKILL");
  await box.upLeading("web", pid);
  expect(workers.filter(alive)).toEqual([]);
});

test.concurrent("without timeout-kill what takes no notice of TERM stays, is named, and k ends it", async () => {
  await using box = new Sandbox();
  box.service("web", { run: DEAF_WORKERS, files: { "process-group": "" } });
  const supervisor = box.supervise("web");
  const pid = await box.up("web");
  const workers = await twoWorkers(box);
  command(box.at("web"), "dx");
  await until(() => supervisor.stderr !== "", "who is left is named");
  expect(supervisor.stderr).toMatch(
    new RegExp(`^supervise: warning: web: [2-4] processes are left of process group ${pid}: [^\n]*\\d+ sh`),
  );
  expect(supervisor.running).toBe(true);
  expect(workers.filter(alive)).toEqual(workers);
  command(box.at("web"), "k");
  expect((await supervisor.ended()).code).toBe(0);
  await until(() => !workers.some(alive), "they are gone");
});

test.concurrent("kill -9 of the supervisor while workers are left: the next one starts nothing beside them", async () => {
  await using box = new Sandbox();
  box.service("web", { run: DEAF_WORKERS, files: { "process-group": "" } });
  const first = box.supervise("web");
  const pid = await box.up("web");
  const workers = await twoWorkers(box);
  signal(pid, "SIGKILL");
  // Not down: it tells of one that is left.
  await until(() => ![0, pid].includes(box.status("web")?.pid ?? 0), "the status tells of another process");
  first.signal("SIGKILL");
  await first.ended();
  const second = box.supervise("web");
  await until(() => second.stderr !== "", "who is left is named");
  expect(numbers(box.at("web/leaders"))).toHaveLength(1);
  for (const worker of workers) signal(worker, "SIGKILL");
  await box.upLeading("web", pid);
});

test.concurrent("kill -9 of supervisor and leader: the next one waits for the workers too", async () => {
  await using box = new Sandbox();
  box.service("web", { run: DEAF_WORKERS, files: { "process-group": "" } });
  const first = box.supervise("web");
  const pid = await box.up("web");
  const workers = await twoWorkers(box);
  first.signal("SIGKILL");
  await first.ended();
  signal(pid, "SIGKILL");
  await until(() => !alive(pid), "the leader is gone");
  const second = box.supervise("web");
  await until(() => second.stderr !== "", "who is left is named");
  expect(numbers(box.at("web/leaders"))).toHaveLength(1);
  for (const worker of workers) signal(worker, "SIGKILL");
  await box.upLeading("web", pid);
});

test.concurrent("kill -9 of the supervisor alone: the next one takes the leader over, group and all", async () => {
  await using box = new Sandbox();
  box.service("web", { run: leader(), files: { "process-group": "" } });
  const first = box.supervise("web");
  const pid = await box.up("web");
  const workers = await twoWorkers(box);
  first.signal("SIGKILL");
  await first.ended();
  const second = box.supervise("web");
  await until(() => supervised(box.at("web")), "the next one is there");
  command(box.at("web"), "dx");
  expect((await second.ended()).code).toBe(0);
  expect([pid, ...workers].filter(alive)).toEqual([]);
});
