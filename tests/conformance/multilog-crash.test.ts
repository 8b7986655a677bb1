// What a crash has left in a log directory, taken over by C multilog and by ours. The states are those of the table in
// docs/formats.md, and each is made by hand so that both find the same.
import { expect, test } from "bun:test";
import { chmodSync, existsSync, linkSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { logFiles, unlabelled } from "../support/log-dir.ts";
import { haveC, ours, theirs } from "../support/programs.ts";
import { Sandbox } from "../support/sandbox.ts";

const memory = existsSync("/dev/shm") ? "/dev/shm" : undefined;

type File = readonly [mode: number, content: string];
type State = {
  readonly files: { readonly [name: string]: File };
  readonly links?: readonly [string, string];
};

function make(directory: string, { files, links }: State): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, [mode, content]] of Object.entries(files)) {
    writeFileSync(join(directory, name), content);
    chmodSync(join(directory, name), mode);
  }
  if (links !== undefined) linkSync(join(directory, links[0]), join(directory, links[1]));
}

const OLD = "@400000003b4a39c23294b13c.s";
const current = [0o644, "current\n"] as const;
const previous = [0o744, "previous\n"] as const;

const states: readonly (readonly [string, State, (readonly string[])?, string?])[] = [
  ["current in use becomes .u", { files: { current } }],
  ["an empty current in use becomes .u", { files: { current: [0o644, ""] } }],
  ["previous becomes .u, then current", { files: { current, previous } }],
  ["previous in use becomes .u, then current", { files: { current, previous: [0o644, "previous\n"] } }],
  [
    "a finished processed replaces previous",
    {
      files: {
        current,
        previous,
        processed: [0o744, "processed\n"],
        newstate: [0o644, "new"],
        state: [0o644, "x"],
      },
    },
  ],
  [
    "an unfinished processed is removed",
    {
      files: {
        current,
        previous,
        processed: [0o644, "processed\n"],
        newstate: [0o644, "new"],
        state: [0o644, "x"],
      },
    },
  ],
  ["previous without current", { files: { previous } }],
  ["processed without previous", { files: { current, processed: [0o744, "processed\n"] } }],
  [
    "previous that has an old log's name as well is removed",
    { files: { current, previous }, links: ["previous", OLD] },
  ],
  ["current that has an old log's name as well is removed", { files: { current }, links: ["current", OLD] }],
  ["after a clean end current goes on", { files: { current: [0o744, "current\n"], state: [0o644, "kept"] } }],
  ["after a clean end previous stays", { files: { current: [0o744, "current\n"], previous } }],
  [
    "a clean current that is too long is rotated before the first write",
    { files: { current: [0o744, "x\n".repeat(3000)] } },
    ["s4096", "./l"],
    "more\n",
  ],
  [
    "a clean current that is too long is rotated, and processed",
    { files: { current: [0o744, "x\n".repeat(3000)], state: [0o644, "before"] } },
    ["s4096", "!cat; echo done >&5", "./l"],
    "more\n",
  ],
  [
    "old logs that are too many go, oldest first",
    {
      files: Object.fromEntries([
        ["current", current],
        ...Array.from({ length: 8 }, (_, i) => [
          `@3${i}`.padEnd(25, "0") + (i % 2 ? ".s" : ".gz"),
          [0o744, `${i}`],
        ]),
      ]),
    },
    ["n4", "./l"],
  ],
  [
    "names that are no old logs stay",
    { files: { current, "@short": [0o644, ""], x: [0o600, "x"] } },
    ["n2", "./l"],
  ],
];

test.each(states)("as in C: %s", async (_, state, script = ["./l"], input = "next\n") => {
  if (!haveC) return;
  await using box = new Sandbox(memory);
  const seen = [theirs("multilog"), ours("multilog")].map((program, i) => {
    const cwd = box.directory(`${i}`);
    make(join(cwd, "l"), state);
    const { exitCode, stderr } = Bun.spawnSync([program, ...script], { cwd, stdin: Buffer.from(input) });
    const files = logFiles(join(cwd, "l")).map((file) => ({ ...file, name: unlabelled(file.name) }));
    return { exitCode, stderr: stderr.toString(), files };
  });
  expect(seen[1]).toEqual(seen[0] as (typeof seen)[0]);
});

test.each(states)(
  "what ours has made of it C goes on with: %s",
  async (_, state, script = ["./l"], input = "next\n") => {
    if (!haveC) return;
    await using box = new Sandbox(memory);
    const orders = [
      [theirs, theirs],
      [ours, theirs],
      [theirs, ours],
    ] as const;
    const seen = orders.map((programs, i) => {
      const cwd = box.directory(`${i}`);
      make(join(cwd, "l"), state);
      for (const program of programs)
        Bun.spawnSync([program("multilog"), ...script], { cwd, stdin: Buffer.from(input) });
      return logFiles(join(cwd, "l")).map((file) => ({ ...file, name: unlabelled(file.name) }));
    });
    expect(seen[1]).toEqual(seen[0] as (typeof seen)[0]);
    expect(seen[2]).toEqual(seen[0] as (typeof seen)[0]);
  },
);
