import { afterAll, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Fd } from "../units/units.ts";
import { AT_FDCWD, O_DIRECTORY, O_RDONLY, openat } from "./files.ts";
import { Snapshot } from "./snapshot.ts";

const dir = mkdtempSync(join(tmpdir(), "tend-snapshot."));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let here: string;
let directory: Fd;
let snapshot: Snapshot;
let count = 0;
beforeEach(() => {
  here = join(dir, `${count++}`);
  mkdirSync(join(here, "service"), { recursive: true });
  mkdirSync(join(here, ".target"));
  symlinkSync(".target", join(here, "link"));
  symlinkSync(".nowhere", join(here, "dangling"));
  directory = openat(AT_FDCWD, here, O_RDONLY | O_DIRECTORY);
  snapshot = new Snapshot();
  snapshot.take(directory, ["service", "link", "dangling"]);
  Bun.sleepSync(10); // The clock of inodes has ticked.
});

test("a directory that nobody touches is unchanged", () => {
  expect(snapshot.unchanged(directory)).toBe(true);
  expect(snapshot.unchanged(directory)).toBe(true);
});

const changes: { readonly [what: string]: () => void } = {
  "a new name": () => mkdirSync(join(here, "another")),
  "a name that goes": () => unlinkSync(join(here, "link")),
  "a directory made in one that it names": () => mkdirSync(join(here, "service/log")),
  "a link that leads elsewhere, its target having been replaced": () => {
    renameSync(join(here, ".target"), join(dir, `old${count}`));
    mkdirSync(join(here, ".target"));
  },
  "the target of a dangling link": () => mkdirSync(join(here, ".nowhere")),
  "another mode": () => chmodSync(join(here, "service"), 0o700),
};
for (const [what, make] of Object.entries(changes)) {
  test(`${what} is a change, until it has been seen`, () => {
    make();
    expect(snapshot.unchanged(directory)).toBe(false);
    snapshot.take(directory, ["service", "link", "dangling"]);
    expect(snapshot.unchanged(directory)).toBe(true);
  });
}

test("a file that is written in a directory it names is none", () => {
  writeFileSync(join(here, "service/run"), "one");
  snapshot.take(directory, ["service", "link", "dangling"]);
  writeFileSync(join(here, "service/run"), "another");
  expect(snapshot.unchanged(directory)).toBe(true);
});

test("more names than before find room", () => {
  const names = Array.from({ length: 1000 }, (_, i) => `a name that is rather long, number ${i}`);
  snapshot.take(directory, names);
  expect(snapshot.unchanged(directory)).toBe(true);
  mkdirSync(join(here, names[999] as string));
  expect(snapshot.unchanged(directory)).toBe(false);
});
