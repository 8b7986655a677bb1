// multilog, killed with -9 at the N-th of its system calls of one kind, and what the next one makes of it.
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { ours, which } from "./programs.ts";
import type { Sandbox } from "./sandbox.ts";

export const strace = which("strace");

/** The calls of the main thread that change something, or decide what is changed. */
export const CALLS = [
  "read",
  "write",
  "tee",
  "ioctl",
  "epoll_wait",
  "openat",
  "close",
  "fsync",
  "fchmod",
  "mkdirat",
  "mlock",
  // What the C library makes of renameat2 without flags.
  "renameat",
  "renameat2",
  "unlinkat",
  "fallocate",
  "mmap",
  "getdents64",
  "statx",
  "clone3",
] as const;

/** A fifo with something in it: as long as `read` is open nothing of it is lost. */
export class FullPipe {
  readonly read: number;
  private readonly held: number;

  constructor(box: Sandbox, name: string) {
    const path = box.at(name);
    Bun.spawnSync(["mkfifo", path]);
    this.held = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    this.read = openSync(path, constants.O_RDONLY);
  }

  /** @throws {Error} EAGAIN if there is no room */
  write(text: string): void {
    const bytes = Buffer.from(text, "latin1");
    for (let at = 0; at < bytes.length; )
      at += writeSync(this.held, bytes, at, Math.min(4096, bytes.length - at));
  }

  /** From now on the reader finds an end. */
  end(): void {
    closeSync(this.held);
  }

  [Symbol.dispose](): void {
    closeSync(this.read);
  }
}

/** Runs multilog under a tracer that kills it. @returns whether it came so far */
export function runKilled(
  cwd: string,
  script: readonly string[],
  stdin: number,
  call: string,
  nth: number,
): boolean {
  const inject = `inject=${call}:signal=KILL:when=${nth}`;
  const command = [strace as string, "-qq", "-o", "/dev/null", "-e", `trace=${call}`, "-e", inject];
  const ended = Bun.spawnSync([...command, ours("multilog"), ...script], { cwd, stdin, timeout: 20_000 });
  return ended.exitCode !== 0;
}

/** Runs multilog to its end. */
export function runToEnd(
  cwd: string,
  script: readonly string[],
  stdin: number,
): { code: number | null; stderr: string } {
  const { exitCode, stderr } = Bun.spawnSync([ours("multilog"), ...script], { cwd, stdin, timeout: 20_000 });
  return { code: exitCode, stderr: stderr.toString() };
}
