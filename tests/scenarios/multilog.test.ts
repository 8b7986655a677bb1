// multilog and its signals: TERM and ALRM in every situation.
import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FullPipe, runToEnd, strace } from "../support/killed-logger.ts";
import { logFiles, logged, unlabelled } from "../support/log-dir.ts";
import { Logger } from "../support/logger.ts";
import { ours } from "../support/programs.ts";
import { Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const memory = existsSync("/dev/shm") ? "/dev/shm" : undefined;

/** `current`, once it is `content`. */
const current = (cwd: string, content: string) =>
  until(
    () => existsSync(join(cwd, "l/current")) && readFileSync(join(cwd, "l/current"), "latin1") === content,
    `current is ${JSON.stringify(content.slice(0, 40))}`,
  );

test("what has been read is in the file when multilog waits", async () => {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  using logger = new Logger(box.path, ["./l"], pipe.read);
  pipe.write("one\n");
  await current(box.path, "one\n");
  pipe.write("two\nthr");
  await current(box.path, "one\ntwo\n");
  pipe.write("ee\n");
  await current(box.path, "one\ntwo\nthree\n");
  pipe.end();
  expect(await logger.ended()).toEqual({ code: 0, stderr: "" });
});

test("TERM while nothing arrives ends it at once, and the directory is clean", async () => {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  using logger = new Logger(box.path, ["./l"], pipe.read);
  pipe.write("one\n");
  await current(box.path, "one\n");
  logger.signal("SIGTERM");
  expect(await logger.ended()).toEqual({ code: 0, stderr: "" });
  expect(logFiles(box.at("l"))).toEqual([
    { name: "current", mode: "744", content: "one\n" },
    { name: "lock", mode: "600", content: "" },
    { name: "state", mode: "644", content: "" },
  ]);
});

test("TERM inside a line: the line is read to its end, and what comes after it stays in the pipe", async () => {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  using logger = new Logger(box.path, ["./l"], pipe.read);
  pipe.write("one\npart");
  await current(box.path, "one\n");
  logger.signal("SIGTERM");
  pipe.write("ial\nnext\n");
  expect(await logger.ended()).toEqual({ code: 0, stderr: "" });
  expect(logged(box.at("l"))).toBe("one\npartial\n");
  pipe.end();
  runToEnd(box.path, ["./l"], pipe.read);
  expect(logged(box.at("l"))).toBe("one\npartial\nnext\n");
});

test("ALRM finishes every file that holds something, at once", async () => {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  using logger = new Logger(box.path, ["./l", "-*", "./empty"], pipe.read);
  pipe.write("one\nunfinished");
  await current(box.path, "one\n");
  logger.signal("SIGALRM");
  await current(box.path, "");
  expect(logFiles(box.at("l")).map((f) => [unlabelled(f.name), f.mode, f.content])).toEqual([
    ["@LABEL.s", "744", "one\n"],
    ["current", "644", ""],
    ["lock", "600", ""],
    ["state", "644", ""],
  ]);
  pipe.write(" line\n");
  await current(box.path, "unfinished line\n");
  expect(logFiles(box.at("empty")).map((f) => f.name)).toEqual(["current", "lock", "state"]);
  pipe.end();
  expect((await logger.ended()).code).toBe(0);
});

test("ALRM splits a line that is longer than what is matched", async () => {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  using logger = new Logger(box.path, ["./l"], pipe.read);
  pipe.write("x".repeat(1600));
  await current(box.path, "x".repeat(1600));
  logger.signal("SIGALRM");
  await current(box.path, "");
  pipe.write("rest\n");
  await current(box.path, "rest\n");
  pipe.end();
  expect((await logger.ended()).code).toBe(0);
});

test("TERM while a processor hangs: it is waited for, then ended, and nothing is lost", async () => {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  using logger = new Logger(box.path, ["s4096", "!echo up >&2; exec sleep 1000", "./l"], pipe.read);
  pipe.write(`${"x".repeat(4000)}\nrest\n`);
  await until(() => existsSync(box.at("l/processed")), "the processor runs");
  logger.signal("SIGTERM");
  expect((await logger.ended()).code).toBe(0);
  pipe.end();
  expect(runToEnd(box.path, ["s4096", "./l"], pipe.read)).toEqual({ code: 0, stderr: "" });
  expect(logged(box.at("l"))).toBe(`${"x".repeat(4000)}\nrest\n`);
});

test("a processor that fails is run again on the same file", async () => {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  pipe.write(`${"x".repeat(4000)}\nrest\n`);
  pipe.end();
  const processor = "!cat; test -e ../again && exit 0; touch ../again; exit 1";
  const { code, stderr } = runToEnd(box.path, ["s4096", processor, "./l"], pipe.read);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: "multilog: warning: processor failed in ./l, pausing\n",
  });
  expect(logged(box.at("l"))).toBe(`${"x".repeat(4000)}\nrest\n`);
});

