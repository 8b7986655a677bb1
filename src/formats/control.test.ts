import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { GoldenControl } from "../../tests/golden/capture.ts";
import { bytesOf } from "../units/units.ts";
import {
  CONTROL_LETTERS,
  type Command,
  type ControlLetter,
  decodeControl,
  encodeControl,
} from "./control.ts";

const golden: GoldenControl[] = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../tests/golden/control.json"), "utf8"),
);

describe("what the C svc wrote", () => {
  for (const { argv, bytes } of golden) {
    test(`svc ${argv.join(" ") || "without options"}`, () => {
      const letters = [...new Set(argv.join("").replaceAll("-", ""))] as ControlLetter[];
      const commands = [...Buffer.from(bytes, "hex")].map(decodeControl);
      expect(commands).toEqual(letters.map((letter) => CONTROL_LETTERS[letter]));
      expect(Buffer.from(bytesOf(encodeControl(commands as Command[]))).toString("hex")).toBe(bytes);
    });
  }
});

test.each([
  ["u", "up"],
  ["d", "down"],
  ["o", "once"],
  ["x", "exit"],
  ["p", "pause"],
  ["c", "continue"],
  ["h", "hup"],
  ["a", "alarm"],
  ["i", "interrupt"],
  ["t", "term"],
  ["k", "kill"],
] as const)("%s is %s, both ways", (letter, command) => {
  expect(decodeControl(letter.charCodeAt(0))).toBe(command);
  expect(encodeControl([command])).toBe(letter);
});

test("every byte but the eleven letters means nothing", () => {
  const known = Array.from({ length: 256 }, (_, byte) => byte).filter(
    (byte) => decodeControl(byte) !== undefined,
  );
  expect(String.fromCharCode(...known)).toBe("acdhikoptux");
});
