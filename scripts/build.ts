// build.ts - makes dist/tend, the one executable, and dist/bin, a link to it for each program.
//
//   npm run build [ -- --force ]
//
// Nothing is done when nothing that goes into the executable has changed. The executable is written
// under another name and renamed, so a running test never sees half of one.

import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { programs } from "../src/programs/names.ts";
import { changeOption } from "./allocator.ts";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
const executable = join(dist, "tend");
const stamp = join(dist, ".built-from");

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const define = { TEND_VERSION: JSON.stringify(version) };

function sources(): string[] {
  const names = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
  const compiled = names.filter((name) => /\.(ts|json|txt)$/.test(name) && !name.endsWith(".test.ts"));
  return [
    "package.json",
    "package-lock.json",
    "scripts/allocator.ts",
    "scripts/build.ts",
    ...compiled.sort().map((name) => `src/${name}`),
  ];
}

function hashOf(files: readonly string[]): string {
  const hash = createHash("sha256").update(Bun.version).update(process.arch);
  for (const file of files) {
    const bytes = readFileSync(join(root, file));
    hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex");
}

function upToDate(hash: string): boolean {
  return existsSync(executable) && existsSync(stamp) && readFileSync(stamp, "utf8") === hash;
}

const STARTS = /\/src\/start\/([a-z0-9-]+)\.ts$/;

/**
 * Makes each file of src/start one module with all that it imports. The runtime takes 40 to 80 us for each module that it reads, and
 * splitting makes one of whatever any two programs share: a start of svc read 15, and took 7.8 ms of processor time, with
 * this 5.5.
 */
async function oneModuleEach(): Promise<Bun.BunPlugin> {
  const names = readdirSync(join(root, "src/start")).filter((name) => name.endsWith(".ts"));
  const entrypoints = names.map((name) => join(root, "src/start", name));
  const { outputs } = await Bun.build({ entrypoints, target: "bun", format: "esm", define });
  const modules = new Map<string, string>();
  for (const output of outputs) modules.set(basename(output.path, ".js"), await output.text());
  return {
    name: "one module each",
    setup(build) {
      build.onLoad({ filter: STARTS }, ({ path }) => {
        const contents = modules.get(STARTS.exec(path)?.[1] ?? "");
        if (contents === undefined) throw new Error(`nothing was made of ${path}`);
        return { contents, loader: "js" };
      });
    },
  };
}

// Measured with 40 modules and 1600 functions, p50 of a start: 13.4 ms plain, 7.1 with bytecode, 6.5 with bytecode and ES
// modules. Minifying changes nothing there, but takes names from stack traces.
async function compile(hash: string): Promise<void> {
  const place = join(dist, `.made.${process.pid}`);
  const made = join(place, "tend");
  try {
    await Bun.build({
      entrypoints: [join(root, "src/main.ts")],
      target: "bun",
      format: "esm",
      bytecode: true,
      splitting: true,
      plugins: [await oneModuleEach()],
      compile: {
        outfile: made,
        // The working directory is somebody's service directory: nothing in it is ours to load.
        autoloadDotenv: false,
        autoloadBunfig: false,
        autoloadTsconfig: false,
        autoloadPackageJson: false,
      },
    });
  } catch (error) {
    rmSync(place, { recursive: true, force: true });
    process.stderr.write(`${Bun.inspect(error)}\nbuild: fatal: unable to compile src/main.ts\n`);
    process.exit(1);
  }
  withoutScavenger(made);
  renameSync(made, executable);
  rmSync(place, { recursive: true });
  writeFileSync(`${stamp}.${process.pid}`, hash);
  renameSync(`${stamp}.${process.pid}`, stamp);
}

/**
 * Bun 1.4.5's allocator has a thread, `mi-scavenger`, that gives back what was freed, and wakes every 30 seconds for fear
 * that it was forgotten. Without it, memory is given back by whoever frees, later. An idle supervisor is not to wake at all.
 */
function withoutScavenger(path: string): void {
  const bytes = readFileSync(path);
  if (changeOption(bytes, "scavenger", 49, 1n, 0n)) return writeFileSync(path, bytes);
  process.stderr.write(
    "build: warning: the runtime's allocator keeps its thread: its option was not found\n",
  );
}

/** Make dist/bin hold a link for `tend` and for each program, and nothing else. */
function link(): void {
  const bin = join(dist, "bin");
  mkdirSync(bin, { recursive: true });
  const wanted = new Set(["tend", ...programs]);
  for (const name of readdirSync(bin)) {
    if (!wanted.has(name) && !name.startsWith(".")) rmSync(join(bin, name), { recursive: true });
  }
  for (const name of wanted) {
    const path = join(bin, name);
    if (pointsToTend(path)) continue;
    const made = join(bin, `.${name}.${process.pid}`);
    symlinkSync("../tend", made);
    renameSync(made, path);
  }
}

function pointsToTend(path: string): boolean {
  try {
    return readlinkSync(path) === "../tend";
  } catch {
    return false;
  }
}

mkdirSync(dist, { recursive: true });
const hash = hashOf(sources());
const started = performance.now();
if (process.argv.includes("--force") || !upToDate(hash)) {
  await compile(hash);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stderr.write(`build: dist/tend made in ${seconds} s\n`);
} else {
  process.stderr.write("build: dist/tend is up to date\n");
}
link();
