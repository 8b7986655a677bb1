// The rules between the layers of src/ bite: each forbidden import or global is refused by name.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
let copy = "";

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "tend-layers-"));
  for (const name of ["src", "scripts", "biome.json", "tsconfig.base.json", "package.json"]) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  // Only the layers: what uses them is not on trial here.
  const layers = ["units", "sys", "formats", "engine", "runtime", "programs", "tend", "start"];
  const references = layers.map((layer) => ({ path: `src/${layer}` }));
  writeFileSync(join(copy, "tsconfig.json"), `${JSON.stringify({ files: [], references }, null, 2)}\n`);
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

function check(...steps: string[]): { code: number; output: string } {
  const command = [process.execPath, "--no-install", "scripts/check.ts", ...steps];
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: copy, stdin: "ignore" });
  return { code: exitCode, output: stdout.toString() + stderr.toString() };
}

test("the source as it is breaks no rule", () => {
  const { code, output } = check("types", "lint", "layers");
  expect(output).not.toContain("failed");
  expect(code).toBe(0);
});

const exported = "export const planted = 1;\n";
const cases: { title: string; step: string; file: string; text: string; says: string; also?: string }[] = [
  {
    title: "units may not import formats",
    step: "types",
    file: "src/units/planted.ts",
    text: 'export { other } from "../formats/planted-other.ts";\n',
    says: "TS6307",
    also: "src/formats/planted-other.ts",
  },
  {
    title: "sys may not import formats",
    step: "types",
    file: "src/sys/planted.ts",
    text: 'export { other } from "../formats/planted-other.ts";\n',
    says: "TS6307",
    also: "src/formats/planted-other.ts",
  },
  {
    title: "formats may not use node:fs",
    step: "types",
    file: "src/formats/planted.ts",
    text: 'export { readFileSync } from "node:fs";\n',
    says: "node:fs",
  },
  {
    title: "engine may not import sys",
    step: "types",
    file: "src/engine/planted.ts",
    text: 'export { other } from "../sys/planted-other.ts";\n',
    says: "TS6307",
    also: "src/sys/planted-other.ts",
  },
  {
    title: "engine may not set timers",
    step: "types",
    file: "src/engine/planted.ts",
    text: "export const planted = setTimeout(() => {}, 1);\n",
    says: "setTimeout",
  },
  {
    title: "runtime may not import programs",
    step: "types",
    file: "src/runtime/planted.ts",
    text: 'export { other } from "../programs/planted-other.ts";\n',
    says: "TS6307",
    also: "src/programs/planted-other.ts",
  },
  {
    title: "engine may not read the clock",
    step: "lint",
    file: "src/engine/planted.ts",
    text: "export const planted = Date.now();\n",
    says: "No clock here",
  },
  {
    title: "engine may not make a Date",
    step: "lint",
    file: "src/engine/planted.ts",
    text: "export const planted = new Date();\n",
    says: "No clock here",
  },
  {
    title: "engine may not throw dice",
    step: "lint",
    file: "src/engine/planted.ts",
    text: "export const planted = Math.random();\n",
    says: "No randomness here",
  },
  {
    title: "nothing may use node:child_process",
    step: "lint",
    file: "src/runtime/planted.ts",
    text: 'export { spawn } from "node:child_process";\n',
    says: "noRestrictedImports",
  },
  {
    title: "nothing may use Bun.spawn",
    step: "lint",
    file: "src/programs/planted.ts",
    text: 'export const planted = () => Bun.spawn(["true"]);\n',
    says: "start a process",
  },
  {
    title: "a program may not import another program",
    step: "layers",
    file: "src/programs/pgrphack.ts",
    text: 'export { other } from "./fghack.ts";\n',
    says: "a program may not import another program",
  },
  {
    title: "sys may import of the runtime's modules only node:*",
    step: "layers",
    file: "src/sys/planted.ts",
    text: 'export { Database } from "bun:sqlite";\n',
    says: "sys may import only",
  },
  {
    title: "a program may not begin before signals are blocked",
    step: "layers",
    file: "src/start/planted.ts",
    text: 'import { start } from "./start.ts";\n\nstart();\n',
    says: "the first import must be ../sys/boot.ts",
  },
];

for (const { title, step, file, text, says, also } of cases) {
  test(`${title} (${step})`, () => {
    // A file that exists in the source is put back; any other is removed.
    const restore = (name: string) => {
      rmSync(join(copy, name), { force: true });
      try {
        cpSync(join(root, name), join(copy, name));
      } catch {
        // planted only
      }
    };
    if (also !== undefined) writeFileSync(join(copy, also), exported.replace("planted", "other"));
    writeFileSync(join(copy, file), text);
    try {
      const { code, output } = check(step);
      expect(output).toContain(file);
      expect(output).toContain(says);
      expect(output).toContain(`${step}: failed`);
      expect(code).toBe(1);
    } finally {
      restore(file);
      if (also !== undefined) restore(also);
    }
  });
}
