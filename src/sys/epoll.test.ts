import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bare } from "../../tests/support/bare.ts";
import { Sandbox } from "../../tests/support/sandbox.ts";
import type { Fd } from "../units/units.ts";
import { epollAdd, epollCreate, epollRemove, epollWait } from "./epoll.ts";
import { ENOENT, EPERM, ErrnoError } from "./errno.ts";
import { AT_FDCWD, close, closeOnExec, O_RDONLY, openat, pipe, read, write } from "./files.ts";

const place = mkdtempSync(join(tmpdir(), "tend-epoll-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

function failsWith(act: () => unknown): number {
  try {
    act();
  } catch (error) {
    if (error instanceof ErrnoError) return error.errno;
    throw error;
  }
  throw new Error("it did not fail");
}

describe("epoll", () => {
  test("tells which descriptors can be read, as long as they can", () => {
    const epoll = epollCreate();
    expect(closeOnExec(epoll)).toBe(true);
    const pipes = Array.from({ length: 3 }, pipe);
    for (const [end] of pipes) epollAdd(epoll, end);
    expect(epollWait(epoll, 0)).toEqual([]);
    const [a, , c] = pipes as [[Fd, Fd], [Fd, Fd], [Fd, Fd]];
    write(a[1], "x");
    write(c[1], "x");
    expect(epollWait(epoll, -1).sort()).toEqual([a[0], c[0]].sort());
    read(a[0]);
    expect(epollWait(epoll, 0)).toEqual([c[0]]);
    epollRemove(epoll, c[0]);
    expect(epollWait(epoll, 0)).toEqual([]);
    close(a[1]); // hung up
    expect(epollWait(epoll, 0)).toEqual([a[0]]);
    for (const end of [epoll, ...pipes.flat()]) close(end);
  });

  test("takes more descriptors than it tells at once", () => {
    const epoll = epollCreate();
    const pipes = Array.from({ length: 300 }, pipe);
    for (const [end, other] of pipes) {
      epollAdd(epoll, end);
      write(other, "x");
    }
    const seen = new Set<Fd>();
    while (seen.size < 300)
      for (const file of epollWait(epoll, 0)) {
        read(file);
        epollRemove(epoll, file);
        seen.add(file);
      }
    expect(epollWait(epoll, 0)).toEqual([]);
    for (const end of [epoll, ...pipes.flat()]) close(end);
  });

  test("waits no longer than it may", () => {
    const epoll = epollCreate();
    const start = performance.now();
    expect(epollWait(epoll, 30)).toEqual([]);
    expect(performance.now() - start).toBeGreaterThanOrEqual(29);
    close(epoll);
  });

  test("refuses a regular file, and goes on with a descriptor that it has already", () => {
    const epoll = epollCreate();
    writeFileSync(join(place, "regular"), "");
    const file = openat(AT_FDCWD, join(place, "regular"), O_RDONLY);
    expect(failsWith(() => epollAdd(epoll, file))).toBe(EPERM);
    const [a, b] = pipe();
    epollAdd(epoll, a);
    epollAdd(epoll, a);
    expect(failsWith(() => epollRemove(epoll, b))).toBe(ENOENT);
    for (const end of [epoll, file, a, b]) close(end);
  });

  test("a stop and a continuation from outside do not end a wait early with an error", async () => {
    await using box = new Sandbox();
    const got = await bare(
      box,
      `const poll = epoll.epollCreate();
       const spawner = new processes.Spawner({ mask: 0n, defaults: 0n }, environments.environment());
       const me = processes.getpid();
       const child = spawner.spawn("/bin/sh", ["sh", "-c", "kill -STOP " + me + "; kill -CONT " + me], []);
       while (processes.reap() === undefined) epoll.epollWait(poll, 10);
       say("went on");`,
    );
    expect(got).toEqual(["went on"]);
  });
});
