import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeNotification, MOST_STATUS } from "./sd-notify.ts";

test.each([
  ["READY=1", { ready: true }],
  ["READY=1\nSTATUS=Ready, 3 workers\nMAINPID=17\n", { ready: true, status: "Ready, 3 workers" }],
  ["RELOADING=1\nMONOTONIC_USEC=123456", { reloading: true }],
  ["STOPPING=1\nEXTEND_TIMEOUT_USEC=1500001", { stopping: true, extendMs: 1501 }],
  ["WATCHDOG=1", { watchdog: "alive" }],
  ["WATCHDOG=trigger", { watchdog: "trigger" }],
  ["WATCHDOG_USEC=3000000", { watchdogMs: 3000 }],
  ["WATCHDOG_USEC=0", { watchdogMs: 0 }],
  ["STATUS=", { status: "" }],
  ["STATUS=a=b", { status: "a=b" }],
] as const)("%j tells %j", (text, told) => {
  expect(decodeNotification(text)).toEqual(told);
});

test("of several of one name the first counts", () => {
  expect(decodeNotification("STATUS=first\nSTATUS=second\nWATCHDOG=trigger\nWATCHDOG=1")).toEqual({
    status: "first",
    watchdog: "trigger",
  });
});

test.each([
  "",
  "\n\n",
  "READY",
  "READY=",
  "READY=0",
  "READY=yes",
  " READY=1",
  "ready=1",
  "=1",
  "X_READY=1",
  "WATCHDOG=0",
  "WATCHDOG=2",
  "WATCHDOG_USEC=",
  "WATCHDOG_USEC=-1",
  "WATCHDOG_USEC=1e3",
  "WATCHDOG_USEC=18446744073709551615",
  "EXTEND_TIMEOUT_USEC=infinity",
  `EXTEND_TIMEOUT_USEC=${"9".repeat(400)}`,
  "BARRIER=1",
  "FDSTORE=1",
])("%j tells nothing", (text) => {
  expect(decodeNotification(text)).toEqual({});
});

test("a long status is cut", () => {
  expect(decodeNotification(`STATUS=${"x".repeat(1000)}`).status).toHaveLength(MOST_STATUS);
});

test.each(["\u00e9", "\u20ac", "\u{1f600}"])("it is cut between characters (%s)", (character) => {
  for (let before = 0; before < 8; before++) {
    const text = "x".repeat(before) + character.repeat(200);
    const { status = "" } = decodeNotification(`STATUS=${Buffer.from(text).toString("latin1")}`);
    const whole = Buffer.from(status, "latin1").toString();
    expect(text.startsWith(whole)).toBe(true);
    expect(status.length).toBeGreaterThan(MOST_STATUS - Buffer.from(character).length);
  }
});

test("no datagram is refused, and times are whole milliseconds", () => {
  const line = fc.oneof(
    fc.string(),
    fc
      .tuple(
        fc.constantFrom("READY", "STATUS", "WATCHDOG", "WATCHDOG_USEC", "EXTEND_TIMEOUT_USEC"),
        fc.oneof(fc.string(), fc.nat().map(String), fc.bigInt().map(String)),
      )
      .map(([name, value]) => `${name}=${value}`),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const { watchdogMs = 0, extendMs = 0 } = decodeNotification(lines.join("\n"));
      for (const ms of [watchdogMs, extendMs]) {
        expect(Number.isInteger(ms)).toBe(true);
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThan(2 ** 32);
      }
    }),
  );
});
