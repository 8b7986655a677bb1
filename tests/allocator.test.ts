// A default of the runtime's allocator is changed in the executable, in the right place or not at all.
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { changeOption } from "../scripts/allocator.ts";
import { ours } from "./support/programs.ts";
import { Sandbox, SLEEPER } from "./support/sandbox.ts";

const BASE = 0x200000;
const TABLE = 0x200;

/** An executable with a table of options in it: names with their values, in order. */
function executable(options: readonly (readonly [name: string, value: number])[]): Buffer {
  const file = Buffer.alloc(0x400);
  file.write("\x7fELF", 0, "latin1");
  file.writeBigUInt64LE(64n, 32); // one program header, ...
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, 64); // ... all of it loaded
  file.writeBigUInt64LE(BigInt(BASE), 64 + 16);
  file.writeBigUInt64LE(BigInt(file.length), 64 + 32);
  let text = 0x100;
  for (const [i, [name, value]] of options.entries()) {
    const entry = TABLE + 32 * i;
    file.writeBigInt64LE(BigInt(value), entry);
    file.writeUInt32LE(i, entry + 12);
    file.writeBigUInt64LE(BigInt(BASE + text), entry + 16);
    text += file.write(`${name}\0`, text, "latin1");
  }
  return file;
}

const table = [
  ["verbose", 0],
  ["mi-scavenger", 5],
  ["scavenger", 1],
  ["purge", 1],
] as const;

test("the option of that name and number gets another default, and nothing else changes", () => {
  const file = executable(table);
  expect(changeOption(file, "scavenger", 2, 1n, 0n)).toBe(true);
  expect(file).toEqual(executable([...table.slice(0, 2), ["scavenger", 0], ...table.slice(3)]));
});

test("an option with another number, another default, or in no executable is left alone", () => {
  for (const [name, place, from] of [
    ["scavenger", 3, 1n],
    ["scavenger", 2, 7n],
    ["collector", 2, 1n],
  ] as const) {
    const file = executable(table);
    expect(changeOption(file, name, place, from, 0n)).toBe(false);
    expect(file).toEqual(executable(table));
  }
  const text = Buffer.from("#!/bin/sh\nscavenger\0".repeat(10));
  expect(changeOption(text, "scavenger", 2, 1n, 0n)).toBe(false);
});

test("no supervisor and no logger has a thread that wakes to look after memory", async () => {
  await using box = new Sandbox();
  box.service("scan/web", { run: SLEEPER, log: `#!/bin/sh\nexec ${ours("multilog")} ./main\n` });
  const svscan = box.svscan(box.at("scan"));
  const logger = await box.became("multilog", box.at("scan/web/log"));
  for (const process of [svscan.pid, logger]) {
    const threads = readdirSync(`/proc/${process}/task`).map((thread) =>
      readFileSync(`/proc/${process}/task/${thread}/comm`, "latin1").trim(),
    );
    expect(threads).not.toContain("mi-scavenger");
  }
});
