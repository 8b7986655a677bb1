// The end of svscan: TERM and INT stop everything in order and lose no line, a second one is impatient, HUP only scans,
// QUIT leaves the services as they are.
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { modes } from "../support/modes.ts";
import { ours } from "../support/programs.ts";
import { alive, Sandbox, stat } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/** Writes numbered lines as fast as they are taken, and says its last words when it gets TERM. */
const WRITER = `#!/usr/bin/perl
$SIG{TERM} = sub { $stop = 1 };
$| = 1;
until ($stop) { print ++$n, "\\n"; select undef, undef, undef, 0.001 if $n % 50 == 0 }
print "last $n\\n";
`;

const linesOf = (path: string): string[] => readFileSync(path, "latin1").trimEnd().split("\n");

/** 1, 2, ... to the number that the writer said it wrote last. */
function expectComplete(path: string): void {
  const lines = linesOf(path);
  const count = lines.length - 1;
  expect(lines.at(-1)).toBe(`last ${count}`);
  expect(lines.findIndex((line, i) => i < count && line !== String(i + 1))).toBe(-1);
}

describe.each(modes)("svscan $mode", ({ env }) => {
  test.concurrent.each(["SIGTERM", "SIGINT"] as const)(
    "%s: every line is in the log, exit 0, nothing is left",
    async (signal) => {
      await using box = new Sandbox();
      const names = ["a", "b", "c"].map((name) => `scan/${name}`);
      for (const name of names) box.service(name, { run: WRITER, log: "#!/bin/sh\nexec cat >>all\n" });
      box.service("scan/plain");
      box.service("scan/offline", { down: true, log: "#!/bin/sh\nexec cat\n" });
      const svscan = box.svscan("scan", { env });
      await Promise.all([...names, "scan/plain", "scan/offline/log"].map((name) => box.up(name)));
      for (const name of names) {
        const file = box.at(name, "log/all");
        await until(() => existsSync(file) && linesOf(file).length > 1000, "lines are in the log");
      }
      svscan.signal(signal);
      expect(await svscan.ended()).toMatchObject({ code: 0, stderr: "" });
      expect(box.pids()).toEqual([]);
      for (const name of names) {
        expectComplete(box.at(name, "log/all"));
        expect(box.status(name)?.pid).toBe(0);
        expect((await box.run([ours("svok"), name])).code).toBe(100);
      }
    },
  );

  test.concurrent("a logger that is slow is given the time to read what is left", async () => {
    await using box = new Sandbox();
    // 200 lines wait in the pipe when the service has ended; reading them takes more than a second.
    box.service("scan/s", {
      run: `#!/usr/bin/perl\n$SIG{TERM} = sub { $| = 1; print "last 200\\n"; exit };\n$| = 1;\nprint "$_\\n" for 1..200;\nsleep 1000 while 1;\n`,
      log: `#!/usr/bin/perl\n$| = 1;\nopen F, '>>', 'all';\nwhile (sysread STDIN, $c, 1) { syswrite F, $c; select undef, undef, undef, 0.002 }\n`,
    });
    const svscan = box.svscan("scan", { env });
    await box.up("scan/s");
    await until(() => existsSync(box.at("scan/s/log/all")), "the logger reads");
    svscan.signal("SIGTERM");
    expect(await svscan.ended()).toMatchObject({ code: 0 });
    expect(box.pids()).toEqual([]);
    expectComplete(box.at("scan/s/log/all"));
  });

  test.concurrent("a paused service is continued to end", async () => {
    await using box = new Sandbox();
    box.service("scan/s");
    const svscan = box.svscan("scan", { env });
    const pid = await box.up("scan/s");
    await box.run([ours("svc"), "-p", "scan/s"]);
    await until(() => stat(pid).state === "T", "it is stopped");
    svscan.signal("SIGTERM");
    expect(await svscan.ended()).toMatchObject({ code: 0 });
    expect(box.pids()).toEqual([]);
  });

  test.concurrent("a second TERM kills what does not end", async () => {
    await using box = new Sandbox();
    const stubborn =
      "#!/usr/bin/perl\n$SIG{TERM} = 'IGNORE';\nopen F, '>', 'ready'; close F;\nsleep 1000 while 1;\n";
    box.service("scan/s", { run: stubborn, log: "#!/bin/sh\nexec cat >all\n" });
    box.service("scan/t", { run: stubborn });
    const svscan = box.svscan("scan", { env });
    const [s, t] = await Promise.all([box.up("scan/s"), box.up("scan/t")]);
    await until(
      () => existsSync(box.at("scan/s/ready")) && existsSync(box.at("scan/t/ready")),
      "TERM is ignored",
    );
    svscan.signal("SIGTERM");
    await until(() => box.status("scan/s")?.want === "down", "the first TERM was taken");
    expect([svscan.running, alive(s), alive(t)]).toEqual([true, true, true]);
    svscan.signal("SIGTERM");
    expect(await svscan.ended()).toMatchObject({ code: 0 });
    expect(box.pids()).toEqual([]);
  });

  test.concurrent("HUP scans at once, where no change of the directory could be seen", async () => {
    await using box = new Sandbox();
    box.directory("scan");
    // One after the other: scans five seconds apart would need longer than the test may take.
    const names = Array.from({ length: 20 }, (_, i) => `x${i}`);
    for (const name of names) symlinkSync(`../elsewhere-${name}`, box.at("scan", name));
    const svscan = box.svscan("scan", { env });
    await until(() => svscan.stderr.split("\n").length === names.length + 1, "the links dangle");
    for (const name of names) {
      box.service(`elsewhere-${name}`);
      svscan.signal("SIGHUP");
      await box.up(`elsewhere-${name}`);
    }
    expect(svscan.running).toBe(true);
  });

  test.concurrent("QUIT leaves the services as they are", async () => {
    await using box = new Sandbox();
    box.service("scan/s", { run: WRITER, log: "#!/bin/sh\nexec cat >>all\n" });
    box.service("scan/plain");
    const svscan = box.svscan("scan", { env });
    const pids = await Promise.all(["scan/s", "scan/s/log", "scan/plain"].map((name) => box.up(name)));
    svscan.signal("SIGQUIT");
    expect(await svscan.ended()).toMatchObject({ code: 0, signal: null });
    expect(pids.filter(alive)).toEqual(pids);
    // The lines go on: writer and logger hold the pipe.
    const lines = () => linesOf(box.at("scan/s/log/all")).length;
    const before = await until(() => lines() > 0 && lines(), "there are lines");
    await until(() => lines() > before + 1000, "there are more");
  });
});

test.concurrent("a second TERM kills a finish and a control/t that may take as long as they like", async () => {
  await using box = new Sandbox();
  const hangs = "#!/bin/sh\n>hangs\nsleep 100000\n";
  box.service("scan/finishes", { files: { finish: hangs, "timeout-finish": "0" } });
  box.service("scan/controls", { files: { "control/t": hangs, "timeout-control": "0" } });
  const svscan = box.svscan("scan");
  await box.up("scan/finishes");
  await box.up("scan/controls");
  svscan.signal("SIGTERM");
  await until(() => ["finishes", "controls"].every((name) => box.has(`scan/${name}/hangs`)), "both hang");
  svscan.signal("SIGTERM");
  expect((await svscan.ended()).code).toBe(0);
  expect(box.pids()).toEqual([]);
});

test("svscan ends at once when there is nothing to stop", async () => {
  await using box = new Sandbox();
  const svscan = box.svscan(box.directory("scan"));
  box.service("scan/mark", { down: true });
  await until(() => box.status("scan/mark"), "svscan scans");
  svscan.signal("SIGTERM");
  expect(await svscan.ended()).toMatchObject({ code: 0, stdout: "", stderr: "" });
});
