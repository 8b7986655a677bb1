import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AT_FDCWD, mkfifoat, statat } from "./files.ts";

const place = mkdtempSync(join(tmpdir(), "tend-files-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

test("statat tells a file, a directory, a fifo and anything else apart", () => {
  writeFileSync(join(place, "file"), "");
  mkdirSync(join(place, "directory"));
  mkfifoat(AT_FDCWD, join(place, "fifo"), 0o600);
  for (const type of ["file", "directory", "fifo"])
    expect(statat(AT_FDCWD, join(place, type)).type).toBe(type as "file");
  expect(statat(AT_FDCWD, "/dev/null").type).toBe("other");
});
