import { expect, test } from "bun:test";
import { parseScript } from "./log-script.ts";

const keepingOf = (...args: string[]) =>
  parseScript(args).actions.flatMap((action) => (action.do === "log" ? [action.keeping] : []));

test("the first character says what an argument is; what has no meaning is ignored", () => {
  const { actions } = parseScript(["-a*", "+b", "e", "extra", "=f", ".", "..x", "/y", "", "zz", "t"]);
  expect(actions.map((action) => action.do)).toEqual([
    ...["deselect", "select", "alert", "alert", "status", "log", "log", "log"],
  ] as never);
});

test("t and T count as the first argument alone, whatever follows the letter", () => {
  expect(parseScript(["t"]).stamp).toBe("tai64n");
  expect(parseScript(["text"]).stamp).toBe("tai64n");
  expect(parseScript(["T"]).stamp).toBe("iso8601");
  expect(parseScript(["e", "t"]).stamp).toBe("none");
  expect(parseScript([]).stamp).toBe("none");
});

test.each([
  ["s", 4096],
  ["sabc", 4096],
  ["s4095", 4096],
  ["s5000x7", 5000],
  ["s16777216", 16777215],
  ["s18446744073709556616", 5000],
])("%s is a size of %d bytes", (arg, size) => {
  expect(keepingOf(arg, "./x")[0]?.size).toBe(size);
});

test("settings hold for the directories after them", () => {
  expect(keepingOf("./a", "s5000", "n3", "!p", "./b", "n1", "&q", "S9", "R8", "N7", "./c")).toEqual([
    { size: 99999, files: 10, total: undefined, age: undefined, least: undefined, processor: undefined },
    {
      ...{ size: 5000, files: 3, total: undefined, age: undefined, least: undefined },
      processor: { command: "p", beside: false },
    },
    { size: 5000, files: 2, total: 9, age: 8, least: 7, processor: { command: "q", beside: true } },
  ]);
});
