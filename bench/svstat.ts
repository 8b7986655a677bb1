// svstat of 1 and of 1000 directories: what a person waits for, and a script that looks at everything.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { monotonic } from "../src/sys/clock.ts";
import { endTree, start, timed } from "./support/command.ts";
import { type Bench, interleave } from "./support/frame.ts";

export const rows: Bench = async function* ({ dir, rounds, tend }) {
  const names = Array.from({ length: 1000 }, (_, i) => `s${i}`);
  for (const name of names) {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, "down"), "");
  }
  const supervisor = start([tend("svscan"), dir]);
  const directories = names.map((name) => join(dir, name));
  const until = monotonic() + 30_000;
  while (!directories.every((path) => existsSync(join(path, "supervise/ok")))) {
    if (monotonic() > until) throw new Error("svscan did not take the directories");
    Bun.sleepSync(20);
  }
  for (const [count, must, should] of [
    [1, 10, 5],
    [1000, 35, 20],
  ] as const) {
    const asked = directories.slice(0, count);
    const samples = await interleave(rounds(60), {
      tend: () => timed([tend("svstat"), ...asked]),
      C: existsSync("/usr/bin/svstat") ? () => timed(["/usr/bin/svstat", ...asked]) : undefined,
    });
    const name = `svstat of ${count} ${count === 1 ? "directory" : "directories"}`;
    yield { name, unit: "ms", better: "less", samples, must: { value: must }, should: { value: should } };
  }
  endTree(supervisor);
};
