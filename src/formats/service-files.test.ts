import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { signo } from "../units/units.ts";
import { FormatError } from "./format-error.ts";
import { ASKING, asked, askedBy, asking, finishArguments, isValueFile } from "./service-files.ts";

test("of the names in a directory only those that ask for something count", () => {
  const names = [".", "..", "run", "down", "log", "supervise", "Finish", "finish", "constructor"];
  expect(asking([...names, "process-group"])).toEqual(["finish", "process-group"]);
  expect(askedBy("process-group")).toEqual({ group: true });
});

test("notification-fd is a descriptor above the three that have a meaning", () => {
  expect(asked("notification-fd", "3\n")).toEqual({ notificationFd: 3 });
  expect(asked("notification-fd", "2147483647")).toEqual({ notificationFd: 2147483647 });
  for (const text of ["", "0", "1", "2", "-3", "3.5", "0x3", "2147483648", "9".repeat(400), "three"])
    expect(() => asked("notification-fd", text)).toThrow(FormatError);
});

test("watchdog and timeout-ready are milliseconds; sd-notify and check ask by being there", () => {
  expect(asked("watchdog", "1500")).toEqual({ watchdogMs: 1500 });
  expect(asked("timeout-ready", "0")).toEqual({ timeoutReadyMs: 0 });
  expect([askedBy("sd-notify"), askedBy("check")]).toEqual([{ sdNotify: true }, { check: true }]);
});

describe("timeout-finish", () => {
  test("is the first line, a number of milliseconds", () => {
    for (const [text, timeoutFinishMs] of [
      ["0", 0],
      ["250\n", 250],
      [" 7 \nmore", 7],
      ["4294967295\n", 4294967295],
    ] as const)
      expect(asked("timeout-finish", text)).toEqual({ timeoutFinishMs });
  });

  test("that says anything else is refused", () => {
    for (const text of [
      "",
      "\n5",
      "-1",
      "1e3",
      "0x10",
      "1.5",
      "5s",
      "4294967296",
      "9".repeat(4096),
      "\0\xff",
    ])
      expect(() => asked("timeout-finish", text)).toThrow(FormatError);
  });
});

test("down-signal is a name or a number", () => {
  expect(asked("down-signal", "SIGUSR1\n")).toEqual({ downSignal: signo(10) });
  for (const text of ["", "0", "TERM KILL", "SIGFOO"])
    expect(() => asked("down-signal", text)).toThrow(FormatError);
});

test("timeout-kill is a number of milliseconds, max-death-tally one up to 4096", () => {
  expect(asked("timeout-kill", "3000\n")).toEqual({ timeoutKillMs: 3000 });
  expect(asked("max-death-tally", "4096")).toEqual({ deathTally: 4096 });
  expect(() => asked("max-death-tally", "4097")).toThrow(FormatError);
});

test("whatever a file says, it is understood or refused", () => {
  const bytes = fc.uint8Array({ maxLength: 64 }).map((all) => String.fromCharCode(...all));
  for (const name of ASKING.filter(isValueFile))
    fc.assert(
      fc.property(bytes, (text) => {
        try {
          asked(name, text);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
    );
});

test("finish is told the exit code, or 256 and the signal, then the name and the dead run's pid", () => {
  expect(finishArguments({ exited: 3 }, "web", 42)).toEqual(["./finish", "3", "0", "web", "42"]);
  expect(finishArguments({ killed: 9, coreDumped: false }, "web", 42)).toEqual([
    "./finish",
    "256",
    "9",
    "web",
    "42",
  ]);
  expect(finishArguments(undefined, "web", 42)).toEqual(["./finish", "256", "0", "web", "42"]);
});
