// tai64n beside the C program: the same bytes, each line behind a label of its moment.
import { describe, expect, test } from "bun:test";
import { closeSync, openSync, writeSync } from "node:fs";
import { suites } from "../support/programs.ts";
import { type Ended, Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const LABEL = /^@([0-9a-f]{16})([0-9a-f]{8}) /;

/** The lines of `output` without their labels, which must be moments between `from` and now and never go back. */
function unlabelled(output: string, from: number): string[] {
  let before = "";
  const wrong: string[] = [];
  const lines = output.split("\n").map((line, i, all) => {
    if (line === "" && i === all.length - 1) return "";
    const [label = "", seconds = "0", nanoseconds = "0"] = LABEL.exec(line) ?? [];
    const ns = Number(`0x${nanoseconds}`);
    const at = Number(BigInt(`0x${seconds}`) - 0x400000000000000an) * 1000 + ns / 1e6;
    const right = at >= from - 1 && at <= Date.now() + 1 && ns % 1000 === 500 && ns < 1e9 && label >= before;
    if (!right) wrong.push(line.slice(0, 40));
    before = label;
    return line.slice(label.length);
  });
  expect(wrong).toEqual([]);
  return lines;
}

const everyByte = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join("");

const inputs: readonly (readonly [title: string, input: string])[] = [
  ["nothing", ""],
  ["a line", "hi\n"],
  ["a line without newline", "hi"],
  ["an empty line", "\n"],
  ["empty lines", "\n\n\n"],
  ["an empty line among others", "a\n\nb\n"],
  ["a NUL byte", "\0"],
  ["NUL bytes in lines", "a\0b\n\0\n"],
  ["every byte", everyByte],
  ["every byte on a line of its own", everyByte.split("").join("\n")],
  ["carriage returns", "a\r\nb\r\n"],
  ["a label in front already", "@400000003b4a39c23294b13c foo\n"],
  ["an @ alone", "@\n"],
  ["UTF-8, whole and broken", "gr\xc3\xbc\xc3\n\xff\xfe\n"],
  ["a line of 1023 bytes", `${"x".repeat(1022)}\n`],
  ["a line of 1024 bytes", `${"x".repeat(1023)}\n`],
  ["a line of 1025 bytes", `${"x".repeat(1024)}\n`],
  ["a line of 65536 bytes", `${"x".repeat(65535)}\n`],
  ["a line of 65537 bytes and one behind it", `${"x".repeat(65536)}\ny\n`],
  ["a line of 300000 bytes", `${"x".repeat(300_000)}\n`],
  ["100000 newlines", "\n".repeat(100_000)],
  [
    "20000 lines of 0 to 99 bytes",
    Array.from({ length: 20_000 }, (_, i) => `${"z".repeat(i % 100)}\n`).join(""),
  ],
];

describe.each(suites)("tai64n ($suite)", ({ suite, program }) => {
  const tai64n = program("tai64n");

  test.each(inputs)("%s: each line gets a label and stays as it is", async (_, input) => {
    await using box = new Sandbox();
    const from = Date.now();
    const { stdout, ...rest } = await box.run([tai64n], { stdin: input });
    expect(rest).toEqual({ code: 0, signal: null, stderr: "" } as Ended);
    expect(unlabelled(stdout, from)).toEqual(input.split("\n"));
  });

  test.each([[["-x"]], [["--help"]], [["a", "b"]], [[""]]])("arguments are ignored: %j", async (args) => {
    await using box = new Sandbox();
    const { stdout, ...rest } = await box.run([tai64n, ...args], { stdin: "x\n" });
    expect(rest).toEqual({ code: 0, signal: null, stderr: "" } as Ended);
    expect(stdout).toMatch(/^@[0-9a-f]{24} x\n$/);
  });

  test.each([
    ["a directory on standard input", "exec $0 </"],
    ["standard input not open for reading", "exec $0 0>/dev/null"],
    ["a full device on standard output", "echo x | $0 >/dev/full"],
    ["standard output not open for writing", "echo x | $0 1</dev/null"],
  ])("%s: exit 111 without a word", async (_, script) => {
    await using box = new Sandbox();
    expect(await box.run(["/bin/sh", "-c", script, tai64n])).toEqual({
      code: 111,
      signal: null,
      stdout: "",
      stderr: "",
    });
  });

  // The runtime opens /dev/null where one of the first three descriptors is closed.
  test.each([
    ["standard input", "exec $0 <&-"],
    ["standard output", "echo x | $0 >&-"],
  ])("%s closed: exit 111 without a word; ours takes /dev/null", async (_, script) => {
    await using box = new Sandbox();
    const ended = await box.run(["/bin/sh", "-c", script, tai64n]);
    expect(ended).toEqual({ code: suite === "C" ? 111 : 0, signal: null, stdout: "", stderr: "" });
  });

  // What the runtime ignores at its start, it may have been given ignored: that cannot be known.
  test("nobody reads, and SIGPIPE is ignored: exit 111; ours is ended by SIGPIPE all the same", async () => {
    await using box = new Sandbox();
    const script = "trap '' PIPE; { yes 2>/dev/null | $0; echo $? >&2; } | head -n 1";
    expect((await box.run(["/bin/sh", "-c", script, tai64n])).stderr).toBe(suite === "C" ? "111\n" : "141\n");
  });

  test("nobody reads: SIGPIPE ends it", async () => {
    await using box = new Sandbox();
    const script = "{ yes | $0; echo $? >&2; } | head -n 1";
    expect((await box.run(["/bin/sh", "-c", script, tai64n])).stderr).toBe("141\n");
  });

  test("nothing that arrived is kept back, not even a part of a line", async () => {
    await using box = new Sandbox();
    const fifo = box.at("fifo");
    await box.run(["mkfifo", fifo]);
    const filter = box.start(["/bin/sh", "-c", `exec ${tai64n} <fifo`]);
    // Open both ways: that waits for no reader.
    const writer = openSync(fifo, "r+");
    const seen = (bytes: number) => until(() => filter.stdout.length === bytes, `${bytes} bytes are there`);
    writeSync(writer, "pa");
    await seen(26 + 2);
    writeSync(writer, "rt");
    await seen(26 + 4);
    writeSync(writer, "\n\nnext");
    await seen(26 + 5 + 26 + 1 + 26 + 4);
    closeSync(writer);
    expect((await filter.ended()).code).toBe(0);
    expect(unlabelled(filter.stdout, 0)).toEqual(["part", "", "next"]);
  });
});
