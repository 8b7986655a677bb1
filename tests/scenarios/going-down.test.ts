// How a service is brought down that asks for more than TERM: down-signal, timeout-kill, and the deaths that are remembered.
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { command } from "../support/control.ts";
import { mkfifoSync } from "../support/fifo.ts";
import { alive, Sandbox, signal } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/** Takes no notice of TERM, and is ready once it says so. */
const DEAF = "#!/bin/sh\ntrap '' TERM\n>ready\nexec sleep 100000\n";
const DEATH_SIZE = 14;

test.concurrent("down-signal is what d sends instead of TERM", async () => {
  await using box = new Sandbox();
  box.service("web", {
    run: "#!/bin/sh\ntrap 'echo INT >got; exit 0' INT\ntrap 'echo TERM >got; exit 0' TERM\n>ready\nwhile :; do sleep 0.02; done\n",
    files: { "down-signal": "SIGINT\n" },
  });
  box.supervise("web");
  await until(() => box.has("web/ready"), "the service is ready");
  command(box.at("web"), "d");
  await box.down("web");
  expect(readFileSync(box.at("web/got"), "latin1")).toBe("INT\n");
});

test.concurrent("a service that takes no notice of TERM is killed after timeout-kill", async () => {
  await using box = new Sandbox();
  box.service("web", { run: DEAF, files: { "timeout-kill": "200" } });
  box.supervise("web");
  const pid = await box.up("web");
  await until(() => box.has("web/ready"), "the service is ready");
  command(box.at("web"), "d");
  await box.down("web");
  expect(alive(pid)).toBe(false);
});

test.concurrent("without timeout-kill it is left alone, as in C", async () => {
  await using box = new Sandbox();
  box.service("web", { run: DEAF, files: { "down-signal": "15" } });
  box.supervise("web");
  const pid = await box.up("web");
  await until(() => box.has("web/ready"), "the service is ready");
  command(box.at("web"), "d");
  await until(() => box.status("web")?.want === "down", "d is taken");
  expect(alive(pid)).toBe(true);
  command(box.at("web"), "k");
  await box.down("web");
});

test.concurrent("what is put into the directory of a running service counts for the next command", async () => {
  await using box = new Sandbox();
  box.service("web", { run: DEAF });
  box.supervise("web");
  await box.up("web");
  await until(() => box.has("web/ready"), "the service is ready");
  box.file("web/control/h", "#!/bin/sh\n>asked\n");
  command(box.at("web"), "h");
  await until(() => box.has("web/asked"), "the script has run");
  box.file("web/timeout-kill", "100");
  command(box.at("web"), "d");
  await box.down("web");
});

test.concurrent("a supervisor that takes over a service on its way down kills it in the end", async () => {
  await using box = new Sandbox();
  box.service("web", { run: DEAF, files: { "timeout-kill": "600000" } });
  const first = box.supervise("web");
  const pid = await box.up("web");
  await until(() => box.has("web/ready"), "the service is ready");
  command(box.at("web"), "d");
  await until(() => box.status("web")?.want === "down", "d is taken");
  first.signal("SIGKILL");
  await first.ended();
  expect(alive(pid)).toBe(true);
  box.file("web/timeout-kill", "100");
  box.supervise("web");
  await box.down("web");
  await until(() => !alive(pid), "it is killed");
});

test.concurrent("max-death-tally: the last deaths are in supervise/death_tally, as s6 writes them", async () => {
  await using box = new Sandbox();
  box.service("web", { files: { "max-death-tally": "2\n" } });
  box.supervise("web");
  const tally = (): number[][] => {
    if (!existsSync(box.at("web/supervise/death_tally"))) return [];
    const bytes = readFileSync(box.at("web/supervise/death_tally"));
    return Array.from({ length: bytes.length / DEATH_SIZE }, (_, i) => [
      ...bytes.subarray(i * DEATH_SIZE + 12, (i + 1) * DEATH_SIZE),
    ]);
  };
  let pid = 0;
  for (const [name, number] of [
    ["SIGHUP", 1],
    ["SIGKILL", 9],
    ["SIGTERM", 15],
  ] as const) {
    pid = await box.up("web", pid);
    signal(pid, name);
    await until(() => tally().at(-1)?.[1] === number, "the death is noted");
  }
  expect(tally()).toEqual([
    [137, 9],
    [143, 15],
  ]);
});

const HOSTILE: readonly (readonly [string, string, (path: string) => void, string])[] = [
  ["down-signal", "text", (path) => writeFileSync(path, "SIGNOTHING\n"), "not a signal"],
  ["down-signal", "number", (path) => writeFileSync(path, "65"), "not a signal"],
  ["down-signal", "binary", (path) => writeFileSync(path, Buffer.from([0, 255])), "not a signal"],
  ["down-signal", "fifo", mkfifoSync, "not a regular file"],
  ["timeout-kill", "negative", (path) => writeFileSync(path, "-1"), "not a number of milliseconds"],
  ["timeout-kill", "directory", (path) => mkdirSync(path), "not a regular file"],
  ["max-death-tally", "huge", (path) => writeFileSync(path, "4097"), "not a number up to 4096"],
  ["max-death-tally", "fifo", mkfifoSync, "not a regular file"],
];
test.concurrent.each(HOSTILE)(
  "a hostile %s (%s) is warned of, and the service goes down as in C",
  async (file, _, make, why) => {
    await using box = new Sandbox();
    box.service("web");
    make(box.at("web", file));
    const supervisor = box.supervise("web");
    await box.up("web");
    command(box.at("web"), "d");
    await box.down("web");
    expect(supervisor.stderr).toBe(`supervise: warning: web: unable to use ${file}: ${why}\n`);
  },
);

test.concurrent("a fifo or link in the place of death_tally is warned of, and holds nothing up", async () => {
  await using box = new Sandbox();
  box.service("web", { files: { "max-death-tally": "5" } });
  mkdirSync(box.at("web/supervise"));
  mkfifoSync(box.at("web/supervise/death_tally"));
  const supervisor = box.supervise("web");
  const pid = await box.up("web");
  signal(pid, "SIGKILL");
  await box.up("web", pid);
  expect(supervisor.stderr).toBe(
    "supervise: warning: unable to write web/supervise/death_tally: invalid argument\n",
  );
});
