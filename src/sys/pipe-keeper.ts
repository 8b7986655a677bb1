// A program that does nothing but hold pipes open, for when all who use them are killed at once: some 280 bytes, put together
// here byte by byte (x86-64), because a runtime for that would be 35 MB.
import type { Fd } from "../units/units.ts";
import { check } from "./errno.ts";
import { memfdCreate, pwrite } from "./files.ts";
import { libc, scratch } from "./libc.ts";
import { staticExecutable } from "./static-executable.ts";

/** How long it holds the pipes when there is nobody at the other end of its input any more, in seconds. */
const ALONE = 300;

const u32 = (n: number): number[] => [n & 255, (n >> 8) & 255, (n >> 16) & 255, n >>> 24];
const latin1 = (text: string): number[] => [...text].map((character) => character.charCodeAt(0));

const ROOT = latin1("/\0");
const NAME = latin1("tend-pipes\0");
const SYSCALL = [0x0f, 0x05];

/** Lets go of all but its input: whose terminal, directory or lock it was is not its business. */
const LET_GO = [
  ...[0xb8, ...u32(436), 0xbf, ...u32(1)], //              mov  eax, close_range; mov edi, 1
  ...[0xbe, ...u32(0xffffffff), 0x31, 0xd2, ...SYSCALL], // mov  esi, ~0; xor edx, edx; syscall
  ...[0x48, 0x81, 0xec, ...u32(128)], //                   sub  rsp, 128
];
/**
 * A struct msghdr at rsp, whose one byte of data goes to rsp+80, named by the struct iovec at rsp+64, and whose descriptor to
 * rsp+88. The kernel gives the descriptor a number; that is all that is wanted of it.
 */
const TAKE_ONE = [
  ...[0x31, 0xc0], //                                      xor  eax, eax
  ...[0x48, 0x89, 0x04, 0x24], //                          mov  [rsp], rax            ; no name
  ...[0x48, 0x89, 0x44, 0x24, 8], //                       mov  [rsp+8], rax
  ...[0x48, 0x8d, 0x4c, 0x24, 64], //                      lea  rcx, [rsp+64]
  ...[0x48, 0x89, 0x4c, 0x24, 16], //                      mov  [rsp+16], rcx         ; iov
  ...[0xb8, ...u32(1)], //                                 mov  eax, 1
  ...[0x48, 0x89, 0x44, 0x24, 24], //                      mov  [rsp+24], rax         ; one of them,
  ...[0x48, 0x89, 0x44, 0x24, 72], //                      mov  [rsp+72], rax         ; of one byte
  ...[0x48, 0x8d, 0x4c, 0x24, 80], //                      lea  rcx, [rsp+80]
  ...[0x48, 0x89, 0x4c, 0x24, 64], //                      mov  [rsp+64], rcx
  ...[0x48, 0x8d, 0x4c, 0x24, 88], //                      lea  rcx, [rsp+88]
  ...[0x48, 0x89, 0x4c, 0x24, 32], //                      mov  [rsp+32], rcx         ; control
  ...[0xb8, ...u32(24)], //                                mov  eax, 24
  ...[0x48, 0x89, 0x44, 0x24, 40], //                      mov  [rsp+40], rax         ; its length
  ...[0xb8, ...u32(47)], //                                mov  eax, recvmsg
  ...[0x31, 0xff, 0x48, 0x89, 0xe6, 0x31, 0xd2, ...SYSCALL], // xor edi, edi; mov rsi, rsp; xor edx, edx; syscall
  ...[0x85, 0xc0], //                                      test eax, eax
];
const BODY = [
  ...LET_GO,
  ...TAKE_ONE,
  ...[0x7f, 256 - (TAKE_ONE.length + 2)], //               jg   to the begin of TAKE_ONE
  ...[0xb8, ...u32(37), 0xbf, ...u32(ALONE), ...SYSCALL], // mov eax, alarm; mov edi, ALONE; syscall
  ...[0xb8, ...u32(34), ...SYSCALL], //                    mov  eax, pause; syscall   ; SIGALRM ends it
  ...[0xb8, ...u32(231), 0x31, 0xff, ...SYSCALL], //       mov  eax, exit_group; xor edi, edi; syscall
];
const NAME_ITSELF = [0xb8, ...u32(157), 0xbf, ...u32(15)]; // mov eax, prctl; mov edi, PR_SET_NAME
const CHDIR = [0xb8, ...u32(80)]; //                        mov  eax, chdir
/** Bytes of `lea`, and of the system call after it. */
const LEA = 7;

const X86_64 = [
  ...NAME_ITSELF,
  ...[
    0x48,
    0x8d,
    0x35,
    ...u32(SYSCALL.length + CHDIR.length + LEA + SYSCALL.length + BODY.length + ROOT.length),
  ],
  ...SYSCALL, //                                           lea  rsi, [rip+NAME]; syscall
  ...CHDIR,
  ...[0x48, 0x8d, 0x3d, ...u32(SYSCALL.length + BODY.length)],
  ...SYSCALL, //                                           lea  rdi, [rip+ROOT]; syscall
  ...BODY,
  ...ROOT,
  ...NAME,
];

/**
 * The program, in a file that has no name; undefined where there is none for this processor. Its standard input is a socket:
 * it takes each descriptor that comes with a byte, and holds it until five minutes after the end of its input. It lets go of
 * all else that it was given, the working directory included. @throws {ErrnoError}
 */
export function keeperProgram(): Fd | undefined {
  if (process.arch !== "x64") return undefined;
  const file = memfdCreate("tend-pipes");
  pwrite(file, staticExecutable(X86_64), 0);
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
