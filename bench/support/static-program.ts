// The program that the benchmarks supervise: the smallest one the kernel starts, so that a start costs what the supervisor
// and the kernel make of it, and nothing of a dynamic linker's. It is put together here byte by byte (x86-64), because the
// project has no C and needs no assembler.
//
// Its first instructions ask the monotonic clock; then it writes one record of 24 bytes into a fifo and, as told, waits
// for a signal for ever or exits. A record is shorter than PIPE_BUF, so those of a thousand programs do not mix.
//
// | bytes | meaning                              | order         |
// |-------|--------------------------------------|---------------|
// | 0-7   | CLOCK_MONOTONIC, seconds             | little-endian |
// | 8-15  | nanoseconds                          | little-endian |
// | 16-23 | its pid                              | little-endian |
import { writeFileSync } from "node:fs";
import { CODE_ADDRESS, staticExecutable } from "../../src/sys/static-executable.ts";

export const RECORD_SIZE = 24;

const u32 = (n: number): number[] => [n & 255, (n >> 8) & 255, (n >> 16) & 255, n >>> 24];
const syscall = (number: number): number[] => [0xb8, ...u32(number), 0x0f, 0x05]; // mov eax, number; syscall

const SYS = { write: 1, open: 2, close: 3, pause: 34, getpid: 39, exit: 60, clock_gettime: 228 } as const;
const CLOCK_MONOTONIC = 1;
const O_WRONLY = 1;

const report = (path: number): number[] => [
  ...[0x48, 0x83, 0xec, 0x40], // sub rsp, 64
  ...[0xbf, ...u32(CLOCK_MONOTONIC)], // mov edi, CLOCK_MONOTONIC
  ...[0x48, 0x89, 0xe6], // mov rsi, rsp
  ...syscall(SYS.clock_gettime),
  ...syscall(SYS.getpid),
  ...[0x48, 0x89, 0x44, 0x24, 0x10], // mov [rsp+16], rax
  ...[0xbf, ...u32(path)], // mov edi, path
  ...[0xbe, ...u32(O_WRONLY)], // mov esi, O_WRONLY
  ...syscall(SYS.open),
  ...[0x89, 0xc7], // mov edi, eax
  ...[0x48, 0x89, 0xe6], // mov rsi, rsp
  ...[0xba, ...u32(RECORD_SIZE)], // mov edx, RECORD_SIZE
  ...syscall(SYS.write),
  ...syscall(SYS.close),
];
const wait = [...syscall(SYS.pause), 0xeb, 0xf7]; // again: pause; jmp again
const exit = [0x31, 0xff, ...syscall(SYS.exit)]; // xor edi, edi; exit

/** Writes the program to `file`; it reports to the fifo `fifo` (none where undefined) and then waits or exits. */
export function writeStaticProgram(file: string, fifo: string | undefined, then: "wait" | "exit"): void {
  if (process.arch !== "x64") throw new Error("the program that is supervised here is made for x86-64");
  const end = then === "wait" ? wait : exit;
  const length = fifo === undefined ? 0 : report(0).length;
  const code = [...(fifo === undefined ? [] : report(CODE_ADDRESS + length + end.length)), ...end];
  const path = fifo === undefined ? [] : [...new TextEncoder().encode(fifo), 0];
  writeFileSync(file, staticExecutable([...code, ...path]), { mode: 0o755 });
}
