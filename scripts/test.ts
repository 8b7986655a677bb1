// test.ts - builds the executable, runs the tests, and ends with one line: N passed, N failed, N skipped.
//
//   npm test [ -- [ -t name-pattern ] [ part-of-a-file-name ... ] ]
//
// Exit code 0 only if at least one test ran and none failed. `todo` tests count as skipped. A run that
// crashes, hangs or is cut short is a failed one. What failed is named again at the end.
//
// A test that fails beside others is run again with its file alone, for a machine may be too busy for any test: what passes
// then has passed, and is named as `failed beside others, passed alone`. That happens for a few files, never for many.
//
//   TEND_NO_BUILD=1     test dist/ as it is
//   TEND_TEST_JOBS=N    test files at a time (default: processors, at most 4; 1: all in one process)
//   TEND_TEST_LIMIT=N   seconds for the whole run (default 600)

import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const testTimeoutMs = 60_000;
const limitMs = Number(process.env["TEND_TEST_LIMIT"] ?? 600) * 1000;
/** Files that are run again at most where tests of them failed. */
const MOST_RERUN = 4;
const jobs = Number(process.env["TEND_TEST_JOBS"] ?? Math.min(availableParallelism(), 4));

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

function finish({ passed, failed, skipped }: Counts): never {
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}

/** Options go to `bun test`; other words choose the test files whose path contains one of them. */
function parse(argv: readonly string[]): { options: string[]; words: string[] } {
  const options: string[] = [];
  const words: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i] ?? "";
    if (!arg.startsWith("-")) words.push(arg.replace(/^\.\//, ""));
    else if (arg === "-t" || arg === "--test-name-pattern") options.push(arg, argv[++i] ?? "");
    else options.push(arg);
  }
  return { options, words };
}

function testFiles(words: readonly string[]): string[] {
  const files = ["src", "tests"].flatMap((dir) =>
    existsSync(join(root, dir))
      ? readdirSync(join(root, dir), { recursive: true, encoding: "utf8" }).map((name) => `${dir}/${name}`)
      : [],
  );
  return files
    .filter((file) => file.endsWith(".test.ts"))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .sort();
}

/** Pass on what arrives, and show it to `see`. */
async function passOn(
  from: ReadableStream<Uint8Array>,
  to: NodeJS.WriteStream,
  see: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of from) {
    to.write(chunk);
    see(decoder.decode(chunk, { stream: true }));
  }
}

/** The totals `bun test` prints last; undefined if it did not get there. */
function totals(output: string): Counts | undefined {
  const lines = Bun.stripANSI(output).split("\n");
  const end = lines.findLastIndex((line) => /^Ran \d+ tests? across \d+ files?\./.test(line));
  if (end < 0) return undefined;
  const counts = { pass: 0, fail: 0, skip: 0, todo: 0 };
  for (const line of lines.slice(Math.max(0, end - 10), end)) {
    const found = /^ *(\d+) (pass|fail|skip|todo)$/.exec(line);
    if (found) counts[found[2] as keyof typeof counts] = Number(found[1]);
  }
  return { passed: counts.pass, failed: counts.fail, skipped: counts.skip + counts.todo };
}

/** What was seen of a run that did not reach its totals, plus one failure for that. */
function partial(output: string): Counts {
  const seen = (word: string) => Bun.stripANSI(output).split(`\n(${word}) `).length - 1;
  return { passed: seen("pass"), failed: seen("fail") + 1, skipped: seen("skip") + seen("todo") };
}

/** Kill what the tests left running: whatever has this run's mark in its environment. */
function sweep(mark: string): void {
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const pid = Number(name);
    try {
      if (!readFileSync(`/proc/${name}/environ`, "latin1").split("\0").includes(mark)) continue;
      const words = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0").join(" ").trim();
      process.kill(pid, "SIGKILL");
      process.stderr.write(`test: left running by the tests, killed: ${name} ${words}\n`);
    } catch {
      // gone, or not ours to read
    }
  }
}

