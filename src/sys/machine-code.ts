// Machine code that this program brings with it, for the few things that cannot be done in JavaScript: x86-64 alone.
import { libc, view } from "./libc.ts";

const PAGE = 4096;
const PROT_READ = 1;
const PROT_WRITE = 2;
const PROT_EXEC = 4;
const MAP_PRIVATE = 2;
const MAP_ANONYMOUS = 0x20;

/**
 * The address of `code`, at most 4096 bytes for x86-64, where it can be executed and nobody can change it; undefined on
 * another processor, or where memory may not be made executable.
 */
export function executable(code: ArrayLike<number>): number | undefined {
  if (process.arch !== "x64") return undefined;
  const page = libc.mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page >= 2 ** 63) return undefined;
  view(page, PAGE).set(code);
  if (libc.mprotect(page, PAGE, PROT_READ | PROT_EXEC) === 0) return page;
  libc.munmap(page, PAGE);
  return undefined;
}
