// The same scripts and inputs for C multilog and ours; whole directories are compared.
import { expect, test } from "bun:test";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expectRotated, logFiles, logged, unlabelled } from "../support/log-dir.ts";
import { haveC, ours, theirs } from "../support/programs.ts";
import { Sandbox } from "../support/sandbox.ts";

/** Old logs are fsynced: on a disk that is most of the time. */
const memory = existsSync("/dev/shm") ? "/dev/shm" : undefined;

type Seen = { code: number | null; stderr: string; files: { [path: string]: unknown } };

function look(directory: string): { [path: string]: unknown } {
  const seen: { [path: string]: unknown } = {};
  for (const name of readdirSync(directory).sort()) {
    const path = join(directory, name);
    const files = statSync(path).isDirectory() ? logFiles(path) : undefined;
    seen[name] =
      files === undefined
        ? logFiles(directory)
            .filter((file) => file.name === name)
            .map(({ mode, content }) => [mode, unlabelled(content)])
        : files.map(({ name, mode, content }) => [unlabelled(name), mode, unlabelled(content)]);
  }
  return seen;
}

function run(program: string, cwd: string, runs: readonly Run[]): Seen {
  let code: number | null = null;
  let stderr = "";
  for (const { script, input } of runs) {
    const ended = Bun.spawnSync([program, ...script], { cwd, stdin: Buffer.from(input, "latin1") });
    code = ended.exitCode;
    stderr += unlabelled(Buffer.from(ended.stderr).toString("latin1"));
  }
  return { code, stderr, files: look(cwd) };
}

type Run = { readonly script: readonly string[]; readonly input: string };

/** The same runs, one after the other in one directory, show the same. */
async function same(...runs: Run[]): Promise<void> {
  await using box = new Sandbox(memory);
  const c = run(theirs("multilog"), box.directory("c"), runs);
  const tend = run(ours("multilog"), box.directory("tend"), runs);
  expect(tend).toEqual(c);
}

const word = fc.constantFrom(
  "one",
  "two",
  "x",
  "xy",
  "xky",
  "x y one",
  " ",
  "  one",
  "*",
  "",
  "\0",
  "\xff",
  "@",
  "error",
);
const longWord = fc.oneof(
  { weight: 12, arbitrary: word },
  {
    weight: 1,
    arbitrary: fc.constantFrom("y".repeat(199), "z".repeat(980), "w".repeat(1500), "v".repeat(3000)),
  },
);
const line = fc.array(longWord, { maxLength: 4 }).map((words) => words.join(" "));
const input = fc
  .tuple(fc.array(line, { maxLength: 12 }), fc.boolean())
  .map(([lines, ended]) => lines.join("\n") + (ended && lines.length > 0 ? "\n" : ""));
const pattern = fc.constantFrom(
  ...["*", "", "one", "one*", "* one", "* * one", "x*y", "*xy", "**", "*", "* error*", "x y one", "*o*e"],
);
const action = fc.oneof(
  { weight: 4, arbitrary: pattern.map((p) => `-${p}`) },
  { weight: 4, arbitrary: pattern.map((p) => `+${p}`) },
  { weight: 2, arbitrary: fc.constantFrom("e", "=status", "=./other", "t", "x", "", "n3", "s9999", "z*") },
);
const directories = ["./l1", "./.hid", "..l2", "./l3/"];
const script = fc
  .tuple(fc.boolean(), fc.array(fc.array(action, { maxLength: 3 }), { minLength: 1, maxLength: 4 }))
  .map(([stamp, groups]) => [
    ...(stamp ? ["t"] : []),
    ...groups.flatMap((group, i) => [...group, directories[i] as string]),
  ]);

test.skipIf(!haveC)(
  "scripts of every action select the same lines, and leave the same directories",
  async () => {
    await fc.assert(
      fc.asyncProperty(script, input, (script, input) => same({ script, input })),
      { numRuns: 200, interruptAfterTimeLimit: 40_000 },
    );
  },
);

