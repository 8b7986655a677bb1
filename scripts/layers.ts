// layers.ts - what each layer of src/ may import, and which imports break that.
//
// The compiler keeps most of it (each layer is a project whose references are its allowed layers, and
// the pure ones see no node:* types at all). This keeps the rest: modules of the runtime by name, one
// program importing another, and references that differ from the table here.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

interface Layer {
  /** Layers it may import, and must list as references once they exist. */
  readonly layers: readonly string[];
  /** Modules from outside src/, a trailing `*` standing for any ending. */
  readonly modules: readonly string[];
}

const below = ["units", "sys", "formats", "engine", "runtime", "observe"] as const;

export const table: Readonly<Record<string, Layer>> = {
  units: { layers: [], modules: [] },
  sys: { layers: ["units"], modules: ["node:*"] },
  formats: { layers: ["units"], modules: [] },
  engine: { layers: ["units", "formats"], modules: [] },
  runtime: { layers: ["units", "sys", "formats", "engine"], modules: ["node:*", "bun"] },
  observe: { layers: ["units", "formats", "engine"], modules: ["node:*", "bun"] },
  programs: { layers: below, modules: ["node:*", "bun", "bun:jsc"] },
  tend: { layers: below, modules: ["node:*", "bun"] },
  start: { layers: [...below, "programs", "tend"], modules: [] },
};

/** Of a layer, the one file that may be imported from another. */
const onlyFile: Readonly<Record<string, string>> = { "observe engine": "src/engine/snapshot.ts" };

/** What every file of src/start imports before anything else. */
const FIRST = "../sys/boot.ts";

/** Starting processes belongs to sys, whose posix_spawn is the one way. */
const nowhere = ["node:child_process", "node:cluster", "child_process", "cluster"];

/** All programs of the suite, whether they exist yet or not. */
export const programs = [
  ...["svscan", "supervise", "svc", "svok", "svstat", "svscanboot", "readproctitle", "fghack", "pgrphack"],
  ...["multilog", "tai64n", "tai64nlocal", "setuidgid", "envuidgid", "envdir", "softlimit", "setlock"],
];

const importing =
  /(?:^|[;}\s])(?:(?:import|export)\b[^"'`;]*?\bfrom|import|(?:import|require)\s*\()\s*["']([^"']+)["']/g;

function importsOf(source: string): { specifier: string; line: number }[] {
  // Blank out comments, keeping lines; a specifier never holds "/*" or " //".
  const code = source
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/(^|\s)\/\/.*$/gm, "$1");
  return [...code.matchAll(importing)].map((found) => ({
    specifier: found[1] ?? "",
    line: code.slice(0, found.index + found[0].length).split("\n").length,
  }));
}

function allows(modules: readonly string[], specifier: string): boolean {
  return modules.some((m) => (m.endsWith("*") ? specifier.startsWith(m.slice(0, -1)) : specifier === m));
}

function isProgram(file: string): boolean {
  const name = /^src\/programs\/(.*)\.ts$/.exec(file)?.[1];
  return name !== undefined && programs.includes(name);
}

/** Why `file` may not import `specifier`; undefined if it may. */
function refusal(file: string, specifier: string): string | undefined {
  const from = /^src\/([^/]+)\//.exec(file)?.[1];
  const rule = from === undefined ? undefined : table[from];
  if (nowhere.includes(specifier)) return "nothing in src may import it: processes are started by sys";
  if (!specifier.startsWith(".")) {
    if (rule === undefined || allows(rule.modules, specifier)) return undefined;
    return `${from} may import only ${rule.modules.join(", ") || "nothing"} from outside src`;
  }
  const target = normalize(join(dirname(file), specifier));
  const to = /^src\/([^/]+)\//.exec(target)?.[1];
  if (isProgram(file) && isProgram(target)) return "a program may not import another program";
  if (rule === undefined || to === from) return undefined;
  if (to === undefined || !rule.layers.includes(to)) {
    return `${from} may import only ${rule.layers.join(", ") || "itself"}`;
  }
  const only = onlyFile[`${from} ${to}`];
  return only === undefined || only === target ? undefined : `${from} may import only ${only} of ${to}`;
}

function referenceErrors(root: string, layer: string): string[] {
  const file = `src/${layer}/tsconfig.json`;
  const rule = table[layer];
  if (rule === undefined) return [`src/${layer}: not in the table of scripts/layers.ts`];
  if (!existsSync(join(root, file))) return [`${file}: missing`];
  const { references } = JSON.parse(readFileSync(join(root, file), "utf8")) as {
    references: { path: string }[];
  };
  const listed = references.map(({ path }) => path).sort();
  const wanted = rule.layers
    .filter((name) => existsSync(join(root, "src", name)))
    .map((name) => `../${name}`);
  if (listed.join() === wanted.sort().join()) return [];
  return [`${file}: references must be ${wanted.join(", ") || "empty"}`];
}

/** Every broken rule under `root`, as `file:line: what (why)`. */
export function layerErrors(root: string): string[] {
  const entries = readdirSync(join(root, "src"), { withFileTypes: true });
  const layers = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .map((name) => `src/${name}`)
    .sort();
  const errors = layers.flatMap((layer) => referenceErrors(root, layer));
  for (const file of files) {
    const imports = importsOf(readFileSync(join(root, file), "utf8"));
    if (file.startsWith("src/start/") && imports[0]?.specifier !== FIRST)
      errors.push(`${file}: the first import must be ${FIRST} (signals are blocked there)`);
    for (const { specifier, line } of imports) {
      const why = refusal(file, specifier);
      if (why !== undefined) errors.push(`${file}:${line}: imports ${specifier} (${why})`);
    }
  }
  return errors;
}
