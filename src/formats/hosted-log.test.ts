import { expect, test } from "bun:test";
import { FormatError } from "./format-error.ts";
import { decodeLogArguments, decodeLogUser } from "./hosted-log.ts";

test("log/multilog has an argument of multilog on each line", () => {
  expect(decodeLogArguments("t\n\n# comment\ns4096\n-* debug *\n./main\n")).toEqual([
    "t",
    "s4096",
    "-* debug *",
    "./main",
  ]);
  expect(decodeLogArguments("=status")).toEqual(["=status"]);
  expect(decodeLogArguments("e")).toEqual(["e"]);
});

test("log/multilog that would throw every line away is refused", () => {
  for (const text of ["", "\n", "t\n", "hello, world\n", "#./main\n", "./main\0"])
    expect(() => decodeLogArguments(text)).toThrow(FormatError);
});

test("log/user is an account or two numbers", () => {
  expect(decodeLogUser("log\n")).toEqual({ account: "log" });
  expect(decodeLogUser("1000:100")).toEqual({ uid: 1000, gid: 100 });
  expect(decodeLogUser("1000\nmore\n")).toEqual({ account: "1000" });
  expect(decodeLogUser("4294967294:0")).toEqual({ uid: 4294967294, gid: 0 });
  for (const text of ["", "\n", "a\0b", "4294967295:0", "9999999999:1"])
    expect(() => decodeLogUser(text)).toThrow(FormatError);
});
