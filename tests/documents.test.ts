// The documents: what they point to is there.

import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { programs, SUMMARIES } from "../src/programs/names.ts";
import { root } from "./support/programs.ts";

const read = (name: string): string => readFileSync(join(root, name), "utf8");
const documents = ["", "docs"].flatMap((directory) =>
  readdirSync(join(root, directory))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(directory, name)),
);

test("the table of README.md has a line for every program, with the NAME line of its page", () => {
  for (const program of programs) {
    const section = existsSync(join(root, `man/${program}.8`)) ? 8 : 1;
    const line = `| [\`${program}\`](man/${program}.${section}) | ${SUMMARIES[program]} |\n`;
    expect(read("README.md")).toContain(line);
  }
});

test("the package installs every program and page, from the one executable, and needs no other package", () => {
  const { bin, man, dependencies } = JSON.parse(read("package.json"));
  expect(man).toEqual(
    readdirSync(join(root, "man"))
      .sort()
      .map((page) => `./man/${page}`),
  );
  expect(bin).toEqual(Object.fromEntries(["tend", ...programs].map((name) => [name, "dist/tend"])));
  expect(dependencies).toBeUndefined();
});

test("every row of COMPATIBILITY.md names the tests that pin it", () => {
  const rows = read("COMPATIBILITY.md")
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(1);
  expect(rows.length).toBeGreaterThan(0);
  for (const row of rows) {
    const cells = row.split(/(?<!\\)\|/).slice(1, -1);
    expect(cells, row).toHaveLength(5);
    const tests = [...(cells[4] ?? "").matchAll(/`([^`]+)`/g)].map((found) => found[1] as string);
    expect(tests, row).not.toEqual([]);
    for (const name of tests) expect(existsSync(join(root, name)), name).toBeTrue();
  }
});

for (const document of documents) {
  test(`every file that ${document} links to exists`, () => {
    for (const [, target = ""] of read(document).matchAll(/\]\(([^)#]+)[^)]*\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      expect(existsSync(join(root, dirname(document), target)), target).toBeTrue();
    }
  });
}
