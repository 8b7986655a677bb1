// Loggers without a process of their own: `log/multilog` instead of `log/run`. service-directory(5)
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { counted, counter, GENTLY, logHost } from "../support/hosted-logs.ts";
import { logFiles, logged } from "../support/log-dir.ts";
import { haveC, ours, suites, theirs } from "../support/programs.ts";
import { alive, openFiles, Sandbox, SLEEPER } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const asRoot = process.geteuid?.() === 0 ? test : test.skip;

/** Says what it is given through a fifo, line by line. */
const REPEATER = "#!/bin/sh\nmkfifo -m 600 say 2>/dev/null\nexec cat <>say\n";

const say = (box: Sandbox, service: string, text: string): void =>
  writeFileSync(box.at(service, "say"), text);

const current = (box: Sandbox, service: string): string => {
  const path = box.at(service, "log/main/current");
  return existsSync(path) ? readFileSync(path, "latin1") : "";
};

const repeater = (box: Sandbox, name: string, multilog = "./main\n", files = {}): string =>
  box.service(name, { run: REPEATER, files: { "log/multilog": multilog, ...files } });

/** What the service says has gone through its log. */
async function goesThrough(box: Sandbox, service: string, line: string): Promise<void> {
  await until(() => existsSync(box.at(service, "say")), `${service} listens`);
  say(box, service, `${line}\n`);
  await until(() => current(box, service).includes(`${line}\n`), `${service}'s ${line} is in its log`);
}

describe.each(suites)("the svc, svstat and svok of $suite", ({ program }) => {
  test("act on a hosted logger as on a process of its own", async () => {
    await using box = new Sandbox();
    repeater(box, "scan/a");
    box.svscan(box.at("scan"));
    const log = box.at("scan/a/log");
    const pid = await box.up(log);
    const svc = async (letters: string) =>
      expect((await box.run([program("svc"), `-${letters}`, log])).code).toBe(0);
    const shown = async () => (await box.run([program("svstat"), log])).stdout;
    expect(pid).toBe(logHost(box));
    expect((await box.run([program("svok"), log])).code).toBe(0);
    expect(await shown()).toMatch(new RegExp(`: up \\(pid ${pid}\\) \\d+ seconds\n$`));

    await goesThrough(box, "scan/a", "one");
    await svc("a");
    await until(() => logFiles(box.at("scan/a/log/main")).some(({ name }) => name.endsWith(".s")), "rotated");
    expect(current(box, "scan/a")).toBe("");

    await svc("p");
    await until(async () => (await shown()).includes("paused"), "it is paused");
    say(box, "scan/a", "two\n");
    await svc("a"); // waits for the end of the pause
    expect(current(box, "scan/a")).toBe("");
    await svc("c");
    await until(() => logged(box.at("scan/a/log/main")) === "one\ntwo\n", "it goes on");

    await svc("d");
    await until(async () => (await shown()).includes("down"), "it is down");
    expect(statSync(box.at("scan/a/log/main/current")).mode & 0o777).toBe(0o744);
    expect(existsSync(box.at("scan/a/log/main/.tend-ahead"))).toBeFalse();
    say(box, "scan/a", "three\n");
    await svc("o");
    await until(() => logged(box.at("scan/a/log/main")).endsWith("three\n"), "it runs once");
    await svc("t");
    await until(async () => (await shown()).includes("down"), "it is not started again");
    await svc("u");
    await goesThrough(box, "scan/a", "four");

    // As kill -9: what it was writing counts as incomplete, and nothing is lost.
    for (const letter of ["k", "i", "h"]) {
      const before = logFiles(box.at("scan/a/log/main")).length;
      await svc(letter);
      await until(
        () => logFiles(box.at("scan/a/log/main")).length > before,
        `${letter} ended it and it runs again`,
      );
      await goesThrough(box, "scan/a", letter);
    }
    expect(logged(box.at("scan/a/log/main"))).toBe("one\ntwo\nthree\nfour\nk\ni\nh\n");
    // Not one of these was a death of the process.
    expect(logHost(box)).toBe(pid);

    await svc("dx");
    await until(async () => (await box.run([program("svok"), log])).code === 100, "it has let go");
    // As any supervisor of a directory that is still there, it is back with the next scan.
    await box.up(log);
    await goesThrough(box, "scan/a", "five");
  });
});

