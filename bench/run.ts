// run.ts - runs the benchmarks and prints one table.
//
//   npm run bench [ -- [ --quick ] [ --dir DIRECTORY ] [ name ... ] ]
//
// Each file beside this one is a benchmark, named without `.ts`; without names all are run, in a quick run all but those that
// are long whatever is done. Work is done in a directory that is made in DIRECTORY (the system's for temporary files, unless
// given) and removed at the end: it decides which file system is measured. The figures also go to dist/bench.json, after each
// benchmark, with the machine, the kernel and the versions. Contenders that are not installed or do not work are left out;
// after a benchmark that fails the others are run. Nothing here is a test: a busy machine makes every figure worse, and the fewer
// processes a contender has the worse. `chrt -r 1 npm run bench` (as root) runs all contenders as if nobody else were there.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Cgroup } from "./support/cgroup.ts";
import { endAll } from "./support/command.ts";
import type { Bench, Options, Row } from "./support/frame.ts";
import { pm2Version } from "./support/pm2.ts";
import { summary, table } from "./support/table.ts";

const root = join(import.meta.dirname, "..");

function fatal(message: string): never {
  process.stderr.write(`bench: fatal: ${message}\n`);
  process.exit(111);
}

const known = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".ts") && name !== "run.ts")
  .map((name) => name.slice(0, -3))
  .sort();

/** They take a quarter of a minute and more each, to wait or to do much: in a quick run only where they are named. */
const LONG = ["hosted", "memory", "promise", "scale", "simulate", "trickle"];

const USAGE = `bench: usage: npm run bench [ -- [ --quick ] [ --dir DIRECTORY ] [ name ... ] ]
names: ${known.join(" ")}
`;

/** The command line; anything it does not know ends it here, before minutes are spent. */
function parse(): { quick: boolean; dir: string; names: string[] } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { quick: { type: "boolean", default: false }, dir: { type: "string", default: tmpdir() } },
    });
    return { ...values, names: positionals };
  } catch {
    process.stderr.write(USAGE);
    process.exit(100);
  }
}

const { quick, dir: parent, names } = parse();
for (const name of names) {
  if (!known.includes(name)) fatal(`no benchmark called ${name}; there are ${known.join(", ")}`);
}

function output(...command: string[]): string {
  try {
    return Bun.spawnSync(command, { cwd: root, stderr: "ignore" }).stdout.toString().trim();
  } catch {
    return "";
  }
}

/** The file system that `path` is on. */
const fileSystem = (path: string): string => output("findmnt", "-no", "FSTYPE", "-T", path);

/** dpkg-query's own placeholder. */
const VERSION = "$" + "{Version}";

function machine(dir: string) {
  const [first] = cpus();
  const dpkg = (name: string) => output("dpkg-query", "-W", "-f", VERSION, name) || undefined;
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: `${cpus().length} x ${first?.model ?? "?"}`,
    memoryGB: Math.round(totalmem() / 1e9),
    kernel: release(),
    fileSystem: fileSystem(dir),
    scheduling: /policy: (\w+)/.exec(output("chrt", "-p", String(process.pid)))?.[1],
    commit: output("git", "describe", "--always", "--dirty"),
    tend: (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version,
    bun: Bun.version,
    daemontools: dpkg("daemontools"),
    runit: dpkg("runit"),
    s6: dpkg("s6"),
    supervisor: dpkg("supervisor"),
  };
}

const build = Bun.spawnSync([process.execPath, join(root, "scripts/build.ts")], {
  stdout: "ignore",
  stderr: "inherit",
});
if (build.exitCode !== 0) fatal("unable to build");
// What is not on the disk yet counts as changed memory of those who have it mapped.
output("sync", join(root, "dist/tend"));

const work = mkdtempSync(join(parent, "tend-bench."));
// ext4 without a journal passes over each inode that was deleted in the last minutes, one by one, where it makes a new file: a
// thousand services take several times as long after another run. With this each benchmark's directory is put into another part of
// the disk, by its name, as ext4 does it at the root of a file system. Other file systems refuse it, and need it not.
output("chattr", "+T", work);
let cleaned = false;
function clean(): void {
  if (cleaned) return;
  cleaned = true;
  clearUp();
  rmSync(work, { recursive: true, force: true });
}
process.on("exit", clean);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(111));

/** Ends and removes what a benchmark that failed has left. */
function clearUp(): void {
  endAll();
  Cgroup.removeAll();
}

const rows: (Row & { readonly bench: string })[] = [];
const failed: string[] = [];
const about = () => ({ ...machine(work), pm2: pm2Version() });

function save(): void {
  mkdirSync(join(root, "dist"), { recursive: true });
  const summaries = rows.map((row) => ({ ...row, ...summary(row) }));
  const text = JSON.stringify({ ...about(), quick, failed, rows: summaries }, undefined, 1);
  writeFileSync(join(root, "dist/bench.json"), `${text}\n`);
}

const all = quick ? known.filter((name) => !LONG.includes(name)) : known;
const wholeBegan = performance.now();
for (const name of names.length > 0 ? names : all) {
  const dir = mkdtempSync(join(work, `${name}.`));
  const options: Options = {
    quick,
    dir,
    rounds: (full) => (quick ? Math.max(1, Math.ceil(full / 4)) : full),
    tend: (program) => join(root, "dist/bin", program),
  };
  const { rows: bench } = (await import(`./${name}.ts`)) as { rows: Bench };
  const began = performance.now();
  try {
    for await (const row of bench(options)) {
      rows.push({ bench: name, ...row });
      await Bun.sleep(0); // Lets a signal in.
    }
  } catch (error) {
    failed.push(name);
    process.stderr.write(`bench: ${name} failed: ${error instanceof Error ? error.stack : String(error)}\n`);
    clearUp();
  }
  process.stderr.write(`bench: ${name}: ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
  save();
}
const machineIs = about();
clean();

process.stderr.write(`bench: all of it: ${((performance.now() - wholeBegan) / 1000).toFixed(0)} s\n`);
process.stdout.write(
  `${Object.entries(machineIs)
    .map(([key, value]) => `${key} ${value ?? "-"}`)
    .join(", ")}\n\n${table(rows)}\n`,
);
if (failed.length > 0) fatal(`failed: ${failed.join(", ")}`);
