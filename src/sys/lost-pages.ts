// Pages of a mapped file that the file can no longer supply: it was cut short, or its file system has no space for a copy of
// a page, or the disk no data. The kernel tells by SIGBUS at the very load or store, and the process ends. A range that is
// guarded here survives that: a page of zeros comes in place of the lost one, and the load or store is made again.
//
// Nothing but the handler of a signal can do it, and a handler cannot be JavaScript. So this module brings 180 bytes of
// machine code: is the address in a guarded range? mmap, and return. Everything else goes where it went before, to the
// handler of the runtime. On a machine it has no code for, or where memory may not be made executable, nothing is guarded.
import { Arena, libc, scratch } from "./libc.ts";
import { executable } from "./machine-code.ts";

/**
 * `void handler(int signal, siginfo_t *info, void *context)` for x86-64. The table, at the address in bytes 2 to 9, has eight
 * ranges (base, size), then at 128 how many pages were lost, at 136 the handler before this one, at 144 an empty sigaction.
 */
const X86_64 = [
  ...[0x49, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0], //            mov  r8, table
  ...[0x83, 0x7e, 0x08, 0x00], //                        cmp  dword [rsi+8], 0  ; si_code: 0 or less is kill(2)
  ...[0x7e, 0x1f], //                                    jle  other
  ...[0x48, 0x8b, 0x46, 0x10], //                        mov  rax, [rsi+16]      ; si_addr
  ...[0x31, 0xc9], //                                    xor  ecx, ecx
  ...[0x49, 0x89, 0xc1], //                        next: mov  r9, rax
  ...[0x4d, 0x2b, 0x0c, 0x08], //                        sub  r9, [r8+rcx]
  ...[0x4d, 0x3b, 0x4c, 0x08, 0x08], //                  cmp  r9, [r8+rcx+8]
  ...[0x72, 0x4b], //                                    jb   ours
  ...[0x83, 0xc1, 0x10], //                              add  ecx, 16
  ...[0x81, 0xf9, 0x80, 0x00, 0x00, 0x00], //            cmp  ecx, 128
  ...[0x72, 0xe7], //                                    jb   next
  ...[0x49, 0x8b, 0x80, 0x88, 0x00, 0x00, 0x00], // other: mov rax, [r8+136]
  ...[0x48, 0x83, 0xf8, 0x01], //                        cmp  rax, 1
  ...[0x77, 0x31], //                                    ja   chain
  ...[0xbf, 0x07, 0x00, 0x00, 0x00], //                  mov  edi, 7             ; default or ignored:
  ...[0x49, 0x8d, 0xb0, 0x90, 0x00, 0x00, 0x00], //      lea  rsi, [r8+144]      ; rt_sigaction(SIGBUS, SIG_DFL)
  ...[0x31, 0xd2], //                                    xor  edx, edx
  ...[0x41, 0xba, 0x08, 0x00, 0x00, 0x00], //            mov  r10d, 8
  ...[0xb8, 0x0d, 0x00, 0x00, 0x00], //                  mov  eax, 13
  ...[0x0f, 0x05], //                                    syscall
  ...[0xb8, 0x27, 0x00, 0x00, 0x00], //                  mov  eax, 39            ; kill(getpid(), SIGBUS)
  ...[0x0f, 0x05], //                                    syscall
  ...[0x89, 0xc7], //                                    mov  edi, eax
  ...[0xbe, 0x07, 0x00, 0x00, 0x00], //                  mov  esi, 7
  ...[0xb8, 0x3e, 0x00, 0x00, 0x00], //                  mov  eax, 62
  ...[0x0f, 0x05], //                                    syscall
  ...[0xc3], //                                          ret
  ...[0xff, 0xe0], //                             chain: jmp  rax
  ...[0x57, 0x56, 0x52, 0x41, 0x50], //            ours: push rdi, rsi, rdx, r8
  ...[0x48, 0x25, 0x00, 0xf0, 0xff, 0xff], //            and  rax, -4096
  ...[0x48, 0x89, 0xc7], //                              mov  rdi, rax           ; mmap(page, 4096, PROT_READ | PROT_WRITE,
  ...[0xbe, 0x00, 0x10, 0x00, 0x00], //                  mov  esi, 4096          ;   MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS,
  ...[0xba, 0x03, 0x00, 0x00, 0x00], //                  mov  edx, 3             ;   -1, 0)
  ...[0x41, 0xba, 0x32, 0x00, 0x00, 0x00], //            mov  r10d, 0x32
  ...[0x49, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff], //      mov  r8, -1
  ...[0x45, 0x31, 0xc9], //                              xor  r9d, r9d
  ...[0xb8, 0x09, 0x00, 0x00, 0x00], //                  mov  eax, 9
  ...[0x0f, 0x05], //                                    syscall
  ...[0x41, 0x58, 0x5a, 0x5e, 0x5f], //                  pop  r8, rdx, rsi, rdi
  ...[0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff], //            cmp  rax, -4096
  ...[0x77, 0x84], //                                    ja   other              ; no memory
  ...[0xf0, 0x41, 0xff, 0x80, 0x80, 0x00, 0x00, 0x00], // lock inc dword [r8+128]
  ...[0xc3], //                                          ret                     ; and the store is made again
];

const TABLE_OPERAND = 2;
const RANGES = 8;
const RANGE_SIZE = 16;
const AT = { lost: 128, before: 136, size: 176 } as const;

const SIGBUS = 7;
const SA_SIGINFO = 4;
const SA_ONSTACK = 0x08000000;
const SA_RESTART = 0x10000000;
/** Where sa_flags lies in struct sigaction of glibc and musl, after the handler and a mask of 128 bytes. */
const SA_FLAGS_AT = 136;

let table: Arena | undefined;
let refused = false;
let ranges = 0;

/**
 * From now on a page of the range that its file cannot supply becomes a page of zeros, which is nobody's but this process's.
 * There are eight ranges at most, and each is guarded for good: whoever maps and unmaps reserves one range and does it there.
 * @param base and `size` in bytes: multiples of the page size
 * @returns false where that cannot be: SIGBUS ends the process then
 */
export function guardPages(base: number, size: number): boolean {
  table ??= refused ? undefined : install();
  refused = table === undefined;
  if (table === undefined || ranges === RANGES) return false;
  // The size last: the handler takes a range with none for none.
  table.setPointer(table.base + ranges * RANGE_SIZE, base);
  table.setPointer(table.base + ranges * RANGE_SIZE + 8, size);
  ranges++;
  return true;
}

/** How many pages were lost so far, in all guarded ranges. */
export const lostPages = (): number => (table === undefined ? 0 : table.u32(table.base + AT.lost));

function install(): Arena | undefined {
  const made = new Arena(AT.size);
  made.slice(made.base, AT.size).fill(0);
  const code = new Uint8Array(X86_64);
  new DataView(code.buffer).setBigUint64(TABLE_OPERAND, BigInt(made.base), true);
  const page = executable(code);
  if (page === undefined) return undefined;
  const before = scratch.reset().alloc(256);
  if (libc.sigaction(SIGBUS, 0, before) === -1) return undefined;
  made.setU64(made.base + AT.before, scratch.u64(before));
  const action = scratch.alloc(256);
  scratch.slice(action, 256).fill(0);
  scratch.setPointer(action, page);
  scratch.setU32(action + SA_FLAGS_AT, SA_SIGINFO | SA_ONSTACK | SA_RESTART);
  return libc.sigaction(SIGBUS, action, 0) === -1 ? undefined : made;
}