test("TERM and d end it at the end of a line, as multilog", async () => {
  await using box = new Sandbox();
  repeater(box, "scan/a", "t\n./main\n");
  box.svscan(box.at("scan"));
  await box.up("scan/a/log");
  await goesThrough(box, "scan/a", "whole");
  say(box, "scan/a", "half a ");
  await until(
    () => readFileSync(box.at("scan/a/log/main/.tend-ahead"), "latin1").includes("half a "),
    "half a line is read",
  );
  await box.run([ours("svc"), "-d", box.at("scan/a/log")]);
  await until(() => box.status("scan/a/log")?.want === "down", "it is told");
  expect(box.status("scan/a/log")?.pid).not.toBe(0);
  say(box, "scan/a", "line\nnext\n");
  await until(() => box.status("scan/a/log")?.pid === 0, "it ends with the line");
  expect(logged(box.at("scan/a/log/main")).replace(/@\S+ /g, "")).toBe("whole\nhalf a line\n");
});

test("one process writes the logs of all, beside loggers that have a program", async () => {
  await using box = new Sandbox();
  const scan = box.directory("scan");
  repeater(box, "scan/a", "# both\nt\n-*secret*\n\n./main\n+*\n./all\n");
  repeater(box, "scan/b");
  box.service("scan/c", { run: REPEATER, log: `#!/bin/sh\nexec ${ours("multilog")} ./main\n` });
  box.service("scan/d");
  const svscan = box.svscan(scan);
  const [a, b, c] = await Promise.all(["a", "b", "c"].map((name) => box.up(`scan/${name}/log`)));
  expect(a).toBe(b as number);
  expect(c).not.toBe(b as number);
  expect(readFileSync(`/proc/${a}/comm`, "latin1")).toBe("log-host\n");
  expect(readFileSync(`/proc/${a}/cmdline`, "latin1")).toBe("tend\0log-host\0");
  for (const name of ["a", "b", "c"]) await goesThrough(box, `scan/${name}`, `line of ${name}`);
  say(box, "scan/a", "a secret\nno more\n");
  await until(() => current(box, "scan/a").includes("no more"), "all is written");
  expect(current(box, "scan/a").replace(/@[0-9a-f]{24} /g, "")).toBe("line of a\nno more\n");
  expect(readFileSync(box.at("scan/a/log/all/current"), "latin1")).toContain("a secret\n");
  // One that comes later.
  repeater(box, "scan/e");
  expect(await box.up("scan/e/log")).toBe(b as number);
  await goesThrough(box, "scan/e", "late");
  // log/run, the classic file, is what counts where both are.
  box.service("scan/f", {
    run: REPEATER,
    log: `#!/bin/sh\nexec ${ours("multilog")} ./main\n`,
    files: { "log/multilog": "./other\n" },
  });
  await goesThrough(box, "scan/f", "classic");
  expect(existsSync(box.at("scan/f/log/other"))).toBeFalse();
  expect(box.status("scan/f/log")?.pid).not.toBe(b as number);
  svscan.signal("SIGTERM");
  expect(await svscan.ended()).toMatchObject({ code: 0, stderr: "" });
  expect(alive(b as number)).toBeFalse();
  for (const name of ["a", "b", "c", "e", "f"]) {
    expect(statSync(box.at(`scan/${name}/log/main/current`)).mode & 0o777).toBe(0o744);
    expect(existsSync(box.at(`scan/${name}/log/main/.tend-ahead`))).toBeFalse();
  }
});

test("there is no log process where nobody needs one", async () => {
  await using box = new Sandbox();
  box.service("scan/a", { log: SLEEPER });
  box.svscan(box.at("scan"));
  await box.up("scan/a/log");
  expect(existsSync(box.at("scan/.tend-log-host"))).toBeFalse();
});

