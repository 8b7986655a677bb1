// A service that writes as fast as it can, under svscan; its logger is killed with -9, again and again.
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ours } from "../support/programs.ts";
import { Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const KILLS = 20;

test("a logger that is killed twenty times loses no line, and writes none twice", async () => {
  await using box = new Sandbox(existsSync("/dev/shm") ? "/dev/shm" : undefined);
  // It counts until it is told to end, and leaves the last number behind.
  const run = `#!/usr/bin/awk -f
BEGIN {
  for (i = 1; !stop && i < 4000000; i++) {
    print i, "a line of the service, of some length"
    if (i % 1000 == 0) stop = (getline line < "stop") > 0
    close("stop")
  }
  print i - 1 > "last"
  close("last")
  system("sleep 100000")
}
`;
  box.service("scan/busy", {
    run,
    log: `#!/bin/sh\nexec ${ours("multilog")} t s1000000 n10000 ./main\n`,
  });
  box.svscan(box.at("scan"));
  const main = box.at("scan/busy/log/main");
  /** Changes with every write. */
  const state = () => {
    const { ino, size } = statSync(join(main, "current"), { throwIfNoEntry: false }) ?? { ino: 0, size: 0 };
    return `${ino} ${size}`;
  };
  let before = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const pid = await until(() => {
      const { pid = 0 } = box.status("scan/busy/log") ?? {};
      return pid > 0 && pid !== before ? pid : undefined;
    }, "the logger runs");
    const found = state();
    await until(() => state() !== found, "it writes");
    process.kill(pid, "SIGKILL");
    before = pid;
  }
  box.file("scan/busy/stop", "now\n");
  const last = await until(() => {
    const path = box.at("scan/busy/last");
    return existsSync(path) && (readFileSync(path, "utf8").trim() || undefined);
  }, "the service has stopped counting");
  const done = ` ${last} a line of the service, of some length\n`;
  await until(() => readFileSync(join(main, "current"), "latin1").endsWith(done), "all is written");
  let count = 0;
  let rest = "";
  for (const name of readdirSync(main)
    .filter((name) => name.startsWith("@"))
    .sort()
    .concat("current")) {
    const lines = (rest + readFileSync(join(main, name), "latin1")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      count++;
      if (
        !/^@[0-9a-f]{24} /.test(line) ||
        line.slice(26) !== `${count} a line of the service, of some length`
      )
        throw new Error(`line ${count} in ${name}: ${JSON.stringify(line.slice(0, 200))}`);
    }
  }
  expect({ count, rest }).toEqual({ count: Number(last), rest: "" });
});