test("an archive's name is later than any before it, though the clock is not", async () => {
  await using box = new Sandbox(memory);
  mkdirSync(box.at("l"));
  const future = "@4fffffff3b4a39c23294b13c.s";
  writeFileSync(box.at("l", future), "old\n");
  writeFileSync(box.at("l/current"), "current\n");
  chmodSync(box.at("l/current"), 0o644);
  using pipe = new FullPipe(box, "in");
  pipe.end();
  runToEnd(box.path, ["n3", "./l"], pipe.read);
  expect(logFiles(box.at("l")).map((f) => f.name)).toEqual([
    future,
    "@4fffffff3b4a39c23294b13d.u",
    "current",
    "lock",
    "state",
  ]);
});

test("a previous that was left beside a clean current becomes an old log at the next rotation", async () => {
  await using box = new Sandbox(memory);
  mkdirSync(box.at("l"));
  writeFileSync(box.at("l/previous"), "stray\n");
  writeFileSync(box.at("l/current"), "x\n".repeat(3000), { mode: 0o744 });
  for (const script of [
    ["s4096", "./l"],
    ["s4096", "!cat", "./l"],
  ]) {
    using pipe = new FullPipe(box, `in${script.length}`);
    pipe.write("more\n".repeat(1000));
    pipe.end();
    expect(runToEnd(box.path, script, pipe.read)).toEqual({ code: 0, stderr: "" });
  }
  const contents = logFiles(box.at("l")).map((f) => f.content);
  expect(contents).toContain("stray\n");
});

test("an old log that cannot be removed is said once, and keeps nothing else from its place", async () => {
  await using box = new Sandbox(memory);
  const stuck = `@${"0".repeat(24)}`;
  mkdirSync(box.at("l", stuck, "in the way"), { recursive: true });
  using pipe = new FullPipe(box, "in");
  const input = "line\n".repeat(10_000);
  pipe.write(input);
  pipe.end();
  const { code, stderr } = runToEnd(box.path, ["s4096", "n3", "./l"], pipe.read);
  expect(code).toBe(0);
  expect(stderr).toBe(`multilog: warning: unable to remove ./l/${stuck}: is a directory\n`);
  expect(logFiles(box.at("l")).filter(({ name }) => name.startsWith("@")).length).toBe(2);
  expect(input.endsWith(logged(box.at("l")))).toBe(true);
});

test("current that is a directory is put aside", async () => {
  await using box = new Sandbox(memory);
  mkdirSync(box.at("l/current/kept"), { recursive: true });
  using pipe = new FullPipe(box, "in");
  pipe.write("line\n");
  pipe.end();
  expect(runToEnd(box.path, ["./l"], pipe.read)).toEqual({ code: 0, stderr: "" });
  expect(readFileSync(box.at("l/current"), "latin1")).toBe("line\n");
  const [aside] = logFiles(box.at("l"));
  expect(existsSync(box.at("l", (aside as { name: string }).name, "kept"))).toBe(true);
});

test("a later directory that cannot be locked leaves the earlier ones clean", async () => {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  using holder = new Logger(box.path, ["./m"], pipe.read);
  await until(() => existsSync(box.at("m/current")), "the holder runs");
  mkdirSync(box.at("l"));
  writeFileSync(box.at("l/current"), "kept\n", { mode: 0o744 });
  const second = runToEnd(box.path, ["./l", "./m"], pipe.read);
  expect(second).toEqual({
    code: 111,
    stderr: "multilog: fatal: unable to lock directory ./m: temporary failure\n",
  });
  expect(logFiles(box.at("l")).find((f) => f.name === "current")?.mode).toBe("744");
  holder.signal("SIGTERM");
  await holder.ended();
});

test("a line that a killed multilog was in goes on in the next, with one timestamp", async () => {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  {
    using logger = new Logger(box.path, ["t", "./l"], pipe.read);
    pipe.write("first\nbegun, ");
    await until(() => logged(box.at("l")).endsWith("first\n"), "the first line is there");
    logger.signal("SIGKILL");
    await logger.ended();
  }
  pipe.write("ended\n");
  pipe.end();
  expect(runToEnd(box.path, ["t", "./l"], pipe.read)).toEqual({ code: 0, stderr: "" });
  expect(unlabelled(logged(box.at("l")))).toBe("@LABEL first\n@LABEL begun, ended\n");
});

