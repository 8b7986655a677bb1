// Memory from the kernel: a range of addresses, and files seen as memory. mmap(2), mlock(2)
import type { ByteString, Fd } from "../units/units.ts";
import { errnoOf, failure } from "./errno.ts";
import { AT_FDCWD, close, O_RDONLY, openat, read, readlinkat } from "./files.ts";
import { latin1, libc, view } from "./libc.ts";
import { guardPages } from "./lost-pages.ts";

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;

/** A file's first bytes, shared with the file: what is stored here is in the file, whatever becomes of this process. */
export type Mapping = { readonly bytes: Uint8Array; readonly address: number; readonly unmap: () => void };

/**
 * Maps the first `length` bytes of an open file. The descriptor may be closed afterwards. The bytes must be there already,
 * with disk space behind them: a store into a hole of a full file system ends the process (SIGBUS).
 * @throws {ErrnoError} ENODEV where the file system cannot, ENOMEM, EACCES
 */
export function mapShared(file: Fd, length: number): Mapping {
  const address = libc.mmap(0, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  // MAP_FAILED is the highest address there is.
  if (address >= 2 ** 63) throw failure("mmap");
  return { bytes: view(address, length), address, unmap: () => void libc.munmap(address, length) };
}

const PAGE = 4096;
const PROT_NONE = 0;
const MAP_PRIVATE = 2;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;

/** The addresses that pages of files are shown at, one after the other; and those that are free again. */
let pages: { readonly base: number; used: number; readonly free: number[] } | undefined;
/** Addresses for so many, twice what 50 000 pairs need; they cost nothing. */
const MOST_PAGES = 1 << 18;

/**
 * Maps the first page of an open file, as mapShared does; but a page that the file loses is zeros from then on, instead of
 * the end of this process (lost-pages.ts). @throws {ErrnoError} as mapShared
 */
export function mapPage(file: Fd): Mapping {
  pages ??= reservePages();
  const { base, free } = pages;
  const address = free.pop() ?? base + PAGE * pages.used;
  if (address >= base + PAGE * MOST_PAGES) return mapShared(file, PAGE);
  try {
    map(address, PAGE, MAP_SHARED | MAP_FIXED, file);
  } catch (error) {
    if (address < base + PAGE * pages.used) free.push(address);
    throw error;
  }
  if (address === base + PAGE * pages.used) pages.used++;
  const unmap = () => {
    libc.mmap(address, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    free.push(address);
  };
  return { bytes: view(address, PAGE), address, unmap };
}

/** What was stored in them is in the files: the pages are the kernel's again until one is touched. */
export function letGoOfPages(): void {
  if (pages !== undefined) libc.madvise(pages.base, PAGE * pages.used, MADV_DONTNEED);
}

/** @throws {ErrnoError} ENOMEM */
function reservePages(): NonNullable<typeof pages> {
  const size = MOST_PAGES * PAGE;
  const base = libc.mmap(0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base >= 2 ** 63) throw failure("mmap");
  guardPages(base, size);
  return { base, used: 0, free: [] };
}

/** A range of memory, all zeros, that lasts as long as the process. Pages cost nothing until they are touched. */
export class Region {
  readonly base: number;
  readonly bytes: Uint8Array;

  /** @param size in bytes, a multiple of the page size @throws {ErrnoError} ENOMEM */
  constructor(readonly size: number) {
    this.base = mapNothing(0, size);
    this.bytes = view(this.base, size);
  }

  /**
   * Shows the first `length` bytes of `file` at `offset`, instead of what was there: a store there is a store into the
   * file, which the kernel keeps whatever becomes of this process.
   * @param offset a multiple of the page size, as `length`
   * @throws {ErrnoError} ENODEV where the file system cannot. What was there is still there then.
   */
  show(file: Fd, offset: number, length: number): void {
    map(this.base + offset, length, MAP_SHARED | MAP_FIXED, file);
  }

  /** From now on these bytes are zeros and no file's, as at first. @param offset a multiple of the page size, as `length` */
  clear(offset: number, length: number): void {
    mapNothing(this.base + offset, length);
  }

  /** Keeps these pages in memory, so that no access to them ever waits. mlock(2). @returns false where that is not allowed */
  lock(offset: number, length: number): boolean {
    return libc.mlock(this.base + offset, length) === 0;
  }
}

/** Memory of nobody's, at `address` or, if that is 0, anywhere. */
const mapNothing = (address: number, length: number): number => {
  const place = address === 0 ? 0 : MAP_FIXED;
  return map(address, length, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | place, -1);
};

function map(address: number, length: number, flags: number, file: number): number {
  const result = libc.mmap(address, length, PROT_READ | PROT_WRITE, flags, file, 0);
  if (result >= 2 ** 63) throw failure("mmap");
  return result;
}

const MADV_DONTNEED = 4;

/**
 * Gives back the pages of this executable that are in memory: what is needed again is mapped again, from the page cache.
 * The runtime's start touches 33 MB of it, of which a process that waits for events needs a tenth. Only what nobody writes
 * to, and nobody has written to: such a page would come back as it is in the file. Without /proc nothing is done.
 */
export function letGoOfExecutable(): void {
  // Nothing is done in between or afterwards that could be done before.
  for (const [address, length] of unwritten()) libc.madvise(address, length, MADV_DONTNEED);
}

/** The mappings of this executable that are as the file is: address and length. */
function unwritten(): (readonly [number, number])[] {
  const found: (readonly [number, number])[] = [];
  try {
    const executable = readlinkat(AT_FDCWD, "/proc/self/exe");
    let mapping: readonly ByteString[] = [];
    for (const line of firstMappings().split("\n")) {
      // `FROM-TO ACCESS OFFSET DEVICE INODE  FILE`, and then what is known of it, `NAME: NUMBER kB`.
      if (line.endsWith(executable)) mapping = line.split(" ");
      else if (line.startsWith("Anonymous:")) {
        const [range = "", access = ""] = mapping;
        if (access.startsWith("r-") && line.endsWith(" 0 kB")) {
          const [from = 0, to = 0] = range.split("-").map((address) => Number.parseInt(address, 16));
          found.push([from, to - from]);
        }
        mapping = [];
      }
    }
  } catch (error) {
    errnoOf(error);
  }
  return found;
}

/** The beginning of /proc/self/smaps, where an executable has its four or five mappings: there may be thousands more. */
function firstMappings(): ByteString {
  const smaps = openat(AT_FDCWD, "/proc/self/smaps", O_RDONLY);
  try {
    // The kernel gives a page of text at a time: five mappings.
    return `${latin1(read(smaps))}${latin1(read(smaps))}${latin1(read(smaps))}`;
  } finally {
    close(smaps);
  }
}

/**
 * Keeps an open file open without a descriptor: a lock on it (flock) stays until the mapping and every descriptor are gone. No
 * program that this process becomes has the mapping. @param file open for reading @returns what lets go of it
 * @throws {ErrnoError} EACCES, ENODEV, ENOMEM
 */
export function keepByMapping(file: Fd): () => void {
  const address = libc.mmap(0, PAGE, PROT_NONE, MAP_PRIVATE, file, 0);
  if (address >= 2 ** 63) throw failure("mmap");
  return () => void libc.munmap(address, PAGE);
}
