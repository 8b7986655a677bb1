import { expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { Sandbox } from "../../tests/support/sandbox.ts";
import { encodeStatus } from "../formats/status.ts";
import { wallTime } from "../sys/clock.ts";
import { AT_FDCWD, close, O_DIRECTORY, O_PATH, openat } from "../sys/files.ts";
import { type Fd, pid } from "../units/units.ts";
import { findInStatus } from "./adopt.ts";

const pidfds = (): number =>
  readdirSync("/proc/self/fd").filter((file) => {
    try {
      return readlinkSync(`/proc/self/fd/${file}`) === "anon_inode:[pidfd]";
    } catch {
      return false; // The one that was read.
    }
  }).length;

/** A process that stands in `directory` and whose parent has ended. */
const orphanIn = (directory: string): number =>
  Number(
    Bun.spawnSync(["sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"], { cwd: directory }).stdout.toString(),
  );

test("a process that the status tells of is held by a pidfd, unless it is known for something else", async () => {
  await using box = new Sandbox();
  const at = box.directory("service");
  const orphan = orphanIn(at);
  const directory = openat(AT_FDCWD, at, O_PATH | O_DIRECTORY);
  try {
    const place = { directory, pipe: undefined, boot: new Uint8Array(16), others: () => [] };
    const status = { since: wallTime(), pid: pid(orphan), paused: false, want: "up" } as const;
    const before = pidfds();
    const known: number[] = [];
    const taken = (process: number) => known.push(process) > 0;
    expect(findInStatus(encodeStatus(status), place, taken)).toBeUndefined();
    expect(known).toEqual([orphan]);
    expect(pidfds()).toBe(before);
    const found = findInStatus(encodeStatus(status), place, () => false);
    expect(found?.found.pid).toBe(pid(orphan));
    expect(pidfds()).toBe(before + 1);
    close(found?.found.pidfd as Fd);
  } finally {
    close(directory);
    process.kill(orphan, "SIGKILL");
  }
});
