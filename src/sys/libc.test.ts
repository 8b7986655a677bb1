import { expect, test } from "bun:test";
import { byteString, bytesOf } from "../units/units.ts";

/** The module as a program finds it that has converted nothing yet, for each text. */
async function* libraries(texts: readonly string[]) {
  for (const [i, text] of texts.entries()) {
    yield { text, libc: (await import(`./libc.ts?${i}`)) as typeof import("./libc.ts") };
  }
}

const every = byteString(Uint8Array.from({ length: 255 }, (_, i) => i + 1));
const texts = [
  "",
  "ascii",
  "a\nb\x7f",
  "\x80",
  "\xe4", // latin1
  "\xc3\xa4", // UTF-8
  "\xef\xbb\xbfmark",
  "a\xf0\x9f\x98\x80",
  "\xff".repeat(300),
  every,
];

test("bytes become characters, each one", async () => {
  for await (const { text, libc } of libraries(texts)) {
    for (const other of ["first", text, "then", text]) expect(libc.latin1(bytesOf(other))).toBe(other);
  }
});

test("characters become bytes, and a NUL behind them", async () => {
  for await (const { text, libc } of libraries(texts)) {
    const arena = new libc.Arena(4096);
    for (const other of ["first", text, "then", text]) {
      const at = arena.cstring(other);
      expect(byteString(arena.slice(at, other.length + 1))).toBe(`${other}\0`);
    }
  }
});

test("so they do after many conversions", async () => {
  for await (const { text, libc } of libraries(["ascii", every])) {
    const arena = new libc.Arena(1024);
    for (let i = 0; i < 300; i++) {
      expect(libc.latin1(bytesOf(text))).toBe(text);
      const at = arena.reset().cstring(text);
      expect(byteString(arena.slice(at, text.length))).toBe(text);
    }
  }
});
