// The kernel puts the environment at the very end of the stack: behind it there may be no memory.
import { expect, test } from "bun:test";
import { lengthOf } from "./environment.ts";
import { latin1, libc, view } from "./libc.ts";

const PAGE = 4096;
const PROT_NONE = 0;
const PROT_READ_WRITE = 3;
const MAP_PRIVATE_ANONYMOUS = 0x22;

test("a string that ends where memory ends is read, and nothing behind it", () => {
  const pages = libc.mmap(0, 2 * PAGE, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
  libc.mprotect(pages + PAGE, PAGE, PROT_NONE);
  view(pages, PAGE - 1).fill(0x41);
  for (let length = 0; length < PAGE; length++) {
    const address = pages + PAGE - 1 - length;
    expect(lengthOf(address)).toBe(length);
    expect(latin1(view(address, length))).toBe("A".repeat(length));
  }
  libc.munmap(pages, 2 * PAGE);
});
