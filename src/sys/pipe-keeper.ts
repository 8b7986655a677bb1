// A program that does nothing but hold pipes open, for when all who use them are killed at once: 257 bytes, put together here
// byte by byte (x86-64), because a runtime for that would be 35 MB.
import type { Fd } from "../units/units.ts";
import { check } from "./errno.ts";
import { memfdCreate, pwrite } from "./files.ts";
import { libc, scratch } from "./libc.ts";

/** Bytes of a message to it: the path of a pipe, and zeros. */
export const KEEPER_MESSAGE = 64;
/** How long it holds the pipes when there is nobody at the other end of its input any more, in seconds. */
const ALONE = 60;

const u32 = (n: number): number[] => [n & 255, (n >> 8) & 255, (n >> 16) & 255, n >>> 24];
const latin1 = (text: string): number[] => [...text].map((character) => character.charCodeAt(0));

const X86_64 = [
  ...[0xb8, ...u32(157), 0xbf, ...u32(15)], //            mov  eax, prctl; mov edi, PR_SET_NAME
  ...[0x48, 0x8d, 0x35, ...u32(0x6c), 0x0f, 0x05], //     lea  rsi, [rip+name]; syscall
  ...[0xb8, ...u32(80)], //                               mov  eax, chdir
  ...[0x48, 0x8d, 0x3d, ...u32(0x5c), 0x0f, 0x05], //     lea  rdi, [rip+root]; syscall
  ...[0xb8, ...u32(436), 0xbf, ...u32(1)], //             mov  eax, close_range; mov edi, 1
  ...[0xbe, ...u32(0xffffffff), 0x31, 0xd2, 0x0f, 0x05], // mov esi, ~0; xor edx, edx; syscall
  ...[0x48, 0x83, 0xec, KEEPER_MESSAGE], //               sub  rsp, 64
  ...[0x31, 0xc0, 0x31, 0xff, 0x48, 0x89, 0xe6], // next: xor  eax, eax; xor edi, edi; mov rsi, rsp
  ...[0xba, ...u32(KEEPER_MESSAGE), 0x0f, 0x05], //       mov  edx, 64; syscall       ; read(0, message, 64)
  ...[0x48, 0x83, 0xf8, KEEPER_MESSAGE, 0x75, 0x13], //   cmp  rax, 64; jne alone
  ...[0xb8, ...u32(2), 0x48, 0x89, 0xe7], //              mov  eax, open; mov rdi, rsp
  ...[0xbe, ...u32(0o4000), 0x31, 0xd2, 0x0f, 0x05], //   mov  esi, O_RDONLY | O_NONBLOCK; xor edx, edx; syscall
  ...[0xeb, 0xd9], //                                     jmp  next
  ...[0xb8, ...u32(37), 0xbf, ...u32(ALONE), 0x0f, 0x05], // alone: mov eax, alarm; mov edi, ALONE; syscall
  ...[0xb8, ...u32(34), 0x0f, 0x05], //                   mov  eax, pause; syscall    ; SIGALRM ends it
  ...[0xb8, ...u32(231), 0x31, 0xff, 0x0f, 0x05], //      mov  eax, exit_group; xor edi, edi; syscall
  ...latin1("/\0"), //                              root:
  ...latin1("tend-pipes\0"), //                     name:
];

const BASE = 0x400000;
const ELF_HEADER = 64;
const PROGRAM_HEADER = 56;
const CODE_AT = ELF_HEADER + PROGRAM_HEADER;

function executable(): Uint8Array {
  const bytes = new Uint8Array(CODE_AT + X86_64.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // ELF, 64 bits, little-endian, version 1
  view.setUint16(16, 2, true); // an executable
  view.setUint16(18, 62, true); // x86-64
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(BASE + CODE_AT), true); // the first instruction
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
  bytes.set(X86_64, CODE_AT);
  return bytes;
}

/**
 * The program, in a file that has no name; undefined where there is none for this processor. It reads messages of
 * KEEPER_MESSAGE bytes from its standard input, opens each path for reading, and holds what it has opened until a minute after
 * the end of its input. It lets go of all else that it was given, the working directory included. A reader keeps nobody
 * from the end of a pipe. @throws {ErrnoError}
 */
export function keeperProgram(): Fd | undefined {
  if (process.arch !== "x64") return undefined;
  const file = memfdCreate("tend-pipes");
  pwrite(file, executable(), 0);
  return file;
}

const RLIMIT_NOFILE = 7;

/** Gives the process `process` its hard limit of descriptors as the soft one. prlimit(2) @throws {ErrnoError} */
export function raiseDescriptorLimit(process: number): void {
  const limit = scratch.reset().alloc(16);
  check(libc.prlimit(process, RLIMIT_NOFILE, 0, limit), "prlimit");
  scratch.setU64(limit, scratch.u64(limit + 8));
  check(libc.prlimit(process, RLIMIT_NOFILE, limit, 0), "prlimit");
}
