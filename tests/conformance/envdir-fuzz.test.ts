// Directories made at random, given to the C envdir and to ours: the same environment, the same complaint, never a crash.
import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { haveC, ours, theirs } from "../support/programs.ts";
import { Sandbox } from "../support/sandbox.ts";

/** Bytes that mean something to envdir, or to anybody, and the rest. */
const byte = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(..."\0\n \t\r=x/.\\\x7f\x80\xff".split("").map((c) => c.charCodeAt(0))),
  },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) },
);
const content = fc.oneof(
  { weight: 8, arbitrary: fc.array(byte, { maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.integer({ min: 1000, max: 200_000 }).map((n) => Buffer.alloc(n, "long ")) },
  { weight: 1, arbitrary: fc.integer({ min: 1000, max: 200_000 }).map((n) => Buffer.alloc(n, "line\n")) },
);
const name = fc
  .array(fc.constantFrom("A", "B", "PATH", "UID", "=", ".", "-", " ", "\n", "\xc3\xa9", "\xff", "x"), {
    minLength: 1,
    maxLength: 5,
  })
  .map((parts) => Buffer.from(parts.join(""), "latin1"))
  .filter((bytes) => ![".", ".."].includes(bytes.toString("latin1")));
type Entry =
  | { readonly kind: "file"; readonly content: Buffer }
  | { readonly kind: "directory" | "loop" | "device" };
const entry: fc.Arbitrary<Entry> = fc.oneof(
  { weight: 30, arbitrary: content.map((bytes): Entry => ({ kind: "file", content: bytes })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Entry>({ kind: "directory" }, { kind: "loop" }, { kind: "device" }),
  },
);
const directory = fc.uniqueArray(fc.tuple(name, entry), {
  maxLength: 12,
  selector: ([bytes]) => bytes.toString("latin1"),
});
const variable = fc
  .tuple(
    fc.constantFrom("A", "B", "AB", "PATH", "UID", "x", "Z"),
    fc.string({ unit: fc.constantFrom("1", "=", " "), maxLength: 3 }),
  )
  .map(([n, v]) => `${n}=${v}`);

function fill(path: string, entries: readonly (readonly [Buffer, Entry])[]): void {
  mkdirSync(path);
  for (const [bytes, made] of entries) {
    const at = Buffer.concat([Buffer.from(`${path}/`), bytes]);
    if (made.kind === "file") writeFileSync(at, made.content);
    else if (made.kind === "directory") mkdirSync(at);
    else symlinkSync(made.kind === "loop" ? bytes : "/dev/null", at);
  }
}

const run = (program: string, path: string, env: readonly string[]) => {
  const { exitCode, stdout, stderr } = Bun.spawnSync(
    ["/usr/bin/env", "-i", ...env, program, path, "/usr/bin/env", "-0"],
    { stdin: "ignore" },
  );
  return { exitCode, stdout: stdout.toString("latin1"), stderr: stderr.toString("latin1") };
};

test.skipIf(!haveC)("envdir does the same as C with any directory", () => {
  using box = { path: new Sandbox(), [Symbol.dispose]: () => box.path.clear() };
  let made = 0;
  fc.assert(
    fc.property(directory, fc.array(variable, { maxLength: 6 }), (entries, env) => {
      const path = box.path.at(`e${++made}`);
      fill(path, entries);
      expect(run(ours("envdir"), path, env)).toEqual(run(theirs("envdir"), path, env));
    }),
    { numRuns: 300, interruptAfterTimeLimit: 30_000 },
  );
});