test("when svscan stops, all that was written is logged, and a last line without end gets one", async () => {
  await using box = new Sandbox();
  const run = `#!/bin/sh\ntrap 'seq 20000; printf "the end"; exit 0' TERM\necho ready\nwhile :; do sleep 1000 >/dev/null & wait; done\n`;
  for (const name of ["a", "b", "c"])
    box.service(`scan/${name}`, { run, files: { "log/multilog": "s16777215\n./main\n" } });
  const svscan = box.svscan(box.at("scan"));
  for (const name of ["a", "b", "c"])
    await until(() => current(box, `scan/${name}`) === "ready\n", `${name} is logged`);
  svscan.signal("SIGTERM");
  expect(await svscan.ended()).toMatchObject({ code: 0, stderr: "" });
  const numbers = Array.from({ length: 20000 }, (_, i) => `${i + 1}\n`).join("");
  for (const name of ["a", "b", "c"]) expect(current(box, `scan/${name}`)).toBe(`ready\n${numbers}the end\n`);
});

test("svc -t takes up another log/multilog; one that makes no sense is said once, and nobody else suffers", async () => {
  await using box = new Sandbox();
  repeater(box, "scan/a");
  repeater(box, "scan/b");
  const svscan = box.svscan(box.at("scan"));
  await Promise.all([box.up("scan/a/log"), box.up("scan/b/log")]);
  await goesThrough(box, "scan/a", "one");
  box.file("scan/a/log/multilog", "./second\n");
  await box.run([ours("svc"), "-t", box.at("scan/a/log")]);
  await until(() => existsSync(box.at("scan/a/log/second/current")), "the other directory is used");
  say(box, "scan/a", "two\n");
  await until(() => readFileSync(box.at("scan/a/log/second/current"), "latin1") === "two\n", "and written");

  for (const [content, message] of [
    ["", "unable to start a/log: a/log/multilog: no log directory"],
    ["just some text\n", "unable to start a/log: a/log/multilog: no log directory"],
    ["./main\0\n", "unable to start a/log: a/log/multilog: bad format"],
    ["./no/such/place\n", "unable to open directory a/log/no/such/place: file does not exist"],
    ["=./no/such/file\n", "unable to create a/log/no/such/file: file does not exist"],
    ["/dev/null\n", "unable to open directory /dev/null: not a directory"],
    // The other one has it.
    [
      `${box.at("scan/b/log/main")}\n`,
      `unable to lock directory ${box.at("scan/b/log/main")}: temporary failure`,
    ],
  ] as const) {
    box.file("scan/a/log/multilog", content);
    await box.run([ours("svc"), "-tu", box.at("scan/a/log")]);
    await until(() => svscan.stderr.includes(`multilog: warning: ${message}\n`), message);
    // And again, though not so soon.
    await box.run([ours("svc"), "-u", box.at("scan/a/log")]);
    await goesThrough(box, "scan/b", message.replace(/[^a-z]/g, ""));
    box.file("scan/a/log/multilog", "./main\n");
    await box.run([ours("svc"), "-u", box.at("scan/a/log")]);
    await box.up("scan/a/log");
    await goesThrough(box, "scan/a", `after ${message.replace(/[^a-z]/g, "")}`);
  }
  rmSync(box.at("scan/a/log/multilog"));
  await box.run([ours("svc"), "-t", box.at("scan/a/log")]);
  await until(
    () => svscan.stderr.includes("multilog: warning: unable to read a/log/multilog: file does not exist\n"),
    "it is missed",
  );
  const said = svscan.stderr.split("\n").slice(0, -1);
  expect(said.length).toBe(new Set(said).size);
});