test("a line whose pipe is gone is ended by the next multilog", async () => {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  {
    using logger = new Logger(box.path, ["t", "./l"], pipe.read);
    pipe.write("first\nbegun");
    await until(() => logged(box.at("l")).endsWith("first\n"), "the first line is there");
    logger.signal("SIGKILL");
    await logger.ended();
  }
  const after = Bun.spawnSync([ours("multilog"), "t", "./l"], {
    cwd: box.path,
    stdin: Buffer.from("other\n"),
  });
  expect(after.exitCode).toBe(0);
  expect(unlabelled(logged(box.at("l")))).toBe("@LABEL first\n@LABEL begun\n@LABEL other\n");
});

test("T puts local time with its zone in front of each line", async () => {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  using _ = new Logger(box.path, ["T", "./l"], pipe.read, { TZ: "XXX-05:30" });
  pipe.write("one\n");
  await until(() => existsSync(box.at("l/current")) && logged(box.at("l")) !== "", "there is a line");
  const [, stamp = ""] = /^(\S+) one\n$/.exec(logged(box.at("l"))) ?? [];
  expect(stamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+05:30$/);
  expect(Math.abs(Date.parse(stamp) - Date.now())).toBeLessThan(60_000);
});

test("S limits all old logs together, and keeps the newest", async () => {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  const input = "0123456789\n".repeat(5000);
  pipe.write(input);
  pipe.end();
  expect(runToEnd(box.path, ["s4096", "n1000", "S9000", "./l", "S1", "./m"], pipe.read).stderr).toBe("");
  const old = (directory: string) => logFiles(box.at(directory)).filter(({ name }) => name.startsWith("@"));
  expect(old("l").length).toBe(2);
  expect(old("m").length).toBe(1);
  expect(input.endsWith(logged(box.at("l")))).toBe(true);
});

test("R finishes a file when its first line is so old, and leaves an empty one alone", async () => {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  using logger = new Logger(box.path, ["R1", "./l"], pipe.read);
  pipe.write("one line of some length\n");
  await until(
    () =>
      existsSync(box.at("l")) &&
      logFiles(box.at("l")).some((f) => f.content === "one line of some length\n" && f.name !== "current"),
    "the file is finished",
  );
  await current(box.path, "");
  expect(logger.running).toBe(true);
});

test("a processor after & runs while logging goes on, one at a time", async () => {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  const wait = "&until test -e ../go; do sleep 0.02; done; tr a-z A-Z";
  using logger = new Logger(box.path, ["s4096", wait, "./l"], pipe.read);
  pipe.write(`${"x".repeat(4000)}\n`);
  await until(() => existsSync(box.at("l/processed")), "the processor runs");
  pipe.write("beside\n");
  await current(box.path, "beside\n");
  pipe.write(`${"y".repeat(4000)}\n`);
  box.file("go", "");
  await current(box.path, "");
  pipe.write("last\n");
  await current(box.path, "last\n");
  pipe.end();
  expect((await logger.ended()).code).toBe(0);
  expect(logged(box.at("l"))).toBe(`${"X".repeat(4000)}\nBESIDE\n${"Y".repeat(4000)}\nlast\n`);
});

test.skipIf(strace === null)("an old log's data and its name are made certain", async () => {
  await using box = new Sandbox(memory);
  box.file("in", `${"x".repeat(4000)}\nrest\n`);
  const trace = `${strace} -y -e trace=fsync,rename,renameat2 ${ours("multilog")} s4096 ./l <in 2>&1`;
  const calls = Bun.spawnSync(["sh", "-c", trace], { cwd: box.path }).stdout.toString();
  const renamed = calls.indexOf('.s"');
  expect(renamed).toBeGreaterThan(0);
  expect(calls.slice(0, renamed)).toMatch(/fsync\(\d+<[^>]*\/l\/current>/);
  expect(calls.slice(renamed)).toMatch(/fsync\(\d+<[^>]*\/l>\)/);
});

test("a standard error that takes nothing does not stop it", async () => {
  await using box = new Sandbox(memory);
  mkdirSync(box.at("l", `@${"0".repeat(24)}`, "in the way"), { recursive: true });
  box.file("in", "line\n".repeat(5000));
  // The reader of the pipe sleeps, and the pipe is full.
  const run = `mkfifo full; exec 9<>full; head -c 65536 /dev/zero >&9; ${ours("multilog")} s4096 n2 ./l <in 2>&9`;
  expect(Bun.spawnSync(["sh", "-c", run], { cwd: box.path, timeout: 20_000 }).exitCode).toBe(0);
});
