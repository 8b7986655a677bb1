// The smallest file that the kernel executes: the headers of ELF, and machine code (x86-64) right behind them. elf(5)

const BASE = 0x400000;
const ELF_HEADER = 64;
const PROGRAM_HEADER = 56;
const CODE_AT = ELF_HEADER + PROGRAM_HEADER;

/** The address of the first byte of the code when it runs. */
export const CODE_ADDRESS = BASE + CODE_AT;

/** A program whose first instruction is the first of `code`; what it reads may follow there. It cannot be written to. */
export function staticExecutable(code: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(CODE_AT + code.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // ELF, 64 bits, little-endian, version 1
  view.setUint16(16, 2, true); // an executable
  view.setUint16(18, 62, true); // x86-64
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(CODE_ADDRESS), true); // the first instruction
  view.setBigUint64(32, BigInt(ELF_HEADER), true); // where the program header is
  view.setUint16(52, ELF_HEADER, true);
  view.setUint16(54, PROGRAM_HEADER, true);
  view.setUint16(56, 1, true); // one of them:
  view.setUint32(64, 1, true); // to be loaded
  view.setUint32(68, 5, true); // readable, executable
  view.setBigUint64(80, BigInt(BASE), true);
  view.setBigUint64(88, BigInt(BASE), true);
  view.setBigUint64(96, BigInt(bytes.length), true); // bytes in the file
  view.setBigUint64(104, BigInt(bytes.length), true); // bytes in memory
  view.setBigUint64(112, 4096n, true);
  bytes.set(code, CODE_AT);
  return bytes;
}
