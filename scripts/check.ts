// check.ts - everything a change must pass: types, lint, layers, docs/states.md, tests.
//
//   npm run check [ -- step ... ]
//
// Steps, each reported in one line; the output of a step is shown when it fails. Without arguments, the
// first five. `format` is the one that writes.

import { join } from "node:path";
import { layerErrors } from "./layers.ts";
import { statesAreCurrent } from "./states.ts";

const root = join(import.meta.dirname, "..");
const tsc = "node_modules/typescript/bin/tsc";
const biome = "node_modules/@biomejs/biome/bin/biome";

interface Outcome {
  readonly ok: boolean;
  readonly output: string;
}

/** Run one of the packages' programs under this Bun. */
function run(program: string, ...args: string[]): Outcome {
  const command = [process.execPath, "--no-install", program, ...args];
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: root, stdin: "ignore" });
  return { ok: exitCode === 0, output: stdout.toString() + stderr.toString() };
}

function layers(): Outcome {
  const errors = layerErrors(root);
  return { ok: errors.length === 0, output: errors.map((error) => `${error}\n`).join("") };
}

function states(): Outcome {
  const ok = statesAreCurrent();
  return { ok, output: ok ? "" : "docs/states.md is not what the code says: npm run states\n" };
}

/** The tests show themselves as they go. */
function tests(): Outcome {
  const command = [process.execPath, "--no-install", "scripts/test.ts"];
  const { exitCode } = Bun.spawnSync(command, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  return { ok: exitCode === 0, output: "" };
}

const steps: Readonly<Record<string, () => Outcome>> = {
  types: () => run(tsc, "-b", "--pretty", "false"),
  lint: () => run(biome, "check", "--error-on-warnings", "--max-diagnostics=200"),
  layers,
  states,
  tests,
  format: () => run(biome, "check", "--write", "--max-diagnostics=200"),
};

const wanted =
  process.argv.length > 2 ? process.argv.slice(2) : ["types", "lint", "layers", "states", "tests"];
for (const name of wanted) {
  if (steps[name] !== undefined) continue;
  process.stderr.write(`check: usage: check [ ${Object.keys(steps).join(" | ")} ] ...\n`);
  process.exit(100);
}

let failed = false;
for (const name of wanted) {
  const started = performance.now();
  const { ok, output } = steps[name]?.() ?? { ok: false, output: "" };
  if (!ok) process.stdout.write(output);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${name}: ${ok ? "ok" : "failed"} (${seconds} s)\n`);
  failed ||= !ok;
}
process.exit(failed ? 1 : 0);
