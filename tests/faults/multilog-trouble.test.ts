// multilog where the world is not as it should be: full disks, no descriptors, directories that go, endless lines. What the
// C program loses or hangs on in the same place is said in COMPATIBILITY.md.
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FullPipe, runToEnd } from "../support/killed-logger.ts";
import { logFiles, logged } from "../support/log-dir.ts";
import { Logger } from "../support/logger.ts";
import { haveC, ours, theirs } from "../support/programs.ts";
import { Sandbox } from "../support/sandbox.ts";
import { SmallDisk } from "../support/small-disk.ts";
import { until } from "../support/until.ts";

const memory = existsSync("/dev/shm") ? "/dev/shm" : undefined;
const lines = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `${from + i} ${"x".repeat(92)}\n`).join("");
const FULL = "multilog: warning: unable to write to ./l/current, pausing: out of disk space\n";

test.skipIf(!SmallDisk.possible)("a full disk: multilog waits, and goes on when there is room", async () => {
  await using disk = await SmallDisk.make(400);
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  using logger = new Logger(disk.at(), ["./l"], pipe.read);
  await until(() => existsSync(disk.at("l/current")), "multilog runs");
  writeFileSync(disk.at("filler"), new Uint8Array(280_000));
  const input = lines(600);
  pipe.write(input);
  expect(await logger.firstWords()).toBe(FULL);
  rmSync(disk.at("filler"));
  await until(() => logged(disk.at("l")) === input, "all is written");
  logger.signal("SIGTERM");
  expect((await logger.ended()).code).toBe(0);
});

test.skipIf(!SmallDisk.possible)(
  "a full disk: TERM ends multilog at once, and the next one writes the rest",
  async () => {
    await using disk = await SmallDisk.make(400);
    await using box = new Sandbox(memory);
    using pipe = new FullPipe(box, "in");
    using logger = new Logger(disk.at(), ["t", "./l"], pipe.read);
    await until(() => existsSync(disk.at("l/current")), "multilog runs");
    writeFileSync(disk.at("filler"), new Uint8Array(280_000));
    pipe.write(lines(600));
    await logger.firstWords();
    logger.signal("SIGTERM");
    expect((await logger.ended()).code).toBe(0);
    rmSync(disk.at("filler"));
    pipe.end();
    expect(runToEnd(disk.at(), ["t", "./l"], pipe.read)).toEqual({ code: 0, stderr: "" });
    expect(logged(disk.at("l")).replace(/^@[0-9a-f]{24} /gm, "")).toBe(lines(600));
  },
);

test.skipIf(!SmallDisk.possible)(
  "a full disk: with N the oldest old logs make room, down to so many",
  async () => {
    await using disk = await SmallDisk.make(300);
    await using box = new Sandbox(memory);
    using pipe = new FullPipe(box, "in");
    using logger = new Logger(disk.at(), ["s16000", "n1000", "N2", "./l"], pipe.read);
    let input = "";
    for (let i = 0; i < 10; i++) {
      input += lines(500, 500 * i);
      pipe.write(lines(500, 500 * i));
      await until(() => logged(disk.at("l")).endsWith(input.slice(-100)), "it keeps up");
    }
    logger.signal("SIGTERM");
    expect(await logger.ended()).toEqual({ code: 0, stderr: "" });
    expect(input.endsWith(logged(disk.at("l")))).toBe(true);
    expect(logFiles(disk.at("l")).filter(({ name }) => name.startsWith("@")).length).toBeGreaterThanOrEqual(
      2,
    );
  },
);

test.skipIf(!SmallDisk.possible)(
  "no room for the next file of a rotation: multilog waits, and goes on when there is room",
  async () => {
    // The root, l, lock, state, current and the buffer; the next file is one too many while there is a filler.
    await using disk = await SmallDisk.make(400, 7);
    await using box = new Sandbox(memory);
    using pipe = new FullPipe(box, "in");
    using logger = new Logger(disk.at(), ["s4096", "n100", "./l"], pipe.read);
    await until(() => existsSync(disk.at("l/.tend-ahead")), "multilog runs");
    writeFileSync(disk.at("filler"), "");
    pipe.write(lines(60));
    expect(await logger.firstWords()).toBe(
      "multilog: warning: unable to create ./l/current, pausing: out of disk space\n",
    );
    rmSync(disk.at("filler"));
    await until(() => logged(disk.at("l")) === lines(60), "all is written");
    logger.signal("SIGTERM");
    expect((await logger.ended()).code).toBe(0);
  },
);

