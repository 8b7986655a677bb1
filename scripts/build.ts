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
import { join } from "node:path";
import { programs } from "../src/programs/names.ts";
import { changeOption } from "./allocator.ts";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
const executable = join(dist, "tend");
const stamp = join(dist, ".built-from");

// Measured with 40 modules and 1600 functions, p50 of a start: 13.4 ms plain, 7.1 with bytecode, 6.5 with
// bytecode and ES modules. Splitting makes each program a part of its own, read when it is wanted: a start takes 1.3 ms
// less processor time of 5.4, since no wrapper is made for each module of the others. Minifying changes nothing there, but takes names from stack traces; source maps
// cost nothing until an error is printed.
const options = [
  "--compile",
  "--bytecode",
  "--splitting",
  "--format=esm",
  "--sourcemap=linked",
  // The working directory is somebody's service directory: nothing in it is ours to load.
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  "--no-compile-autoload-tsconfig",
  "--no-compile-autoload-package-json",
];

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

function compile(hash: string): void {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  // What else the compiler writes, source maps that the executable holds as well, goes with the directory.
  const place = join(dist, `.made.${process.pid}`);
  const made = join(place, "tend");
  const define = ["--define", `TEND_VERSION=${JSON.stringify(version)}`];
  const command = [process.execPath, "build", ...options, ...define, "src/main.ts", "--outfile", made];
  const bun = Bun.spawnSync(command, { cwd: root, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  if (bun.exitCode !== 0 || !existsSync(made)) {
    rmSync(place, { recursive: true, force: true });
    process.stderr.write(bun.stdout.toString() + bun.stderr.toString());
    process.stderr.write("build: fatal: unable to compile src/main.ts\n");
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
  compile(hash);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stderr.write(`build: dist/tend made in ${seconds} s\n`);
} else {
  process.stderr.write("build: dist/tend is up to date\n");
}
link();
