import { afterAll, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { epollAdd, epollCreate, epollWait } from "./epoll.ts";
import { ENOENT, ENOTDIR, ErrnoError } from "./errno.ts";
import { close, closeOnExec } from "./files.ts";
import {
  drainWatch,
  inotify,
  tellsAll,
  unwatchWrites,
  watchFileOnce,
  watchNames,
  watchNamesOnce,
  watchWrites,
  writtenTo,
} from "./inotify.ts";

const place = mkdtempSync(join(tmpdir(), "tend-inotify-"));
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

describe("a watch of a directory", () => {
  const dir = join(place, "watched");
  mkdirSync(dir);
  mkdirSync(join(place, "moved"));

  test.each([
    ["a directory made", () => mkdirSync(join(dir, "new"))],
    ["a file made", () => writeFileSync(join(dir, "file"), "")],
    ["a name changed", () => renameSync(join(dir, "new"), join(dir, "renamed"))],
    ["a link made", () => symlinkSync("nowhere", join(dir, "link"))],
    ["a name moved in", () => renameSync(join(place, "moved"), join(dir, "moved"))],
    ["a name moved out", () => renameSync(join(dir, "moved"), join(place, "moved"))],
    ["a name removed", () => rmSync(join(dir, "link"))],
    ["an attribute changed", () => utimesSync(join(dir, "file"), 1, 1)],
  ])("%s makes it readable, until it is drained", (_, change) => {
    const epoll = epollCreate();
    const watch = watchNames(dir);
    expect(closeOnExec(watch)).toBe(true);
    epollAdd(epoll, watch);
    expect(epollWait(epoll, 0)).toEqual([]);
    change();
    expect(epollWait(epoll, 5000)).toEqual([watch]);
    drainWatch(watch);
    expect(epollWait(epoll, 0)).toEqual([]);
    for (const file of [watch, epoll]) close(file);
  });

  test("what is done inside the directories in it is nobody's business", () => {
    const watch = watchNames(dir);
    const epoll = epollCreate();
    epollAdd(epoll, watch);
    writeFileSync(join(dir, "renamed/inside"), "");
    expect(epollWait(epoll, 0)).toEqual([]);
    for (const file of [watch, epoll]) close(file);
  });

  test("only a directory can be watched", () => {
    writeFileSync(join(place, "regular"), "");
    expect(failsWith(() => watchNames(join(place, "regular")))).toBe(ENOTDIR);
    expect(failsWith(() => watchNames(join(place, "nosuch")))).toBe(ENOENT);
  });
});

describe("a watch of files", () => {
  const file = (name: string): string => {
    writeFileSync(join(place, name), "");
    return join(place, name);
  };

  test("tells which were written to, each once, and nothing of reading, nor of one that is watched no more", () => {
    const watch = inotify();
    expect(closeOnExec(watch)).toBe(true);
    const [a, b] = [file("a"), file("b")];
    const numbers = [a, b].map((path) => watchWrites(watch, path));
    expect(writtenTo(watch)).toEqual([]);
    readFileSync(a);
    expect(writtenTo(watch)).toEqual([]);
    for (let i = 0; i < 3; i++) for (const path of [b, a]) appendFileSync(path, "x");
    expect(writtenTo(watch)).toEqual(numbers.toReversed());
    unwatchWrites(watch, numbers[0] as number);
    for (const path of [b, a]) appendFileSync(path, "x");
    expect(writtenTo(watch)).toEqual([numbers[1] as number]);
    close(watch);
  });

  test("a file that is removed is told of no more, and need not be given up", () => {
    const watch = inotify();
    const path = file("removed");
    const number = watchWrites(watch, path);
    rmSync(path);
    expect(writtenTo(watch)).toEqual([]);
    unwatchWrites(watch, number);
    expect(failsWith(() => watchWrites(watch, path))).toBe(ENOENT);
    close(watch);
  });
});

describe("a watch that tells once", () => {
  const dir = join(place, "once");
  mkdirSync(dir);
  const file = join(place, "written");

  test.each([
    ["a name in the directory", () => mkdirSync(join(dir, "log"))],
    ["a mode in it", () => chmodSync(join(dir, "log"), 0o711)],
    ["a write to the file", () => appendFileSync(file, "x")],
    ["the file cut short", () => truncateSync(file, 0)],
    ["the file moved", () => renameSync(file, join(place, "old"))],
    ["the directory moved", () => renameSync(dir, join(place, "elsewhere"))],
  ])("%s", (_, change) => {
    writeFileSync(file, "page");
    const epoll = epollCreate();
    const watch = inotify();
    watchNamesOnce(watch, dir);
    watchFileOnce(watch, file);
    watchFileOnce(watch, join(place, "no such file"));
    epollAdd(epoll, watch);
    expect(epollWait(epoll, 0)).toEqual([]);
    change();
    expect(epollWait(epoll, 5000)).toEqual([watch]);
    for (const each of [watch, epoll]) close(each);
  });

  test("a directory's is for directories that are there", () => {
    const watch = inotify();
    expect(failsWith(() => watchNamesOnce(watch, file))).toBe(ENOTDIR);
    expect(failsWith(() => watchNamesOnce(watch, join(place, "none")))).toBe(ENOENT);
    close(watch);
  });

  test("of /proc inotify does not tell all, of a disk it does", () => {
    expect(tellsAll("/proc")).toBe(false);
    expect(tellsAll(join(place, "none"))).toBe(false);
    expect(tellsAll(place)).toBe(true);
  });
});
