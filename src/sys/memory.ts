// Files as memory. mmap(2)
import type { Fd } from "../units/units.ts";
import { failure } from "./errno.ts";
import { libc, view } from "./libc.ts";

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;

/** A file's first bytes, shared with the file: what is stored here is in the file, whatever becomes of this process. */
export type Mapping = { readonly bytes: Uint8Array; readonly unmap: () => void };

/**
 * Maps the first `length` bytes of an open file. The descriptor may be closed afterwards. The bytes must be there already,
 * with disk space behind them: a store into a hole of a full file system ends the process (SIGBUS).
 * @throws {ErrnoError} ENODEV where the file system cannot, ENOMEM, EACCES
 */
export function mapShared(file: Fd, length: number): Mapping {
  const address = libc.mmap(0, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  // MAP_FAILED is the highest address there is.
  if (address >= 2 ** 63) throw failure("mmap");
  return { bytes: view(address, length), unmap: () => void libc.munmap(address, length) };
}