test.skipIf(!SmallDisk.possible)(
  "a processor that fills the disk is run again when there is room, and nothing is lost",
  async () => {
    await using disk = await SmallDisk.make(400);
    await using box = new Sandbox(memory);
    using pipe = new FullPipe(box, "in");
    const script = ["s50000", "n100", "!cat; head -c 200000 /dev/zero", "./l"];
    using logger = new Logger(disk.at(), script, pipe.read);
    await until(() => existsSync(disk.at("l/.tend-ahead")), "multilog runs");
    writeFileSync(disk.at("filler"), new Uint8Array(120_000));
    pipe.write(lines(510));
    expect(await logger.firstWords()).toContain("No space left on device\n");
    rmSync(disk.at("filler"));
    await until(() => logged(disk.at("l")).replace(/\0/g, "") === lines(510), "all is written");
    pipe.end();
    expect((await logger.ended()).code).toBe(0);
    expect(logged(disk.at("l")).replace(/[^\0]/g, "").length).toBe(200_000);
  },
);

test.skipIf(!SmallDisk.possible)("a read-only disk is refused in C's words", async () => {
  await using disk = await SmallDisk.make(64);
  mkdirSync(disk.at("l"));
  const remount = [
    "nsenter",
    "-m",
    "-t",
    String(disk.holderPid),
    "mount",
    "-o",
    "remount,ro",
    disk.mountedAt,
  ];
  expect(Bun.spawnSync(remount).exitCode).toBe(0);
  const refused = {
    code: 111,
    stderr: "multilog: fatal: unable to lock directory ./l: read-only file system\n",
  };
  for (const program of haveC ? [ours("multilog"), theirs("multilog")] : [ours("multilog")]) {
    const { exitCode, stderr } = Bun.spawnSync([program, "./l"], { cwd: disk.at(), stdin: "ignore" });
    expect({ code: exitCode, stderr: stderr.toString() }).toEqual(refused);
  }
});

test.skipIf(!SmallDisk.possible)(
  "no room for the write-ahead buffer: said once, and logging goes on",
  async () => {
    await using disk = await SmallDisk.make(64);
    await using box = new Sandbox(memory);
    using pipe = new FullPipe(box, "in");
    pipe.write(`${lines(100)}unfinished`);
    pipe.end();
    expect(runToEnd(disk.at(), ["s4096", "./l"], pipe.read)).toEqual({
      code: 0,
      stderr: "multilog: warning: unable to keep a write-ahead buffer in ./l: out of disk space\n",
    });
    expect(logged(disk.at("l"))).toBe(`${lines(100)}unfinished\n`);
  },
);

test("no descriptor for the next file: multilog waits; TERM ends it, and the next one writes the rest", async () => {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  using logger = new Logger(box.path, ["s4096", "n100", "./l"], pipe.read);
  pipe.write("first\n");
  await until(() => logged(box.at("l")) === "first\n", "multilog runs");
  expect(Bun.spawnSync(["prlimit", "--pid", String(logger.pid), "--nofile=3:3"]).exitCode).toBe(0);
  pipe.write(lines(200));
  expect(await logger.firstWords()).toBe(
    "multilog: warning: unable to create ./l/current, pausing: process cannot open more files\n",
  );
  logger.signal("SIGTERM");
  expect((await logger.ended()).code).toBe(0);
  pipe.end();
  expect(runToEnd(box.path, ["s4096", "n100", "./l"], pipe.read)).toEqual({ code: 0, stderr: "" });
  expect(logged(box.at("l"))).toBe(`first\n${lines(200)}`);
});

test("a directory that is removed under it: TERM ends multilog all the same", async () => {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  using logger = new Logger(box.path, ["s4096", "./l"], pipe.read);
  pipe.write("first\n");
  await until(() => logged(box.at("l")) === "first\n", "multilog runs");
  rmSync(box.at("l"), { recursive: true });
  pipe.write(lines(200));
  expect(await logger.firstWords()).toContain("pausing: file does not exist\n");
  logger.signal("SIGTERM");
  expect((await logger.ended()).code).toBe(0);
});

test("a line of a gigabyte goes through in the memory of any other", async () => {
  await using box = new Sandbox(memory);
  const feed = "head -c 1000000000 /dev/zero | tr '\\0' x; echo; echo end";
  const watch = "while grep VmHWM /proc/$p/status 2>/dev/null; do sleep 0.05; done";
  const run = `( ${feed} ) | ( ${ours("multilog")} t s16777215 n3 ./l <&0 & p=$!; ${watch} )`;
  const { stdout } = Bun.spawnSync(["bash", "-c", run], { cwd: box.path });
  const peaks = [...stdout.toString().matchAll(/(\d+) kB/g)].map((found) => Number(found[1]));
  expect(Math.max(...peaks)).toBeLessThan(150_000);
  const content = readFileSync(join(box.at("l"), "current"), "latin1");
  expect(content).toMatch(/^x+\n@[0-9a-f]{24} end\n$/);
  const total = logged(box.at("l")).length;
  expect((1_000_000_000 + 27 + 30 - content.length) % 16777215).toBe(0);
  expect(total).toBeLessThanOrEqual(3 * 16777215);
});

