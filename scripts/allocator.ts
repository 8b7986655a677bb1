// allocator.ts - changes a default of the runtime's allocator (mimalloc) in an executable that was just made.
//
// The allocator has a table of options in its data, and reads it when it starts, before anything of ours runs; an
// environment variable, MIMALLOC_NAME, would be the other way in, but would take a second start, and services would have to
// be kept from inheriting it. An entry is 32 bytes:
//
// | bytes | meaning                                              |
// |-------|------------------------------------------------------|
// | 0-7   | the value, or the default                            |
// | 8-11  | 0: not yet looked for in the environment             |
// | 12-15 | the number of the option, which is its place         |
// | 16-23 | address of its name                                  |
// | 24-31 | address of its former name, 0 if there is none       |
//
// The table is where its own addresses say it is (an ELF executable that is loaded where it was linked for). What is not
// found exactly so is left as it is.

const UNREAD = 8;
const PLACE = 12;
const NAME = 16;
const PT_LOAD = 1;

type Segment = { readonly offset: number; readonly address: number; readonly size: number };

/** The parts of an ELF file that are loaded. */
function segments(file: DataView): Segment[] {
  const [at, size, count] = [
    Number(file.getBigUint64(32, true)),
    file.getUint16(54, true),
    file.getUint16(56, true),
  ];
  return Array.from({ length: count }, (_, i) => at + i * size)
    .filter((header) => file.getUint32(header, true) === PT_LOAD)
    .map((header) => ({
      offset: Number(file.getBigUint64(header + 8, true)),
      address: Number(file.getBigUint64(header + 16, true)),
      size: Number(file.getBigUint64(header + 32, true)),
    }));
}

/** Where `bytes` is in `file`, each time. */
function* occurrences(file: Buffer, bytes: Uint8Array): Generator<number> {
  for (let at = file.indexOf(bytes); at >= 0; at = file.indexOf(bytes, at + 1)) yield at;
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/**
 * Where in `file` the default of the option `name` is: 8 bytes. Undefined if there is not exactly one entry that can be it.
 * @param place its number
 */
function findOption(file: Buffer, name: string, place: number): number | undefined {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const loaded = segments(view);
  const found: number[] = [];
  // The linker may let one string be the end of another, so what is before it says nothing.
  for (const text of occurrences(file, Buffer.from(`${name}\0`, "latin1"))) {
    const segment = loaded.find(({ offset, size }) => text >= offset && text < offset + size);
    if (segment === undefined) continue;
    for (const pointer of occurrences(file, word(segment.address + text - segment.offset))) {
      const entry = pointer - NAME;
      if (entry < 0 || view.getUint32(entry + UNREAD, true) !== 0) continue;
      if (view.getUint32(entry + PLACE, true) === place) found.push(entry);
    }
  }
  return found.length === 1 ? found[0] : undefined;
}

/** Whether allocator option number `place`, called `name`, whose default is `from`, now has the default `to` in `file`. */
export function changeOption(file: Buffer, name: string, place: number, from: bigint, to: bigint): boolean {
  const at = file.readUInt32BE(0) === 0x7f454c46 ? findOption(file, name, place) : undefined;
  if (at === undefined || file.readBigInt64LE(at) !== from) return false;
  file.writeBigInt64LE(to, at);
  return true;
}
