// run.ts - kills a supervisor at every system call of every scenario, and prints a table.
//
//   npm run test:faults [ -- [ --jobs N ] [ --errors ] [ part-of-a-scenario-name ... ] ]
//
// With --errors no supervisor is killed: the calls fail, each for want of what it needs, one in each run.
// Exit code 0 only if all went well after every kill.
import { join } from "node:path";
import {
  FAILURES,
  failAt,
  heldMoments,
  killAt,
  momentsOf,
  type Outcome,
  scenarios,
} from "./kill-at-every-call.ts";

const root = join(import.meta.dirname, "../..");
const words = process.argv.slice(2);
const jobsAt = words.indexOf("--jobs");
const jobs = jobsAt < 0 ? 4 : Number(words[jobsAt + 1]);
const errors = words.includes("--errors");
const names = words.filter(
  (word, i) => word !== "--errors" && word !== "--jobs" && (jobsAt < 0 || i !== jobsAt + 1),
);
const build = Bun.spawnSync([process.execPath, "--no-install", "scripts/build.ts"], {
  cwd: root,
  stdio: ["ignore", "inherit", "inherit"],
});
if (build.exitCode !== 0) process.exit(111);

const wanted = scenarios.filter(
  ({ name }) => names.length === 0 || names.some((word) => name.includes(word)),
);
const rows: string[][] = [];
let failures = 0;
for (const scenario of wanted) {
  const moments = await momentsOf(scenario);
  if (scenario.starts && !errors) moments.push(...heldMoments);
  const trials: (() => Promise<Outcome>)[] = errors
    ? moments.flatMap((moment) =>
        (FAILURES[moment.call] ?? []).map((error) => () => failAt(scenario, moment, error)),
      )
    : moments.map((moment) => () => killAt(scenario, moment));
  const calls = trials.length;
  const times: number[] = [];
  const wrong: string[] = [];
  let kills = 0;
  const worker = async (): Promise<void> => {
    for (let trial = trials.shift(); trial !== undefined; trial = trials.shift()) {
      try {
        const { killed, ms } = await trial();
        if (killed) kills++;
        times.push(ms);
      } catch (error) {
        wrong.push(`${(error as Error).message}\n${String((error as Error).cause)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  failures += wrong.length;
  times.sort((a, b) => a - b);
  const at = (part: number) => (times[Math.floor((times.length - 1) * part)] ?? Number.NaN).toFixed(0);
  const row = [scenario.name, String(calls), String(kills), String(wrong.length), at(0.5), at(1)];
  rows.push(row);
  process.stderr.write(`${row.join("  ")}\n${wrong.map((text) => `  ${text}\n`).join("")}`);
}
process.stdout.write(
  "| scenario | calls | kills | failures | ms, p50 | ms, most |\n|---|---|---|---|---|---|\n",
);
for (const row of rows) process.stdout.write(`| ${row.join(" | ")} |\n`);
const kills = rows.reduce((sum, row) => sum + Number(row[2]), 0);
process.stdout.write(`| all | | ${kills} | ${failures} | | |\n`);
process.exit(failures === 0 && kills > 0 ? 0 : 1);