if (process.env["TEND_NO_BUILD"] !== "1") {
  const build = Bun.spawnSync([process.execPath, "--no-install", "scripts/build.ts"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (build.exitCode !== 0) finish({ passed: 0, failed: 1, skipped: 0 });
}

/** The tests that failed, by file. */
function failures(output: string): Map<string, string[]> {
  const failed = new Map<string, string[]>();
  let file = "";
  for (const line of Bun.stripANSI(output).split("\n")) {
    // All of them are listed once more at the end of a long report.
    if (/^\d+ tests? failed:$/.test(line)) break;
    file = /^(\S+\.test\.ts):$/.exec(line)?.[1] ?? file;
    const name = /^\(fail\) (.*?)( \[[\d.]+m?s\])?$/.exec(line)?.[1];
    if (name !== undefined) failed.set(file, [...(failed.get(file) ?? []), name]);
    // `✗ FILE (worker crashed: SIGKILL)`
    const [, crashed, how] = /^✗ (\S+\.test\.ts) \((.*)\)$/.exec(line) ?? [];
    if (crashed !== undefined) failed.set(crashed, [...(failed.get(crashed) ?? []), `all of it (${how})`]);
  }
  return failed;
}

/**
 * A directory for the temporary ones of a run. On ext4 each of those gets a part of the disk of its own, as at the root of a file
 * system: without a journal it passes over every inode that was deleted in the last minutes, one by one, to make a new file.
 */
function makePlace(): string {
  const place = mkdtempSync(join(tmpdir(), "tend-tests."));
  chmodSync(place, 0o755); // Programs of other users are in some.
  try {
    Bun.spawnSync(["chattr", "+T", place], { stdio: ["ignore", "ignore", "ignore"] });
  } catch {
    // There is no chattr.
  }
  return place;
}

/** Remove the directory of a run, and say what the tests have left in it. */
function removePlace(place: string): void {
  for (const name of readdirSync(place))
    process.stderr.write(`test: left behind by the tests, removed: ${name}\n`);
  try {
    rmSync(place, { recursive: true, force: true });
  } catch (error) {
    process.stderr.write(`test: unable to remove ${place}: ${error}\n`);
  }
}

/** Runs `bun test`. @returns its report, which it writes to standard error, and how it ended */
async function runTests(
  words: readonly string[],
  ms: number,
): Promise<{ report: string; code: number; ended: string }> {
  const command = [process.execPath, "--no-install", "--no-env-file", "test", `--timeout=${testTimeoutMs}`];
  const run = `${process.pid}-${Date.now()}`;
  const place = makePlace();
  const bun = Bun.spawn([...command, ...words], {
    cwd: root,
    env: {
      ...process.env,
      TMPDIR: place,
      TEND_TEST_RUN: run,
      ...(process.stdout.isTTY ? { FORCE_COLOR: "1" } : {}),
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const passSignal = (signal: NodeJS.Signals) => bun.kill(signal);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, passSignal);
  const watchdog = setTimeout(() => {
    process.stderr.write(`test: not finished after ${Math.round(ms / 1000)} s: killed\n`);
    bun.kill("SIGKILL");
  }, ms);
  let report = "";
  const output = Promise.all([
    passOn(bun.stdout, process.stdout, () => {}),
    passOn(bun.stderr, process.stderr, (text) => {
      report += text;
    }),
  ]);
  const code = await bun.exited;
  clearTimeout(watchdog);
  for (const signal of signals) process.off(signal, passSignal);
  // After the sweep nothing holds the pipes; were something to, the totals would not wait for it.
  sweep(`TEND_TEST_RUN=${run}`);
  await Promise.race([output, Bun.sleep(5000)]);
  removePlace(place);
  return { report, code, ended: String(bun.signalCode ?? `exit code ${code}`) };
}

const { options, words } = parse(process.argv.slice(2));
const files = testFiles(words);
if (files.length === 0) {
  process.stderr.write("test: no test file matches\n");
  finish({ passed: 0, failed: 0, skipped: 0 });
}

const started = Date.now();
const { report, code, ended } = await runTests(
  [...(jobs > 1 ? [`--parallel=${jobs}`] : []), ...options, ...files.map((file) => `./${file}`)],
  limitMs,
);
if (!existsSync("/usr/bin/svc")) {
  process.stdout.write(
    "C daemontools is not installed (/usr/bin/svc is missing): tests that compare with it are skipped\n",
  );
}
const counts = totals(report);
if (counts === undefined) {
  process.stderr.write(`test: bun test did not finish: ${ended}\n`);
  finish(partial(report));
}
if (code !== 0 && counts.failed === 0) counts.failed = 1;

let left = failures(report);
const named = [...left.values()].flat().length;
if (counts.failed === named && left.size > 0 && left.size <= MOST_RERUN && files.length > left.size) {
  const before = left;
  process.stdout.write(`test: run again, alone: ${[...before.keys()].join(" ")}\n`);
  const again = await runTests(
    [...options, ...[...before.keys()].map((file) => `./${file}`)],
    limitMs - (Date.now() - started),
  );
  const after = totals(again.report);
  // One that did not get to its totals has shown nothing.
  if (after !== undefined && (again.code === 0 || after.failed > 0)) {
    left = failures(again.report);
    for (const [file, names] of before)
      for (const name of names)
        if (!left.get(file)?.includes(name))
          process.stdout.write(`test: failed beside others, passed alone: ${file}: ${name}\n`);
    counts.passed += counts.failed - after.failed;
    counts.failed = after.failed;
  }
}
for (const [file, names] of left)
  for (const name of names) process.stdout.write(`test: failed: ${file}: ${name}\n`);
finish(counts);