test("a hundred directories in one script", async () => {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  pipe.write(lines(300));
  pipe.end();
  const script = Array.from({ length: 100 }, (_, i) => [`-${i} *`, `./d${i}`]).flat();
  expect(runToEnd(box.path, ["t", ...script], pipe.read)).toEqual({ code: 0, stderr: "" });
  // Each line matches with its label in front, so none of the patterns does.
  for (const i of [0, 50, 99])
    expect(logged(box.at(`d${i}`)).replace(/^@[0-9a-f]{24} /gm, "")).toBe(lines(300));
});

test("stopped and continued, it loses nothing", async () => {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  using logger = new Logger(box.path, ["./l"], pipe.read);
  let input = "";
  for (let i = 0; i < 10; i++) {
    input += lines(20, 20 * i);
    pipe.write(lines(20, 20 * i));
    logger.signal(i % 2 === 0 ? "SIGSTOP" : "SIGCONT");
  }
  await until(() => logged(box.at("l")) === input, "all is written");
  pipe.end();
  expect((await logger.ended()).code).toBe(0);
});

test("a closed standard error does not end it", async () => {
  await using box = new Sandbox(memory);
  const stuck = `@${"0".repeat(24)}`;
  mkdirSync(box.at("l", stuck, "x"), { recursive: true });
  writeFileSync(box.at("in"), lines(300));
  const run = `${ours("multilog")} e s4096 n2 ./l <in 2>&-`;
  expect(Bun.spawnSync(["sh", "-c", run], { cwd: box.path }).exitCode).toBe(0);
  expect(lines(300).endsWith(logged(box.at("l")))).toBe(true);
});

test("a buffer that is none is put aside", async () => {
  await using box = new Sandbox(memory);
  mkdirSync(box.at("l"));
  for (const garbage of ["", "x", "x".repeat(8192)]) {
    writeFileSync(box.at("l/.tend-ahead"), garbage);
    using pipe = new FullPipe(box, `in${garbage.length}`);
    pipe.write("line\n");
    pipe.end();
    const { code, stderr } = runToEnd(box.path, ["./l"], pipe.read);
    expect(code).toBe(0);
    expect(stderr).toStartWith("multilog: warning: unable to use ./l/.tend-ahead: ");
    expect(existsSync(box.at("l/.tend-ahead.bad"))).toBe(true);
  }
  expect(logged(box.at("l"))).toBe("line\nline\nline\n");
});

test("where it cannot be put aside, it is in nobody's way", async () => {
  await using box = new Sandbox(memory);
  for (const dir of ["file", "directory"]) {
    mkdirSync(box.at(`${dir}/.tend-ahead.bad/full`), { recursive: true });
    if (dir === "file") writeFileSync(box.at(`${dir}/.tend-ahead`), "x");
    else mkdirSync(box.at(`${dir}/.tend-ahead`));
    using pipe = new FullPipe(box, `in-${dir}`);
    pipe.write("line\n");
    pipe.end();
    const { code, stderr } = runToEnd(box.path, [`./${dir}`], pipe.read);
    expect(code).toBe(0);
    expect(stderr).toStartWith(`multilog: warning: unable to use ./${dir}/.tend-ahead: `);
    expect(logged(box.at(dir))).toBe("line\n");
  }
});

test.skipIf(!SmallDisk.possible)(
  "a disk that was too full for a buffer: once there is room and input, there is one, in the middle of a line too",
  async () => {
    await using disk = await SmallDisk.make(100);
    await using box = new Sandbox(memory);
    using pipe = new FullPipe(box, "in");
    writeFileSync(disk.at("filler"), new Uint8Array(60_000));
    using logger = new Logger(disk.at(), ["t", "./l"], pipe.read);
    const warning = "multilog: warning: unable to keep a write-ahead buffer in ./l: out of disk space\n";
    expect(await logger.firstWords()).toBe(warning);
    rmSync(disk.at("filler"));
    let input = "";
    const write = (text: string) => {
      input += text;
      pipe.write(text);
    };
    await until(() => {
      write("the end\nof a line and ");
      return existsSync(disk.at("l/.tend-ahead"));
    }, "there is a buffer");
    write("the end\nand one line more\n");
    const written = () => logged(disk.at("l")).replace(/^@[0-9a-f]{24} /gm, "");
    await until(() => written() === input, "all is written, once");
    logger.signal("SIGTERM");
    expect(await logger.ended()).toEqual({ code: 0, stderr: warning });
  },
);