asRoot("log/user has the files, and runs the processors", async () => {
  await using box = new Sandbox();
  const [uid, gid] = [64_123, 64_124];
  repeater(box, "scan/a", "t\n!id -u; id -g; id -G; ls -l /proc/self/fd >&5; cat\n=status\n./main\n", {
    "log/user": `${uid}:${gid}\n`,
  });
  repeater(box, "scan/b", "./main\n", { "log/user": "nobody" });
  repeater(box, "scan/c", "./main\n", { "log/user": "no such account\n" });
  for (const name of ["a", "b"]) chmodSync(box.at(`scan/${name}/log`), 0o777);
  chmodSync(box.path, 0o755);
  const svscan = box.svscan(box.at("scan"));
  await goesThrough(box, "scan/a", "one");
  await goesThrough(box, "scan/b", "one");
  await box.run([ours("svc"), "-a", box.at("scan/a/log")]);
  const old = await until(
    () => logFiles(box.at("scan/a/log/main")).find(({ name }) => name.endsWith(".s")),
    "the processor has run",
  );
  expect(old.content).toMatch(new RegExp(`^${uid}\n${gid}\n${gid}\n@\\S+ one\n$`));
  const owners = (directory: string) =>
    readdirSync(directory).map((name) => {
      const { uid: owner, gid: group } = statSync(`${directory}/${name}`);
      return `${owner}:${group}`;
    });
  expect(new Set(owners(box.at("scan/a/log/main")))).toEqual(new Set([`${uid}:${gid}`]));
  expect(owners(box.at("scan/b/log/main"))).not.toContain("0:0");
  expect(statSync(box.at("scan/a/log/main")).uid).toBe(uid);
  expect(statSync(box.at("scan/a/log/status")).uid).toBe(uid);
  // What supervises is root's as ever.
  expect(statSync(box.at("scan/a/log/supervise/status")).uid).toBe(0);
  await until(
    () =>
      svscan.stderr.includes("multilog: warning: unable to start c/log: unknown account no such account\n"),
    "the account that is not there is said",
  );
  // One who may not write there.
  chmodSync(box.at("scan/c/log"), 0o755);
  box.file("scan/c/log/user", `${uid}:${gid}\n`);
  await box.run([ours("svc"), "-u", box.at("scan/c/log")]);
  await until(
    () =>
      svscan.stderr.includes("multilog: warning: unable to open directory c/log/main: file does not exist\n"),
    "the directory that cannot be made is said",
  );
  await goesThrough(box, "scan/b", "two");
});

test("a service that writes without end does not keep a line of another from its file", async () => {
  await using box = new Sandbox(existsSync("/dev/shm") ? "/dev/shm" : undefined);
  for (let i = 0; i < 3; i++)
    box.service(`scan/hose${i}`, {
      run: "#!/bin/sh\nexec yes 'water, water, and not a drop of it to drink'\n",
      files: { "log/multilog": "t\ns16777215\nn2\n./main\n" },
    });
  repeater(box, "scan/drop", "t\n./main\n");
  box.svscan(box.at("scan"));
  const written = () =>
    [0, 1, 2].map(
      (i) => current(box, `scan/hose${i}`).length + logged(box.at(`scan/hose${i}/log/main`)).length,
    );
  await until(() => written().every((bytes) => bytes > 2_000_000), "they write");
  for (let i = 0; i < 10; i++) {
    const before = Date.now();
    await goesThrough(box, "scan/drop", `drop ${i}`);
    // Not a measurement: what waits for all that is before it would take for ever.
    expect(Date.now() - before).toBeLessThan(5000);
  }
});

test("a renamed service goes on; a removed one is let go of when it ends", async () => {
  await using box = new Sandbox();
  repeater(box, "scan/a");
  repeater(box, "scan/b");
  box.svscan(box.at("scan"));
  await Promise.all([box.up("scan/a/log"), box.up("scan/b/log")]);
  await goesThrough(box, "scan/a", "one");
  renameSync(box.at("scan/a"), box.at("scan/z"));
  await goesThrough(box, "scan/z", "two");
  await box.run([ours("svc"), "-t", box.at("scan/z/log")]);
  await goesThrough(box, "scan/z", "three");
  // Moved away, it is ended by who moved it, and stays so.
  renameSync(box.at("scan/z"), box.at("away"));
  await goesThrough(box, "away", "four");
  await box.run([ours("svc"), "-dx", box.at("away"), box.at("away/log")]);
  await until(async () => (await box.run([ours("svok"), box.at("away/log")])).code === 100, "it is gone");
  expect(logged(box.at("away/log/main"))).toBe("one\ntwo\nthree\nfour\n");

  const pid = logHost(box);
  const held = () => openFiles(pid).filter((path) => path.startsWith(`${box.at("scan/b")}/`));
  expect(held()).not.toEqual([]);
  await box.run([ours("svc"), "-dx", box.at("scan/b")]);
  rmSync(box.at("scan/b"), { recursive: true, force: true });
  repeater(box, "scan/c");
  await goesThrough(box, "scan/c", "new");
  await until(() => held().length === 0, "the removed one is let go of");
});

