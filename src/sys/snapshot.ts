// Whether anything is new about a directory, asked again and again. statx(2)
import type { ByteString, Fd } from "../units/units.ts";
import { Arena, lastErrno, libc, scratch } from "./libc.ts";

const STATX_INO_CTIME = 0x80 | 0x100;
const AT_EMPTY_PATH = 0x1000;
/** Where statx says which file it is and when its inode changed last: device, inode, seconds and nanoseconds, by 4 bytes. */
const FIELDS = [136, 140, 32, 36, 96, 100, 104] as const;
const STATX_SIZE = 256;

/**
 * What a directory and everything it names were at some moment. To compare it with what they are makes no object and
 * so gives the runtime's threads nothing to do: a process that only does this every few seconds sleeps otherwise.
 */
export class Snapshot {
  private memory = new Arena(1 << 12);
  private names: number[] = [];
  private seen = new Uint32Array(0);

  /** Remembers the directory and each of `names` in it, links followed. To be taken before anything else is asked of them. */
  take(directory: Fd, names: readonly ByteString[]): void {
    // Memory of an arena is never given back: it doubles, so that what is wasted is less than what is used.
    const room = names.reduce((sum, name) => sum + name.length + 32, 64);
    if (room > this.memory.bytes.length) this.memory = new Arena(2 * room);
    this.memory.reset();
    this.names = ["", ...names].map((name) => this.memory.cstring(name));
    this.seen = new Uint32Array(this.names.length * FIELDS.length);
    for (let i = 0; i < this.names.length; i++) this.look(directory, i, true);
  }

  /** Whether each is still the same file, and neither it nor what it holds, being a directory, has changed. */
  unchanged(directory: Fd): boolean {
    for (let i = 0; i < this.names.length; i++) if (!this.look(directory, i, false)) return false;
    return true;
  }

  /** Whether the one of that number is: 0 is the directory, the others are those that were taken, in their order. */
  same(directory: Fd, number: number): boolean {
    return this.look(directory, number, false);
  }

  /** Compares name number `i` with what was seen, or sees it. The first is the directory itself. */
  private look(directory: Fd, i: number, see: boolean): boolean {
    const out = scratch.reset().alloc(STATX_SIZE);
    const flags = i === 0 ? AT_EMPTY_PATH : 0;
    const there = libc.statx(directory, this.names[i] as number, flags, STATX_INO_CTIME, out) === 0;
    for (let field = 0; field < FIELDS.length; field++) {
      const at = i * FIELDS.length + field;
      // What cannot be looked at is told by its error number.
      const value = there ? scratch.u32(out + (FIELDS[field] as number)) : lastErrno();
      if (see) this.seen[at] = value;
      else if (this.seen[at] !== value) return false;
    }
    return true;
  }
}
