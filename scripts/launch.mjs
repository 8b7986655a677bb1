// launch.mjs - runs a TypeScript file of this project under the pinned Bun.
//
//   node scripts/launch.mjs scripts/build.ts [ arg ... ]
//
// Plain JavaScript for Node 18 or later, because it runs before anything is installed. It installs what
// package-lock.json names when node_modules differs from it, finds Bun's executable for this platform
// (npm's install scripts are never run, so node_modules/.bin/bun may not work), and becomes as good as
// that process: same terminal, same signals, same exit code.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");

function fatal(message) {
  process.stderr.write(`launch: fatal: ${message}\n`);
  process.exit(111);
}

function packagesIn(lockFile) {
  try {
    return JSON.parse(readFileSync(lockFile, "utf8")).packages ?? {};
  } catch {
    return undefined;
  }
}

/** True if every package of package-lock.json is in node_modules in its version; one for another platform may be missing. */
function installed() {
  const wanted = packagesIn(join(root, "package-lock.json"));
  const present = packagesIn(join(modules, ".package-lock.json"));
  if (wanted === undefined) fatal("unable to read package-lock.json");
  if (present === undefined) return false;
  for (const [path, { version, integrity, optional }] of Object.entries(wanted)) {
    if (path === "") continue;
    const found = present[path];
    if (found === undefined && optional) continue;
    if (found?.version !== version || (integrity && found.integrity !== integrity)) return false;
    if (!existsSync(join(root, path))) return false;
  }
  return Object.keys(present).every((path) => path in wanted);
}

function install() {
  const npmCli = process.env.npm_execpath;
  const [command, ...first] =
    npmCli !== undefined && basename(npmCli) === "npm-cli.js" ? [process.execPath, npmCli] : ["npm"];
  const args = ["ci", "--ignore-scripts", "--include=dev", "--include=optional", "--no-audit", "--no-fund"];
  process.stderr.write("launch: node_modules is missing or out of date: running npm ci\n");
  // Standard output belongs to the program that is launched; npm's report goes to standard error.
  const npm = spawnSync(command, [...first, ...args], { cwd: root, stdio: ["ignore", 2, 2] });
  if (npm.error) fatal(`unable to run npm: ${npm.error.message}`);
  if (npm.status !== 0) fatal(`unable to install packages: npm ci ended with ${npm.status ?? npm.signal}`);
}

/** The names Bun's package may have here, best first. */
function bunPackages() {
  const platform = { linux: "linux", darwin: "darwin", freebsd: "freebsd", android: "linux" }[
    process.platform
  ];
  const arch = { x64: "x64", arm64: "aarch64" }[process.arch];
  if (platform === undefined || arch === undefined) return [];
  let libc = "";
  if (process.platform === "android") libc = "-android";
  else if (platform === "linux" && !process.report.getReport().header.glibcVersionRuntime) libc = "-musl";
  return [`bun-${platform}-${arch}${libc}`, `bun-${platform}-${arch}${libc}-baseline`];
}

function findBun() {
  return bunPackages()
    .map((name) => join(modules, "@oven", name, "bin", "bun"))
    .find((path) => existsSync(path));
}

const [script, ...args] = process.argv.slice(2);
if (script === undefined) {
  process.stderr.write("launch: usage: node scripts/launch.mjs script.ts [ arg ... ]\n");
  process.exit(100);
}
if (!installed()) install();
let bun = findBun();
if (bun === undefined && bunPackages().length > 0) {
  install(); // made on another platform, or with --omit=optional
  bun = findBun();
}
if (bun === undefined) fatal(`no Bun executable for ${process.platform} ${process.arch}`);

const child = spawn(bun, ["--no-install", "--no-env-file", script, ...args], { cwd: root, stdio: "inherit" });

// A terminal sends SIGINT and SIGHUP to the whole foreground group, the child included: sent on, they
// would arrive twice. Without a terminal they were meant for this process alone.
const terminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) {
  process.on(signal, () => {
    if (!terminal || signal === "SIGTERM") child.kill(signal);
  });
}

child.on("error", (error) => fatal(`unable to run ${bun}: ${error.message}`));
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code);
  // Die as the child died, so that the shell or make above sees it; where that is survived, say it in the code.
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  setTimeout(() => process.exit(128 + constants.signals[signal]), 100);
});
