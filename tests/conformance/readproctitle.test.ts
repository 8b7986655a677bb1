// readproctitle beside the C program: the same bytes in /proc/PID/cmdline, and in ps.
import { describe, expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { suites, which } from "../support/programs.ts";
import { type Running, Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/** The command line of a process, without its first word. */
const words = ({ pid }: Running): string => {
  const line = readFileSync(`/proc/${pid}/cmdline`, "latin1");
  return line.slice(line.indexOf("\0") + 1);
};

const DOTS = ".".repeat(400);
const everyByte = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join("");
const long = Array.from({ length: 300_000 }, (_, i) =>
  String.fromCharCode(1 + ((i * 7 + (i >> 8)) % 255)),
).join("");

const cases: readonly (readonly [title: string, args: string[], input: string, last: string])[] = [
  ["dots at the start, whatever was there", ["service", "errors:", "0123456789"], "", ".........."],
  ["NUL bytes are left out", ["service", "errors:", "0123456789"], "ab\0c\n", "......abc\n"],
  ["the end of what was written", ["service", "errors:", "0123456789"], "ABCDEFGHIJKL", "...FGHIJKL"],
  ["exactly what there is room for", ["0123456789"], "ABCDEFG", "...ABCDEFG"],
  ["one byte less", ["0123456789"], "ABCDEF", "....ABCDEF"],
  ["one byte more", ["0123456789"], "ABCDEFGH", "...BCDEFGH"],
  ["one byte", ["0123456789"], "A", ".........A"],
  ["NUL bytes alone", ["0123456789"], "\0\0\0", ".........."],
  ["the shortest place", ["12345"], "ABC", "...BC"],
  ["a place of six", ["123456"], "ABCD", "...BCD"],
  ["control bytes as they are", ["0123456789"], "\x1b[2J\r\n\x7f", "...\x1b[2J\r\n\x7f"],
  ["bytes above 127", ["0123456789"], "\xff\xfe\xc3\xbc", "......\xff\xfe\xc3\xbc"],
  ["every byte", [DOTS], everyByte, `${".".repeat(400 - 255)}${everyByte.slice(1)}`],
  ["400 dots, and less", ["service", "errors:", DOTS], "oops\n", `${".".repeat(395)}oops\n`],
  ["400 dots, and 397 bytes", ["service", "errors:", DOTS], "x".repeat(397), `...${"x".repeat(397)}`],
  ["400 dots, and 398 bytes", ["service", "errors:", DOTS], `y${"x".repeat(397)}`, `...${"x".repeat(397)}`],
  ["300000 bytes", ["service", "errors:", DOTS], long, `...${long.slice(-397)}`],
  ["an empty word before", ["", "0123456789"], "x", ".........x"],
  ["words with odd bytes before", ["a b\n", "\x01", "0123456789"], "x", ".........x"],
  ["a long place", ["x".repeat(20_000)], "abc", `${".".repeat(19_997)}abc`],
];

describe.each(suites)("readproctitle ($suite)", ({ program }) => {
  const readproctitle = program("readproctitle");
  const script = 'exec "$@" <fifo';

  test.each(cases)("%s", async (_, args, input, last) => {
    await using box = new Sandbox();
    await box.run(["mkfifo", box.at("fifo")]);
    const running = box.start(["/bin/sh", "-c", script, "sh", readproctitle, ...args]);
    // Open both ways: that waits for no reader.
    const writer = openSync(box.at("fifo"), "r+");
    const before = [...args.slice(0, -1), ""].join("\0");
    await until(
      () => words(running) === `${before}${".".repeat(args.at(-1)?.length ?? 0)}\0`,
      "there are dots",
    );
    for (let at = 0; at < input.length; ) {
      at += writeSync(writer, Buffer.from(input.slice(at, at + 4096), "latin1"));
    }
    await until(() => words(running) === `${before}${last}\0`, JSON.stringify(last.slice(0, 60)));
    if (which("ps") !== null && last === "...FGHIJKL") {
      const ps = await box.run(["ps", "-o", "args=", "-p", String(running.pid)]);
      expect(ps.stdout).toBe(`${readproctitle} service errors: ...FGHIJKL\n`);
    }
    closeSync(writer);
    expect(await running.ended()).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
  });

  test("a byte at a time is seen at once", async () => {
    await using box = new Sandbox();
    await box.run(["mkfifo", box.at("fifo")]);
    const running = box.start(["/bin/sh", "-c", script, "sh", readproctitle, "0123456789"]);
    const writer = openSync(box.at("fifo"), "r+");
    for (let n = 1; n <= 10; n++) {
      writeSync(writer, String(n % 10));
      const expected = `...${"1234567890".slice(0, n).padStart(7, ".").slice(-7)}\0`;
      await until(() => words(running) === expected, expected);
    }
    closeSync(writer);
    expect((await running.ended()).code).toBe(0);
  });

  test.each([
    ["no argument", []],
    ["an empty one", [""]],
    ["one of 4 bytes", ["1234"]],
    ["a last one of 4 bytes", ["service", "errors:", "1234"]],
    ["a last one that is empty", ["0123456789", ""]],
  ])("%s: exit 100 without a word", async (_, args) => {
    await using box = new Sandbox();
    const ended = await box.run([readproctitle, ...args], { stdin: "x" });
    expect(ended).toEqual({ code: 100, signal: null, stdout: "", stderr: "" });
  });

  test.each([
    ["nothing to read: exit 0", "exec $0 12345 </dev/null", 0],
    ["a directory to read: exit 111 without a word", "exec $0 12345 </", 111],
    ["standard input not open for reading: exit 111", "exec $0 12345 0>/dev/null", 111],
  ])("%s", async (_, command, code) => {
    await using box = new Sandbox();
    const ended = await box.run(["/bin/sh", "-c", command, readproctitle]);
    expect(ended).toEqual({ code, signal: null, stdout: "", stderr: "" });
  });
});
