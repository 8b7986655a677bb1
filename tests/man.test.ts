// The manual: a page for every program, whose NAME line is the one `tend --help` shows, and which mandoc accepts.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { programs as suite } from "../scripts/layers.ts";
import { programs, SUMMARIES } from "../src/programs/names.ts";

const directory = join(import.meta.dirname, "../man");
const pages = readdirSync(directory).sort();

/** The file of a program's page: section 1, or 8. */
const pageOf = (program: string): string | undefined =>
  ["1", "8"].map((section) => `${program}.${section}`).find((page) => pages.includes(page));

for (const program of programs) {
  test(`${program} has a page, whose NAME line is its summary`, () => {
    const page = pageOf(program);
    if (page === undefined) throw new Error(`there is no man/${program}.8`);
    const text = readFileSync(join(directory, page), "utf8");
    expect(text).toContain(`.Sh NAME\n.Nm ${program}\n.Nd ${SUMMARIES[program]}\n`);
  });
}

test("tend has a page, which refers to that of every program", () => {
  const text = readFileSync(join(directory, "tend.1"), "utf8");
  for (const program of programs) expect(text).toContain(`.Xr ${program} ${pageOf(program)?.at(-1)}`);
});

test("every page is of a program, or of the files", () => {
  const names: readonly string[] = ["tend", ...programs];
  for (const page of pages)
    if (page !== "service-directory.5" && page !== "tend-status.1")
      expect(names).toContain(page.replace(/\.[18]$/, ""));
});

test("a page refers to pages of the suite, and of the system's sections 2 to 7", () => {
  for (const page of pages) {
    for (const [, name = "", section] of readFileSync(join(directory, page), "utf8").matchAll(
      /^\.Xr (\S+) (\d)/gm,
    ))
      if (section === "1" || section === "8") expect(["tend", "tend-status", ...suite]).toContain(name);
  }
});

for (const page of pages) {
  test.skipIf(Bun.which("mandoc") === null)(`mandoc finds nothing to warn of in ${page}`, () => {
    const command = ["mandoc", "-T", "lint", "-W", "warning", join(directory, page)];
    const { stdout, exitCode } = Bun.spawnSync(command, { stdin: "ignore", stderr: "ignore" });
    expect(stdout.toString()).toBe("");
    expect(exitCode).toBe(0);
  });
}
