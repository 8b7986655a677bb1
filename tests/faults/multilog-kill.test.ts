// kill -9 of multilog at every system call: what the next one leaves is complete, and nothing is there twice. The C program
// loses what it has read and not written.
//
// TEND_FAULTS=all tries every call; otherwise every so-and-so-many-th.
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AHEAD_NAME, WriteAhead } from "../../src/formats/write-ahead.ts";
import { CALLS, FullPipe, runKilled, runToEnd, strace } from "../support/killed-logger.ts";
import { expectRotated, logged } from "../support/log-dir.ts";
import { Sandbox } from "../support/sandbox.ts";

const all = process.env["TEND_FAULTS"] === "all";
const memory = existsSync("/dev/shm") ? "/dev/shm" : undefined;

/** More than one read takes; one line is longer than what is matched, one longer than a file. */
const lines = Array.from({ length: 700 }, (_, i) =>
  i === 300
    ? `${i} ${"long ".repeat(600)}end`
    : i === 400
      ? `${i} ${"x".repeat(6000)}`
      : `${i} ${"abc ".repeat(i % 13)}.`,
);
const input = `${lines.join("\n")}\nunfinished`;

/** The label of every line, taken away: each line has one, and no more. */
function withoutLabels(text: string): string {
  return text.replace(/^@[0-9a-f]{24} /gm, "");
}

type Case = {
  readonly title: string;
  readonly script: readonly string[];
  readonly size?: number;
  /** What each directory must hold. */
  readonly expected: { readonly [directory: string]: string };
  readonly stamped?: boolean;
};

const finished = `${input}\n`;
const chosen = (pattern: RegExp) =>
  `${finished
    .split("\n")
    .slice(0, -1)
    .filter((l) => pattern.test(l))
    .join("\n")}\n`;

const cases: readonly Case[] = [
  { title: "plain", script: ["s9999", "n1000", "./l"], size: 9999, expected: { l: finished } },
  { title: "with timestamps", script: ["t", "s16777215", "./l"], expected: { l: finished }, stamped: true },
  {
    title: "to three directories, with patterns",
    script: ["s4096", "n1000", "./l", "-*", "+*7*.", "./m", "+*long*", "s20000", "./n"],
    expected: { l: finished, m: chosen(/^[^7]*7[^.]*\.$/), n: chosen(/^[^7]*7[^.]*\.$|^[^l]*long/) },
  },
  {
    title: "with a processor",
    script: ["s20000", "n1000", "!tr a-z A-Z", "./l"],
    expected: { l: finished.toUpperCase() },
  },
  {
    title: "with a processor beside",
    script: ["s20000", "n1000", "&tr a-z A-Z", "./l"],
    expected: { l: finished.toUpperCase() },
  },
];

describe.skipIf(strace === null)("multilog, killed and started again", () => {
  for (const { title, script, size, expected, stamped } of cases) {
    for (const call of CALLS) {
      test.concurrent(
        `${title}: nothing is lost or doubled by a kill at any ${call}`,
        async () => {
          let kills = 0;
          for (let nth = 1; ; nth += all ? 1 : 1 + Math.floor(nth / 3)) {
            await using box = new Sandbox(memory);
            using pipe = new FullPipe(box, "in");
            pipe.write(input);
            pipe.end();
            const cwd = box.directory("d");
            const killed = runKilled(cwd, script, pipe.read, call, nth);
            if (killed) expect(runToEnd(cwd, script, pipe.read)).toEqual({ code: 0, stderr: "" });
            for (const [directory, content] of Object.entries(expected)) {
              const seen = logged(join(cwd, directory));
              const text = stamped ? withoutLabels(seen) : seen;
              // With a processor, what was in the file that was lost in the crash stays as it was.
              const same = script.some((word) => /^[!&]/.test(word)) ? text.toUpperCase() : text;
              if (same !== content) throw new Error(`kill at ${call} ${nth}: ${difference(same, content)}`);
              if (size !== undefined && !killed) expectRotated(join(cwd, directory), size);
              expect(readdirSync(join(cwd, directory)).filter((name) => name.startsWith(".tend"))).toEqual(
                [],
              );
            }
            if (!killed) break;
            kills++;
          }
          if (all) process.stdout.write(`${title}: ${call}: ${kills} kills\n`);
        },
        all ? 1_200_000 : undefined,
      );
    }
  }
});

/** Whether a multilog was killed when it had noted what it was about to read, with the beginning of a line in front of it. */
function leftUnread(directory: string): boolean {
  const file = join(directory, AHEAD_NAME);
  if (!existsSync(file)) return false;
  const ahead = WriteAhead.open(new Uint8Array(readFileSync(file)));
  const { active } = ahead;
  return active !== undefined && ahead.planOf(active).tail > 0 && ahead.got(active) === 0;
}

describe.skipIf(strace === null)(
  "multilog, killed before a read in a line, and killed when it goes on",
  () => {
    const script = ["t", "s16777215", "./l"];
    // More than one read takes.
    const text = Array.from({ length: 1500 }, (_, i) => `${i} a line of some length`).join("\n");
    let atRead = 30;

    for (const call of ["getdents64", "unlinkat", "fchmod", "fallocate", "mlock", "renameat"]) {
      test(`nothing is lost or doubled by the second kill at any ${call}`, async () => {
        let kills = 0;
        let tries = 0;
        for (let nth = 1; ; ) {
          await using box = new Sandbox(memory);
          using pipe = new FullPipe(box, "in");
          pipe.write(text);
          pipe.end();
          const cwd = box.directory("d");
          // The runtime reads as well before, more or less often.
          if (!runKilled(cwd, script, pipe.read, "read", atRead)) atRead = 30;
          if (!leftUnread(join(cwd, "l"))) {
            if (++tries > 200) throw new Error("there is no such read");
            atRead++;
            continue;
          }
          const killed = runKilled(cwd, script, pipe.read, call, nth++);
          if (killed) expect(runToEnd(cwd, script, pipe.read)).toEqual({ code: 0, stderr: "" });
          const seen = withoutLabels(logged(join(cwd, "l")));
          if (seen !== `${text}\n`)
            throw new Error(`kill at ${call} ${nth - 1}: ${difference(seen, `${text}\n`)}`);
          if (!killed) break;
          kills++;
        }
        expect(kills).toBeGreaterThan(0);
      });
    }
  },
);

function difference(seen: string, expected: string): string {
  let at = 0;
  while (seen[at] === expected[at] && at < seen.length) at++;
  const show = (text: string) => JSON.stringify(text.slice(Math.max(0, at - 20), at + 40));
  return `at ${at} of ${expected.length} (${seen.length}): ${show(seen)} instead of ${show(expected)}`;
}
