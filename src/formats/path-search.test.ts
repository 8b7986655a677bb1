import { describe, expect, test } from "bun:test";
import { PATH_DEFAULT, pathCandidates, search } from "./path-search.ts";

describe("the files that are tried", () => {
  test.each([
    ["no PATH: /bin, then /usr/bin", "env", undefined, ["/bin/env", "/usr/bin/env"]],
    ["each component in order", "env", "/a:/b/c", ["/a/env", "/b/c/env"]],
    ["an empty component means .", "env", "/a::/b", ["/a/env", "./env", "/b/env"]],
    ["an empty PATH is one empty component", "env", "", ["./env"]],
    ["a colon at either end means . too", "env", ":/a:", ["./env", "/a/env", "./env"]],
    ["a name with a slash is taken as it is", "a/env", "/b", ["a/env"]],
    ["so is one that begins with it", "/env", "/b", ["/env"]],
    ["and one that ends with it", "env/", "/b", ["env/"]],
    ["an empty name: the directories themselves", "", "/a:/b", ["/a/", "/b/"]],
    ["a trailing slash of a component stays", "env", "/a/", ["/a//env"]],
    ["bytes are taken as they are", "\xff", "/\xfe", ["/\xfe/\xff"]],
  ] as [string, string, string | undefined, string[]][])("%s", (_, name, path, expected) => {
    expect(pathCandidates(name, path)).toEqual(expected);
  });

  test("the default is that of the C program", () => expect(PATH_DEFAULT).toBe("/bin:/usr/bin"));
});

const [EPERM, ENOENT, E2BIG, ENOEXEC, EACCES, ENOTDIR, EISDIR, ETXTBSY, ELOOP] = [
  1, 2, 7, 8, 13, 20, 21, 26, 40,
];

describe("the search", () => {
  test.each([
    ["found at once", [undefined], undefined, 1],
    ["not there, then found", [ENOENT, undefined], undefined, 2],
    ["not to be executed, then found", [EACCES, undefined], undefined, 2],
    ["a directory, then found", [EISDIR, undefined], undefined, 2],
    ["nowhere", [ENOENT, ENOENT], ENOENT, 2],
    ["nowhere to look", [], ENOENT, 0],
    ["not to be executed, then nowhere", [EACCES, ENOENT], EACCES, 2],
    ["the last one remembered is told", [EACCES, EPERM, ENOENT], EPERM, 3],
    ["and again", [EISDIR, EPERM, EACCES], EACCES, 3],
    ["a component that is no directory ends it", [ENOTDIR, undefined], ENOTDIR, 1],
    ["a link loop ends it", [ENOENT, ELOOP, undefined], ELOOP, 2],
    ["no known format ends it", [ENOEXEC, undefined], ENOEXEC, 1],
    ["arguments too long end it", [E2BIG, undefined], E2BIG, 1],
    ["a file being written ends it", [ETXTBSY, undefined], ETXTBSY, 1],
    ["what ends it is told, not what was remembered", [EACCES, ENOEXEC], ENOEXEC, 2],
  ] as [string, (number | undefined)[], number | undefined, number][])(
    "%s",
    (_, outcomes, expected, attempts) => {
      const tried: string[] = [];
      const files = outcomes.map((_, i) => `file ${i}`);
      const code = search(files, (file) => {
        tried.push(file);
        return outcomes[tried.length - 1];
      });
      expect(code).toBe(expected);
      expect(tried).toEqual(files.slice(0, attempts));
    },
  );
});
