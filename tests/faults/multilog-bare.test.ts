// multilog without a write-ahead buffer, where that cannot be had: kill -9 costs what it may cost with the C program, which is
// what has been read and is not written, at most 1024 bytes and an unfinished line of less than 1000; nothing is doubled.
//
// TEND_FAULTS=all tries every call; otherwise every so-and-so-many-th.
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync } from "node:fs";
import { FullPipe, runKilled, runToEnd, strace } from "../support/killed-logger.ts";
import { logged } from "../support/log-dir.ts";
import { Sandbox } from "../support/sandbox.ts";

const all = process.env["TEND_FAULTS"] === "all";
const memory = existsSync("/dev/shm") ? "/dev/shm" : undefined;

const MOST_LOST = 1024 + 1000;
const WARNING = "multilog: warning: unable to keep a write-ahead buffer in ./l: is a directory\n";
/** No two pieces of it are alike. */
const input = Array.from({ length: 400 }, (_, i) => `${i} ${"abc ".repeat(i % 13)}${i}.\n`).join("");

/** A log directory in which no buffer can be made. */
function bare(box: Sandbox): string {
  const cwd = box.directory("d");
  mkdirSync(`${cwd}/l/.tend-ahead.new`, { recursive: true });
  return cwd;
}

/** How many bytes of `whole` are missing in `part`, which lacks one piece of it and nothing else; undefined if that is not so. */
function missing(part: string, whole: string): number | undefined {
  let at = 0;
  while (at < part.length && part[at] === whole[at]) at++;
  return whole.endsWith(part.slice(at)) ? whole.length - part.length : undefined;
}

test("that there is no write-ahead buffer is said once, and everything is logged", async () => {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  pipe.write(input);
  pipe.end();
  const cwd = bare(box);
  expect(runToEnd(cwd, ["s4096", "n1000", "./l"], pipe.read)).toEqual({ code: 0, stderr: WARNING });
  expect(logged(`${cwd}/l`)).toBe(input);
});

describe.skipIf(strace === null)("without a write-ahead buffer, killed and started again", () => {
  for (const script of [
    ["s4096", "n1000", "./l"],
    ["t", "s4096", "n1000", "./l"],
  ]) {
    for (const call of ["read", "write", "epoll_wait", "openat", "fsync", "renameat2"]) {
      test.concurrent(
        `${script[0]}: nothing is doubled, and little lost, by a kill at any ${call}`,
        async () => {
          let most = 0;
          let kills = 0;
          for (let nth = 1; ; nth += all ? 1 : 1 + Math.floor(nth / 2)) {
            await using box = new Sandbox(memory);
            using pipe = new FullPipe(box, "in");
            pipe.write(input);
            pipe.end();
            const cwd = bare(box);
            const killed = runKilled(cwd, script, pipe.read, call, nth);
            if (killed) expect(runToEnd(cwd, script, pipe.read)).toEqual({ code: 0, stderr: WARNING });
            const seen = logged(`${cwd}/l`).replace(/@[0-9a-f]{24} /g, "");
            const lost = missing(seen, input);
            if (lost === undefined || lost > MOST_LOST)
              throw new Error(
                `kill at ${call} ${nth}: ${seen.length} of ${input.length} bytes, lost ${lost}`,
              );
            most = Math.max(most, lost);
            if (!killed) break;
            kills++;
          }
          if (all)
            process.stdout.write(`bare, ${script[0]}: ${call}: ${kills} kills, ${most} bytes lost at most\n`);
        },
        all ? 1_200_000 : undefined,
      );
    }
  }
});
