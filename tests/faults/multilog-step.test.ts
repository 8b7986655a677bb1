// kill -9 of multilog between any two instructions of what takes a few lines at a time (src/sys/trickle.ts): the next one
// finds them in the pipe, in the buffer, or in the log, and always once.
//
// TEND_FAULTS=all tries every instruction; otherwise some.
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { FullPipe, runToEnd } from "../support/killed-logger.ts";
import { logged } from "../support/log-dir.ts";
import { ours } from "../support/programs.ts";
import { Sandbox } from "../support/sandbox.ts";
import { Steps, traceable } from "../support/steps.ts";
import { until } from "../support/until.ts";

const all = process.env["TEND_FAULTS"] === "all";
const memory = existsSync("/dev/shm") ? "/dev/shm" : undefined;
/** JavaScript makes a hundred times as many for a line. */
const MANY = 2000;

/** Kills multilog after so many instructions for its second piece. @returns whether it had not done with that before */
async function killedAfter(script: readonly string[], steps: number): Promise<boolean> {
  await using box = new Sandbox(memory);
  using pipe = new FullPipe(box, "in");
  const cwd = box.directory("d");
  const killed = Bun.spawn([ours("multilog"), ...script], { cwd, stdin: pipe.read });
  pipe.write("one line comes before\n");
  await until(
    () => existsSync(join(cwd, "l/current")) && logged(join(cwd, "l")) !== "",
    "the line before is in the log",
  );
  const traced = new Steps(killed.pid, () => pipe.write("and two lines..\n\n"));
  let done = false;
  for (let step = 0; step < steps && !done; step++) done = traced.step();
  killed.kill("SIGKILL");
  await killed.exited;
  pipe.end();
  expect(runToEnd(cwd, script, pipe.read)).toEqual({ code: 0, stderr: "" });
  const label = script[0] === "t" ? "@LABEL " : "";
  const seen = logged(join(cwd, "l")).replace(/^@[0-9a-f]{24} /gm, "@LABEL ");
  const expected = `${label}one line comes before\n${label}and two lines..\n${label}\n`;
  if (seen !== expected) throw new Error(`killed after ${steps}: ${JSON.stringify(seen)}`);
  return !done;
}

describe.skipIf(!traceable)("multilog, killed between two instructions", () => {
  for (const script of [["./l"], ["t", "./l"]]) {
    test(
      `${script.join(" ")}: nothing is lost or doubled`,
      async () => {
        let steps = 0;
        let kills = 0;
        while (await killedAfter(script, steps)) {
          kills++;
          steps += all ? 1 : 1 + Math.floor(Math.random() * 2 * (script.length === 1 ? 10 : 30));
          expect(steps).toBeLessThan(MANY);
        }
        expect(kills).toBeGreaterThan(5);
        if (all) process.stdout.write(`${script.join(" ")}: ${kills} kills\n`);
      },
      all ? 1_200_000 : undefined,
    );
  }
});
