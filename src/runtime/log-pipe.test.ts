import { describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { Sandbox } from "../../tests/support/sandbox.ts";
import { until } from "../../tests/support/until.ts";
import { decodeWaitStatus } from "../formats/wait-status.ts";
import { environment } from "../sys/environment.ts";
import { ErrnoError } from "../sys/errno.ts";
import { AT_FDCWD, closeOnExec, O_CREAT, O_WRONLY } from "../sys/files.ts";
import { kill, Spawner, waitFor } from "../sys/process.ts";
import { type ByteString, type Fd, fd, type Pid } from "../units/units.ts";
import { LogPipe } from "./log-pipe.ts";

const spawner = new Spawner({ mask: 0n, defaults: 2n ** 64n - 1n }, environment());

/** A service that runs `script` with the pipe as its standard output. */
const writer = (pipe: LogPipe, script: ByteString): Pid =>
  spawner.spawn("/bin/sh", ["sh", "-c", script], pipe.output());

/** A logger that runs `script` with the pipe as its standard input, and `file` as its output. */
const reader = (pipe: LogPipe, file: string, script = "exec cat"): Pid =>
  spawner.spawn(
    "/bin/sh",
    ["sh", "-c", script],
    [...pipe.input(), { do: "open", to: fd(1), path: file, flags: O_WRONLY | O_CREAT, mode: 0o600 }],
  );

function stop(child: Pid): void {
  kill(child, "SIGKILL");
  waitFor(child);
}
const ended = (child: Pid): unknown => decodeWaitStatus(waitFor(child).status);

function made(box: Sandbox): LogPipe {
  mkdirSync(box.at("s"), { recursive: true });
  return LogPipe.make(AT_FDCWD, box.at("s"));
}

describe("a log pipe", () => {
  test("is a fifo in the service's supervise directory, for its owner alone", async () => {
    await using box = new Sandbox();
    const pipe = made(box);
    const { mode } = statSync(box.at("s/supervise/log-pipe"));
    expect([(mode & 0o170000).toString(8), mode & 0o077]).toEqual(["10000", 0]);
    expect(closeOnExec(pipe.held as Fd)).toBe(true);
    pipe.close();
    expect(existsSync(box.at("s/supervise/log-pipe"))).toBe(true);
  });

  test("carries bytes from the service to the logger, as they are", async () => {
    await using box = new Sandbox();
    const pipe = made(box);
    expect(ended(writer(pipe, "printf 'a\\000\\377\\nno end'"))).toEqual({ exited: 0 });
    expect(pipe.drained).toBe(false);
    const logger = reader(pipe, box.at("log"));
    await until(() => pipe.drained, "the logger has read");
    pipe.close();
    // The last writer is gone: the logger comes to its end.
    expect(ended(logger)).toEqual({ exited: 0 });
    expect(readFileSync(box.at("log"), "latin1")).toBe("a\0\xff\nno end");
  });

  test("keeps what is in it while the logger is away, and the service does not notice", async () => {
    await using box = new Sandbox();
    const pipe = made(box);
    const first = reader(pipe, box.at("one"));
    const service = writer(
      pipe,
      `i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo line $i; until [ -e ${box.at("go")}$i ]; do sleep 0.01; done; done`,
    );
    await until(
      () => existsSync(box.at("one")) && readFileSync(box.at("one"), "latin1") === "line 1\n",
      "line 1 is read",
    );
    stop(first);
    writeFileSync(box.at("go1"), "");
    await until(() => !pipe.drained, "line 2 waits");
    const second = reader(pipe, box.at("two"));
    writeFileSync(box.at("go2"), "");
    await until(
      () => existsSync(box.at("two")) && readFileSync(box.at("two"), "latin1").endsWith("line 3\n"),
      "line 3 is read",
    );
    writeFileSync(box.at("go3"), "");
    expect(ended(service)).toEqual({ exited: 0 });
    expect(readFileSync(box.at("two"), "latin1")).toBe("line 2\nline 3\n");
    pipe.close();
    expect(ended(second)).toEqual({ exited: 0 });
  });

  test("keeps what is in it when the service is started anew, and between two supervisors as long as either side lives", async () => {
    await using box = new Sandbox();
    const pipe = made(box);
    ended(writer(pipe, "echo one"));
    const service = writer(pipe, "echo two; exec sleep 20");
    await until(
      () => existsSync(`/proc/${service}`) && readFileSync(`/proc/${service}/comm`, "latin1") === "sleep\n",
      "two is written",
    );
    const { identity } = pipe;
    pipe.close();
    const again = made(box);
    expect(again.identity).toBe(identity);
    expect(again.drained).toBe(false);
    stop(service);
    const logger = reader(again, box.at("log"));
    await until(() => again.drained, "the logger has read");
    again.close();
    expect(ended(logger)).toEqual({ exited: 0 });
    expect(readFileSync(box.at("log"), "latin1")).toBe("one\ntwo\n");
  });

  test("never gives the service SIGPIPE: full, it waits", async () => {
    await using box = new Sandbox();
    const pipe = made(box);
    const service = writer(pipe, "head -c 200000 /dev/zero");
    await until(
      () => readFileSync(`/proc/${service}/wchan`, "latin1").includes("pipe") || !pipe.drained,
      "it is full",
    );
    const logger = reader(pipe, box.at("log"));
    expect(ended(service)).toEqual({ exited: 0 });
    await until(() => pipe.drained, "the logger has read");
    pipe.close();
    expect(ended(logger)).toEqual({ exited: 0 });
    expect(statSync(box.at("log")).size).toBe(200_000);
  });

  test("follows the directory when it is renamed", async () => {
    await using box = new Sandbox();
    const pipe = made(box);
    renameSync(box.at("s"), box.at("renamed"));
    expect(ended(writer(pipe, "echo moved; pwd"))).toEqual({ exited: 0 });
    expect(pipe.drained).toBe(false);
    pipe.close();
  });

  test("let go, gives nobody an end, and is drained", async () => {
    await using box = new Sandbox();
    const pipe = made(box);
    pipe.close();
    pipe.close();
    expect([pipe.output(), pipe.input(), pipe.drained]).toEqual([[], [], true]);
  });
});

describe("what is in the way of a log pipe", () => {
  test("a file makes way", async () => {
    await using box = new Sandbox();
    box.file("s/supervise/log-pipe", "old");
    const pipe = made(box);
    expect(statSync(box.at("s/supervise/log-pipe")).isFIFO()).toBe(true);
    expect(pipe.drained).toBe(true);
    pipe.close();
  });

  test.each([
    ["a directory of its name", (box: Sandbox) => box.directory("s/supervise/log-pipe"), 21],
    ["supervise is a file", (box: Sandbox) => box.file("s/supervise", ""), 20],
    ["the service directory is gone", (box: Sandbox) => rmSync(box.directory("s"), { recursive: true }), 2],
  ])("%s: an error, and no descriptor is left", async (_, prepare, errno) => {
    await using box = new Sandbox();
    prepare(box);
    const open = () => readdirSync("/proc/self/fd").length;
    const before = open();
    try {
      LogPipe.make(AT_FDCWD, box.at("s"));
      expect.unreachable();
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      expect(error.errno as number).toBe(errno);
    }
    expect(open()).toBe(before);
  });
});