test("log/run that appears takes the logger over with svc -dx, log/multilog that appears as well", async () => {
  await using box = new Sandbox();
  repeater(box, "scan/a");
  box.svscan(box.at("scan"));
  await goesThrough(box, "scan/a", "one");
  const host = logHost(box);
  const classic = `#!/bin/sh\nexec ${ours("multilog")} ./main\n`;
  box.file("scan/a/log/.run", classic);
  renameSync(box.at("scan/a/log/.run"), box.at("scan/a/log/run"));
  await box.run([ours("svc"), "-dx", box.at("scan/a/log")]);
  const own = await box.up("scan/a/log", host);
  expect(own).not.toBe(host);
  await goesThrough(box, "scan/a", "two");
  rmSync(box.at("scan/a/log/run"));
  await box.run([ours("svc"), "-dx", box.at("scan/a/log")]);
  await until(() => box.status("scan/a/log")?.pid === host, "the log process has it again");
  await goesThrough(box, "scan/a", "three");
  expect(logged(box.at("scan/a/log/main"))).toBe("one\ntwo\nthree\n");
});

test("services that write gently and steadily lose no line through svc -t, -a and -k of their loggers", async () => {
  await using box = new Sandbox();
  const names = ["a", "b", "c"];
  for (const name of names)
    box.service(`scan/${name}`, {
      run: counter(4_000_000, GENTLY),
      files: { "log/multilog": "t\ns4096\nn10000\n./main\n" },
    });
  box.svscan(box.at("scan"));
  for (const name of names) await box.up(`scan/${name}/log`);
  for (let i = 0; i < 30; i++) {
    const name = names[i % 3] as string;
    const size = current(box, `scan/${name}`).length;
    await until(() => current(box, `scan/${name}`).length !== size, "it writes");
    await box.run([ours("svc"), ["-t", "-a", "-k"][((i / 3) % 3) | 0] as string, box.at(`scan/${name}/log`)]);
  }
  for (const name of names) expect(await counted(box, `scan/${name}`)).toBeGreaterThan(0);
});

test.skipIf(!haveC)("C's svscan says that log/run is missing", async () => {
  await using box = new Sandbox();
  repeater(box, "scan/a");
  const svscan = box.svscan(box.at("scan"), {}, theirs("svscan"));
  await until(() => svscan.stderr.includes("unable to start log/run: file does not exist"), "it says so");
});

test("a line that came in two pieces does not begin the line after a long pause", async () => {
  await using box = new Sandbox();
  const run = `#!/bin/sh
printf 'half a '
until test -e go1; do sleep 0.05; done
echo line
until test -e go2; do sleep 0.05; done
echo next
exec sleep 100000
`;
  box.service("scan/s", { run, files: { "log/multilog": "t\n./main\n" } });
  box.svscan(box.at("scan"));
  const main = box.at("scan/s/log/main");
  const text = () => logged(main).replace(/^@[0-9a-f]{24} /gm, "");
  const seesBuffer = () =>
    readFileSync(`/proc/${logHost(box)}/maps`, "latin1").includes("/s/log/main/.tend-ahead");
  await until(seesBuffer, "the first piece is there");
  box.file("scan/s/go1", "");
  await until(() => text() === "half a line\n", "the line is written");
  // The log process gives back the memory of a logger that has nothing to do.
  await until(() => !seesBuffer(), "nothing came for long enough");
  box.file("scan/s/go2", "");
  await until(() => text().endsWith("next\n"), "the next line is written");
  expect(text()).toBe("half a line\nnext\n");
}, 90_000);
