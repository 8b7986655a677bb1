import { expect, test } from "bun:test";
import { duration, type Row, size, toJson, toTable } from "./status-rows.ts";

const down: Row = {
  ...{ name: "mail", state: "down", ready: null, statusText: null, pid: null, want: "down" },
  ...{ normallyUp: true, seconds: 40, restarts: null, lastExit: null, failure: null },
  ...{ nextStartSeconds: null, processes: null, left: null, memoryBytes: null, cpuSeconds: null },
  problems: [],
  log: null,
};
const up: Row = {
  ...down,
  ...{
    name: "web",
    state: "up",
    pid: 4287,
    want: "up",
    seconds: 12.5,
    restarts: 0,
    memoryBytes: 2.1 * 2 ** 20,
  },
  ...{ cpuSeconds: 0.04, log: { ...down, name: "log", state: "up", pid: 4285 } },
};

test("the table is aligned, numbers to the right, and no line has blanks at its end", () => {
  expect(toTable([down, up], false)).toBe(
    [
      "SERVICE  STATE  READY   PID  FOR  RESTARTS  LAST EXIT  MEMORY    CPU  LOG",
      "mail     down   -         -  40s         -  -               -      -  -",
      "web      up     -      4287  12s         0  -            2.1M  0.04s  up (4285)",
      "",
    ].join("\n"),
  );
});

test("how it ended last, and why it is not started again, stand together", () => {
  const lastExit = { at: 0, code: 100, signal: null, reason: null };
  const waits: Row = { ...down, state: "backoff", lastExit, nextStartSeconds: 61.5 };
  expect(toTable([waits], false)).toContain(" code 100: again in 1m01s ");
  const failed: Row = { ...down, state: "failed", lastExit, failure: "run exited 100" };
  expect(toTable([failed], false)).toContain(" code 100: run exited 100 ");
  expect(toTable([{ ...down, lastExit: { ...lastExit, code: null, signal: "SIGKILL" } }], false)).toContain(
    " SIGKILL ",
  );
  expect(toTable([{ ...down, lastExit: { ...lastExit, code: null } }], false)).toContain(" ? ");
  const barked = { at: 0, code: null, signal: "SIGABRT", reason: "watchdog" };
  expect(toTable([{ ...down, lastExit: barked }], false)).toContain(" SIGABRT: watchdog ");
});

test("whether it is ready, and what it says of itself where any does", () => {
  const ready: Row = { ...up, ready: true, statusText: "Serving\x1b[2J" };
  const [heads = "", first = "", second = ""] = toTable([ready, { ...up, ready: false }], false).split("\n");
  expect(heads).toEndWith("  LOG        SAYS");
  expect(first).toMatch(/^web {6}up +yes .* {2}up \(4285\) {2}Serving\?\[2J$/);
  expect(second).toMatch(/^web {6}up +no .* {2}up \(4285\) {2}-$/);
});

test("only the state is coloured, and the columns stay where they are", () => {
  const plain = toTable([down, up], false);
  const colored = toTable([down, up], true);
  expect(colored).toContain("\x1b[32mup   \x1b[0m");
  expect(colored.replaceAll("\x1b[32m", "").replaceAll("\x1b[0m", "")).toBe(plain);
});

test("a hostile name moves no cursor and makes no line; in JSON it is what it is", () => {
  const hostile = { ...down, name: "a\n\x1b[2J\x9b\xff", problems: ["no\nway"] };
  expect(toTable([hostile], false)).toContain("a??[2J??  down");
  expect(toTable([hostile], false)).toContain("a??[2J??: no?way\n");
  const text = toJson([hostile]);
  expect(text).toMatch(/^[ -~\n]*$/);
  expect(JSON.parse(text)).toEqual({ version: 1, services: [hostile] });
});

test("UTF-8 is shown as it is, counted in characters, and told in JSON; its controls are not shown", () => {
  const bytes = (text: string) => Buffer.from(text).toString("latin1");
  const greek: Row = {
    ...up,
    name: bytes("\u03b1\u03b2\u20ac\u{1f600}"),
    statusText: bytes("50\u00a0%\u0085\u2026"),
  };
  const [, first = "", second = ""] = toTable([greek, { ...up, name: "abcd" }], false).split("\n");
  expect(Buffer.from(first, "latin1").toString()).toMatch(
    /^\u03b1\u03b2\u20ac\u{1f600} {5}up {5}- .* 50\u00a0%\?\?\u2026$/u,
  );
  expect(second).toMatch(/^abcd {5}up {5}- /);
  const text = toJson([greek]);
  expect(text).toMatch(/^[ -~\n]*$/);
  expect(JSON.parse(text).services[0]).toMatchObject({
    name: "\u03b1\u03b2\u20ac\u{1f600}",
    statusText: "50\u00a0%\u0085\u2026",
  });
});

test("who is left of a service is named below the table, and of a logger too", () => {
  const left = [
    { pid: 7, command: "sh" },
    { pid: 8, command: "sl\neep" },
  ];
  const row: Row = {
    ...up,
    state: "emptying",
    left,
    log: { ...up, name: "log", left: left.slice(1), problems: ["no"] },
  };
  expect(toTable([row], false)).toEndWith(
    "\nweb: 2 processes are left: 7 sh, 8 sl?eep\nweb/log: 1 process is left: 8 sl?eep\nweb/log: no\n",
  );
  const many = Array.from({ length: 25 }, (_, i) => ({ pid: i + 1, command: "x" }));
  expect(toTable([{ ...row, left: many, log: null }], false)).toContain(
    "web: 25 processes are left: 1 x, 2 x,",
  );
  expect(toTable([{ ...row, left: many, log: null }], false)).toEndWith(", 20 x, ...\n");
});

test("durations and sizes are short", () => {
  expect([0, 59.9, 60, 3599, 3600, 86_399, 86_400, 270_000].map(duration)).toEqual([
    ...["0s", "59s", "1m00s", "59m59s", "1h00m", "23h59m", "1d00h", "3d03h"],
  ]);
  expect([0, 655_360, 1.5 * 2 ** 30].map(size)).toEqual(["0K", "640K", "1.5G"]);
});
