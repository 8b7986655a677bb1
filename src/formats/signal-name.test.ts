import { expect, test } from "bun:test";
import { signo } from "../units/units.ts";
import { signalName, signalNamed } from "./signal-name.ts";

test("a signal is named with or without SIG, in any case, or by its number", () => {
  for (const text of ["TERM", "SIGTERM", "term", "sigterm", "15"]) expect(signalNamed(text)).toBe(signo(15));
  expect(signalNamed("SIGRTMIN+3")).toBe(signo(37));
});

test("every number has a name, and the name that number", () => {
  for (let number = 1; number <= 64; number++) expect(signalNamed(signalName(number))).toBe(signo(number));
});

test("what is no signal is none", () => {
  for (const text of ["", "0", "65", "-1", "TERMINATE", "SIG", "RTMIN+31", "constructor", "1.5", "\xff"])
    expect(signalNamed(text)).toBeUndefined();
});