test.skipIf(!haveC)(
  "a second run goes on where the first has ended, whichever of the two it was",
  async () => {
    await fc.assert(
      fc.asyncProperty(script, input, input, async (script, first, second) => {
        await using box = new Sandbox(memory);
        const before = { script, input: first };
        const after = { script, input: second };
        const expected = run(theirs("multilog"), box.directory("c"), [before, after]);
        const mixed = box.directory("mixed");
        run(theirs("multilog"), mixed, [before]);
        const seen = run(ours("multilog"), mixed, [after]);
        const other = box.directory("other");
        run(ours("multilog"), other, [before]);
        run(theirs("multilog"), other, [after]);
        expect(seen.files).toEqual(expected.files);
        expect(look(other)).toEqual(expected.files);
      }),
      { numRuns: 25, interruptAfterTimeLimit: 40_000 },
    );
  },
);

test.skipIf(!haveC)("files are cut within the same rule, and together hold the same bytes", async () => {
  const many = fc
    .array(fc.constantFrom("short", "m".repeat(90), "l".repeat(700), "x".repeat(2500), "h".repeat(9000)), {
      minLength: 20,
      maxLength: 120,
    })
    .map((lines) => `${lines.join("\n")}\n`);
  await fc.assert(
    fc.asyncProperty(many, fc.boolean(), fc.constantFrom(4096, 5000, 20000), async (input, stamp, size) => {
      await using box = new Sandbox(memory);
      const script = [...(stamp ? ["t"] : []), `s${size}`, "n1000", "./l"];
      const c = box.directory("c");
      const tend = box.directory("tend");
      run(theirs("multilog"), c, [{ script, input }]);
      run(ours("multilog"), tend, [{ script, input }]);
      expect(unlabelled(logged(join(tend, "l")))).toBe(unlabelled(logged(join(c, "l"))));
      expectRotated(join(tend, "l"), size);
      const kinds = (dir: string) =>
        new Set(logFiles(join(dir, "l")).map(({ name, mode }) => `${unlabelled(name)} ${mode}`));
      expect(kinds(tend)).toEqual(kinds(c));
    }),
    { numRuns: 40, interruptAfterTimeLimit: 40_000 },
  );
});

test.each([
  ["no action", [], "x\n"],
  ["no input", ["./l"], ""],
  ["an unknown action", ["q", "./l"], "x\n"],
  ["t that is not first", ["./l", "t", "./m"], "x\n"],
  ["sizes without digits and out of range", ["s", "./l", "sabc", "./m", "s99999999999", "n", "./n"], "x\n"],
  ["the directory is the current one", ["."], "x\n"],
  ["a directory below a missing one", ["./no/such"], "x\n"],
  ["a status file that cannot be made", ["=no/such"], "x\n"],
  ["a long line to standard error", ["e"], `${"x".repeat(500)}\n`],
  ["a processor that is never needed", ["!cat", "./l"], "x\n"],
])("as in C: %s", async (_, script, input) => {
  if (haveC) await same({ script, input });
});

test.skipIf(!haveC)("a processor sees the file, and its state", async () => {
  const script = ["s4096", "n5", "!tr a-z A-Z; cat <&4 >&5; echo run >&5", "./l"];
  await same({ script, input: `${"x".repeat(4000)}\nend\n` });
});

test.skipIf(!haveC)("a directory twice is refused as in C; the first is left as it was", async () => {
  await using box = new Sandbox(memory);
  const runs = [{ script: ["./l", "./l"], input: "x\n" }];
  const c = run(theirs("multilog"), box.directory("c"), runs);
  const tend = run(ours("multilog"), box.directory("tend"), runs);
  expect([tend.code, tend.stderr]).toEqual([c.code, c.stderr]);
  expect(tend.files).toEqual({ l: [["lock", "600", ""]] });
});
