// A few lines at a time, from a pipe into a log. JavaScript that has not run for a tenth of a second takes 150 us for a line,
// nearly all of it waiting for memory: the interpreter, its bytecode and its data lie in some hundred places, none of which is
// in the processor's caches any more. The system calls take 20. So this module brings 720 bytes of machine code that wait,
// and take small pieces of whole lines along the one way that needs no decision: read, stamped, appended to `current`.
// Whatever is otherwise is left to JavaScript, at the point it has come to: another event, an unfinished line, a file that
// will be full, a call that fails. It stores what docs/formats.md wants stored, in the order that the proof there has.
//
// On a machine it has no code for, or where memory may not be made executable, JavaScript does it all.
import { errno, type Fd, fd, type Instant } from "../units/units.ts";
import { EINTR, ErrnoError } from "./errno.ts";
import { codeAt } from "./libc.ts";
import { executable } from "./machine-code.ts";
import { Region } from "./memory.ts";

/**
 * `long wait_and_take(struct block *block)` for x86-64. It returns how many bytes of events are left for others, 0 when the
 * deadline has come, or the negative error number. Offsets from rbx are those of BLOCK, from rbp of LANE, below.
 */
const X86_64 = [
  ...[0x53], //                                       push rbx
  ...[0x55], //                                       push rbp
  ...[0x41, 0x54], //                                 push r12
  ...[0x41, 0x55], //                                 push r13
  ...[0x41, 0x56], //                                 push r14
  ...[0x41, 0x57], //                                 push r15
  ...[0x48, 0x89, 0xfb], //                           mov rbx, rdi                   ; the block
  ...[0x49, 0xc7, 0xc2, 0xff, 0xff, 0xff, 0xff], // again: mov r10, -1               ; how long: no end
  ...[0x48, 0x8b, 0x6b, 0x20], //                     mov rbp, [rbx+32]
  ...[0x48, 0x85, 0xed], //                           test rbp, rbp
  ...[0x78, 0x44], //                                 js wait
  ...[0xbf, 0x01, 0x00, 0x00, 0x00], //               mov edi, 1                     ; or until the deadline
  ...[0x48, 0x8d, 0x73, 0x28], //                     lea rsi, [rbx+40]
  ...[0xb8, 0xe4, 0x00, 0x00, 0x00], //               mov eax, 228                   ; clock_gettime(CLOCK_MONOTONIC)
  ...[0x0f, 0x05], //                                 syscall
  ...[0x48, 0x69, 0x43, 0x28, 0x00, 0xca, 0x9a, 0x3b], // imul rax, [rbx+40], 1000000000
  ...[0x48, 0x03, 0x43, 0x30], //                     add rax, [rbx+48]
  ...[0x45, 0x31, 0xd2], //                           xor r10d, r10d
  ...[0x48, 0x29, 0xc5], //                           sub rbp, rax
  ...[0x7e, 0x20], //                                 jle wait
  ...[0x48, 0x8d, 0x85, 0x3f, 0x42, 0x0f, 0x00], //   lea rax, [rbp+999999]          ; in milliseconds, rounded up
  ...[0x31, 0xd2], //                                 xor edx, edx
  ...[0xb9, 0x40, 0x42, 0x0f, 0x00], //               mov ecx, 1000000
  ...[0x48, 0xf7, 0xf1], //                           div rcx
  ...[0xb9, 0xff, 0xff, 0xff, 0x7f], //               mov ecx, 0x7fffffff            ; and no more than fits
  ...[0x48, 0x39, 0xc8], //                           cmp rax, rcx
  ...[0x48, 0x0f, 0x47, 0xc1], //                     cmova rax, rcx
  ...[0x49, 0x89, 0xc2], //                           mov r10, rax
  ...[0x8b, 0x7b, 0x18], //                     wait: mov edi, [rbx+24]
  ...[0x48, 0x8b, 0x73, 0x08], //                     mov rsi, [rbx+8]
  ...[0xba, 0x00, 0x01, 0x00, 0x00], //               mov edx, 256
  ...[0xb8, 0xe8, 0x00, 0x00, 0x00], //               mov eax, 232                   ; epoll_wait(epoll, events, 256, ms)
  ...[0x0f, 0x05], //                                 syscall
  ...[0x85, 0xc0], //                                 test eax, eax
  ...[0x0f, 0x8e, 0x29, 0x02, 0x00, 0x00], //         jle end
  ...[0x41, 0x89, 0xc4], //                           mov r12d, eax                  ; events
  ...[0x4c, 0x8b, 0x6b, 0x08], //                     mov r13, [rbx+8]               ; the one at hand
  ...[0x4d, 0x89, 0xee], //                           mov r14, r13                   ; where the next goes that is left over
  ...[0x41, 0x83, 0x7d, 0x00, 0x01], //         each: cmp dword ptr [r13], 1         ; EPOLLIN and nothing else
  ...[0x0f, 0x85, 0xe7, 0x01, 0x00, 0x00], //         jne leave
  ...[0x41, 0x8b, 0x7d, 0x04], //                     mov edi, [r13+4]
  ...[0x81, 0xff, 0xff, 0xff, 0x00, 0x00], //         cmp edi, 65535
  ...[0x0f, 0x87, 0xd7, 0x01, 0x00, 0x00], //         ja leave
  ...[0x89, 0xfd], //                                 mov ebp, edi
  ...[0x48, 0xc1, 0xe5, 0x08], //                     shl rbp, 8
  ...[0x48, 0xf7, 0xdd], //                           neg rbp
  ...[0x48, 0x03, 0x2b], //                           add rbp, [rbx]                 ; its lane
  ...[0x83, 0x7d, 0x00, 0x01], //                     cmp dword ptr [rbp], 1
  ...[0x0f, 0x85, 0xc1, 0x01, 0x00, 0x00], //         jne leave
  ...[0x48, 0x8d, 0x55, 0x0c], //                     lea rdx, [rbp+12]
  ...[0xbe, 0x1b, 0x54, 0x00, 0x00], //               mov esi, 0x541b
  ...[0xb8, 0x10, 0x00, 0x00, 0x00], //               mov eax, 16                    ; ioctl(file, FIONREAD, &got)
  ...[0x0f, 0x05], //                                 syscall
  ...[0x85, 0xc0], //                                 test eax, eax
  ...[0x0f, 0x85, 0xa9, 0x01, 0x00, 0x00], //         jne leave
  ...[0x44, 0x8b, 0x7d, 0x0c], //                     mov r15d, [rbp+12]             ; bytes
  ...[0x41, 0x8d, 0x47, 0xf0], //                     lea eax, [r15-16]
  ...[0x3d, 0xf0, 0x03, 0x00, 0x00], //               cmp eax, 1008
  ...[0x0f, 0x87, 0x96, 0x01, 0x00, 0x00], //         ja leave                       ; fewer than 16, or more than 1024
  ...[0x31, 0xff], //                                 xor edi, edi
  ...[0x48, 0x8d, 0xb5, 0x90, 0x00, 0x00, 0x00], //   lea rsi, [rbp+144]
  ...[0xb8, 0xe4, 0x00, 0x00, 0x00], //               mov eax, 228                   ; clock_gettime(CLOCK_REALTIME)
  ...[0x0f, 0x05], //                                 syscall
  ...[0x8b, 0x85, 0x98, 0x00, 0x00, 0x00], //         mov eax, [rbp+152]             ; to the microsecond, and 500
  ...[0x31, 0xd2], //                                 xor edx, edx
  ...[0xb9, 0xe8, 0x03, 0x00, 0x00], //               mov ecx, 1000
  ...[0xf7, 0xf1], //                                 div ecx
  ...[0x29, 0x95, 0x98, 0x00, 0x00, 0x00], //         sub dword ptr [rbp+152], edx
  ...[0x81, 0x85, 0x98, 0x00, 0x00, 0x00, 0xf4, 0x01, 0x00, 0x00], // add dword ptr [rbp+152], 500
  ...[0x44, 0x89, 0xbd, 0x84, 0x00, 0x00, 0x00], //   mov [rbp+132], r15d            ; the length
  ...[0xf2, 0x48, 0x0f, 0x2a, 0x45, 0x10], //         cvtsi2sd xmm0, qword ptr [rbp+16]
  ...[0xf2, 0x0f, 0x11, 0x85, 0xd0, 0x00, 0x00, 0x00], // movsd qword ptr [rbp+208], xmm0 ; the base
  ...[0x8b, 0x45, 0x04], //                           mov eax, [rbp+4]               ; the half that does not count
  ...[0x83, 0xf0, 0x01], //                           xor eax, 1
  ...[0x4c, 0x8b, 0x44, 0xc5, 0x38], //               mov r8, [rbp+rax*8+56]         ; its plan
  ...[0x0f, 0x10, 0x85, 0x80, 0x00, 0x00, 0x00], //   movups xmm0, [rbp+128]
  ...[0x0f, 0x10, 0x8d, 0x90, 0x00, 0x00, 0x00], //   movups xmm1, [rbp+144]
  ...[0x41, 0x0f, 0x11, 0x00], //                     movups [r8], xmm0
  ...[0x41, 0x0f, 0x11, 0x48, 0x10], //               movups [r8+16], xmm1
  ...[0x41, 0x0f, 0x11, 0x48, 0x20], //               movups [r8+32], xmm1
  ...[0x48, 0x8b, 0x54, 0xc5, 0x48], //               mov rdx, [rbp+rax*8+72]        ; its note
  ...[0x0f, 0x10, 0x85, 0xc0, 0x00, 0x00, 0x00], //   movups xmm0, [rbp+192]
  ...[0x0f, 0x10, 0x8d, 0xd0, 0x00, 0x00, 0x00], //   movups xmm1, [rbp+208]
  ...[0x48, 0x8b, 0x8d, 0xe0, 0x00, 0x00, 0x00], //   mov rcx, [rbp+224]
  ...[0x0f, 0x11, 0x02], //                           movups [rdx], xmm0
  ...[0x0f, 0x11, 0x4a, 0x10], //                     movups [rdx+16], xmm1
  ...[0x48, 0x89, 0x4a, 0x20], //                     mov [rdx+32], rcx
  ...[0x4c, 0x8b, 0x4c, 0xc5, 0x58], //               mov r9, [rbp+rax*8+88]         ; its data
  ...[0x0f, 0x10, 0x45, 0x70], //                     movups xmm0, [rbp+112]
  ...[0x41, 0x0f, 0x11, 0x01], //                     movups [r9], xmm0              ; the mark
  ...[0x89, 0x45, 0x04], //                           mov [rbp+4], eax
  ...[0x8d, 0x48, 0x01], //                           lea ecx, [rax+1]
  ...[0x48, 0x8b, 0x55, 0x30], //                     mov rdx, [rbp+48]
  ...[0x89, 0x4a, 0x14], //                           mov [rdx+20], ecx              ; it counts
  ...[0x41, 0x8b, 0x7d, 0x04], //                     mov edi, [r13+4]
  ...[0x4c, 0x89, 0xce], //                           mov rsi, r9
  ...[0x44, 0x89, 0xfa], //                           mov edx, r15d
  ...[0x31, 0xc0], //                                 xor eax, eax                   ; read(file, data, got)
  ...[0x0f, 0x05], //                                 syscall
  ...[0xc7, 0x45, 0x08, 0x01, 0x00, 0x00, 0x00], //   mov dword ptr [rbp+8], 1       ; taken, and not written
  ...[0x48, 0xc7, 0x45, 0x20, 0x00, 0x00, 0x00, 0x00], // mov qword ptr [rbp+32], 0
  ...[0x89, 0x45, 0x0c], //                           mov [rbp+12], eax
  ...[0x44, 0x39, 0xf8], //                           cmp eax, r15d
  ...[0x0f, 0x85, 0xc3, 0x00, 0x00, 0x00], //         jne leave
  ...[0x8d, 0x48, 0x01], //                           lea ecx, [rax+1]
  ...[0x41, 0x89, 0x48, 0x0c], //                     mov [r8+12], ecx               ; as many were read
  ...[0x4c, 0x89, 0xce], //                           mov rsi, r9                    ; the output: what was read ...
  ...[0x44, 0x89, 0xfa], //                           mov edx, r15d
  ...[0x4c, 0x01, 0xca], //                           add rdx, r9                    ; to here
  ...[0x80, 0x7a, 0xff, 0x0a], //                     cmp byte ptr [rdx-1], 10
  ...[0x0f, 0x85, 0xa9, 0x00, 0x00, 0x00], //         jne leave                      ; an unfinished line
  ...[0x83, 0x7d, 0x2c, 0x00], //                     cmp dword ptr [rbp+44], 0
  ...[0x74, 0x6c], //                                 je write
  ...[0x48, 0x8b, 0x7b, 0x10], //                     mov rdi, [rbx+16]              ; ... or lines with a label
  ...[0xc6, 0x07, 0x40], //                           mov byte ptr [rdi], 0x40
  ...[0x48, 0xff, 0xc7], //                           inc rdi
  ...[0x48, 0xb8, 0x0a, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x40], // movabs rax, 0x400000000000000a
  ...[0x48, 0x03, 0x85, 0x90, 0x00, 0x00, 0x00], //   add rax, [rbp+144]
  ...[0x41, 0xba, 0x10, 0x00, 0x00, 0x00], //         mov r10d, 16
  ...[0xe8, 0xb8, 0x00, 0x00, 0x00], //               call digits
  ...[0x8b, 0x85, 0x98, 0x00, 0x00, 0x00], //         mov eax, [rbp+152]
  ...[0x48, 0xc1, 0xe0, 0x20], //                     shl rax, 32
  ...[0x41, 0xba, 0x08, 0x00, 0x00, 0x00], //         mov r10d, 8
  ...[0xe8, 0xa3, 0x00, 0x00, 0x00], //               call digits
  ...[0xc6, 0x07, 0x20], //                           mov byte ptr [rdi], 0x20
  ...[0x48, 0xff, 0xc7], //                           inc rdi
  ...[0x4c, 0x8b, 0x53, 0x10], //                     mov r10, [rbx+16]
  ...[0x41, 0x0f, 0x10, 0x02], //                     movups xmm0, [r10]
  ...[0x41, 0x0f, 0x10, 0x4a, 0x0a], //               movups xmm1, [r10+10]
  ...[0xac], //                                 copy: lodsb
  ...[0xaa], //                                       stosb
  ...[0x3c, 0x0a], //                                 cmp al, 10
  ...[0x75, 0xfa], //                                 jne copy
  ...[0x48, 0x39, 0xd6], //                           cmp rsi, rdx
  ...[0x74, 0x0d], //                                 je copied
  ...[0x0f, 0x11, 0x07], //                           movups [rdi], xmm0
  ...[0x0f, 0x11, 0x4f, 0x0a], //                     movups [rdi+10], xmm1
  ...[0x48, 0x83, 0xc7, 0x1a], //                     add rdi, 26
  ...[0xeb, 0xe8], //                                 jmp copy
  ...[0x4c, 0x89, 0xd6], //                   copied: mov rsi, r10
  ...[0x48, 0x89, 0xfa], //                           mov rdx, rdi
  ...[0x48, 0x29, 0xf2], //                    write: sub rdx, rsi
  ...[0x48, 0x8b, 0x45, 0x10], //                     mov rax, [rbp+16]
  ...[0x48, 0x01, 0xd0], //                           add rax, rdx
  ...[0x48, 0x3b, 0x45, 0x18], //                     cmp rax, [rbp+24]
  ...[0x73, 0x27], //                                 jae leave                      ; the file will be full
  ...[0x8b, 0x7d, 0x28], //                           mov edi, [rbp+40]
  ...[0xb8, 0x01, 0x00, 0x00, 0x00], //               mov eax, 1                     ; write(current, output, length)
  ...[0x0f, 0x05], //                                 syscall
  ...[0x48, 0x89, 0x45, 0x20], //                     mov [rbp+32], rax
  ...[0x48, 0x39, 0xd0], //                           cmp rax, rdx
  ...[0x75, 0x14], //                                 jne leave
  ...[0x48, 0x01, 0x45, 0x10], //                     add [rbp+16], rax
  ...[0x48, 0xff, 0x85, 0xe8, 0x00, 0x00, 0x00], //   inc qword ptr [rbp+232]
  ...[0xc7, 0x45, 0x08, 0x00, 0x00, 0x00, 0x00], //   mov dword ptr [rbp+8], 0
  ...[0xeb, 0x13], //                                 jmp next
  ...[0x49, 0x8b, 0x45, 0x00], //              leave: mov rax, [r13]
  ...[0x49, 0x89, 0x06], //                           mov [r14], rax
  ...[0x41, 0x8b, 0x45, 0x08], //                     mov eax, [r13+8]
  ...[0x41, 0x89, 0x46, 0x08], //                     mov [r14+8], eax
  ...[0x49, 0x83, 0xc6, 0x0c], //                     add r14, 12
  ...[0x49, 0x83, 0xc5, 0x0c], //               next: add r13, 12
  ...[0x41, 0xff, 0xcc], //                           dec r12d
  ...[0x0f, 0x85, 0xee, 0xfd, 0xff, 0xff], //         jne each
  ...[0x4c, 0x89, 0xf0], //                           mov rax, r14
  ...[0x48, 0x2b, 0x43, 0x08], //                     sub rax, [rbx+8]
  ...[0x0f, 0x84, 0x68, 0xfd, 0xff, 0xff], //         je again
  ...[0x48, 0x63, 0xc0], //                      end: movsxd rax, eax
  ...[0x41, 0x5f], //                                 pop r15
  ...[0x41, 0x5e], //                                 pop r14
  ...[0x41, 0x5d], //                                 pop r13
  ...[0x41, 0x5c], //                                 pop r12
  ...[0x5d], //                                       pop rbp
  ...[0x5b], //                                       pop rbx
  ...[0xc3], //                                       ret
  ...[0x48, 0xc1, 0xc0, 0x04], //             digits: rol rax, 4
  ...[0x89, 0xc1], //                                 mov ecx, eax
  ...[0x83, 0xe1, 0x0f], //                           and ecx, 15
  ...[0x83, 0xc1, 0x30], //                           add ecx, 0x30
  ...[0x83, 0xf9, 0x39], //                           cmp ecx, 0x39
  ...[0x76, 0x03], //                                 jbe digit
  ...[0x83, 0xc1, 0x27], //                           add ecx, 39
  ...[0x88, 0x0f], //                          digit: mov [rdi], cl
  ...[0x48, 0xff, 0xc7], //                           inc rdi
  ...[0x41, 0xff, 0xca], //                           dec r10d
  ...[0x75, 0xe2], //                                 jne digits
  ...[0xc3], //                                       ret
];

/** Bytes that are taken at once: no fewer than the mark has, and no more than would be a large piece. */
export const LEAST = 16;
export const MOST = 1024;

/** What all share: addresses, epoll's descriptor, the deadline in nanoseconds or -1, and room for a clock. */
const BLOCK = { lanes: 0, events: 8, output: 16, epoll: 24, deadline: 32 } as const;
/** Of each descriptor that is lent. */
const LANE = {
  lent: 0,
  half: 4,
  open: 8,
  got: 12,
  bytes: 16,
  limit: 24,
  written: 32,
  current: 40,
  stamped: 44,
  buffer: 48,
  plans: 56,
  notes: 72,
  data: 88,
  mark: 112,
  plan: 128,
  note: 192,
  pieces: 232,
  size: 256,
} as const;

const EVENT_SIZE = 12;
const MOST_LANES = 65536;
// The lane of descriptor 0, what all share, the first events and a few lines of output lie in one page: each page more is one
// that the processor has to find anew for every line. Other lanes lie in front of it.
const LANES_AT = MOST_LANES * LANE.size;
const BLOCK_AT = LANES_AT + LANE.size;
const EVENTS_AT = BLOCK_AT + 64;
const OUTPUT_AT = EVENTS_AT + 256 * EVENT_SIZE;
/** A label of 26 bytes for each of MOST lines. */
const SIZE = LANES_AT + 8 * 4096;

/** What is needed to go on with a log. Of pairs, the first is for the first half of the buffer. */
export type Loan = {
  /** Which half counts; all of it is written, and it has no unfinished line. */
  readonly half: 0 | 1;
  /** `current`, open for appending; how many bytes it has, and how many it must not come to have. */
  readonly current: Fd;
  readonly bytes: number;
  readonly limit: number;
  /** Whether lines get a label. */
  readonly stamped: boolean;
  /** The address of the buffer, and how many bytes behind it the plan, note and data of each half lie. */
  readonly buffer: number;
  readonly plans: readonly [number, number];
  readonly notes: readonly [number, number];
  readonly data: readonly [number, number];
  readonly mark: Uint8Array;
  /** A plan and a note, but for length, moments, and base. */
  readonly plan: Uint8Array;
  readonly note: Uint8Array;
};

/** What became of it. */
export type Return = {
  readonly half: 0 | 1;
  /** The length of `current`. */
  readonly bytes: number;
  /** How many pieces were taken, and what the last of them became: bytes of it that are written. */
  readonly pieces: number;
  readonly written: number;
  /**
   * What the last read returned, less than 0 if it failed, where that piece is not dealt with: the half counts, and what was
   * read is to be noted and written.
   */
  readonly got: number | undefined;
};

export class Trickle {
  private readonly view: DataView;

  private constructor(
    private readonly region: Region,
    private readonly run: (block: number, size: number, nothing: number) => number,
  ) {
    this.view = new DataView(region.bytes.buffer);
    this.address(BLOCK_AT + BLOCK.lanes, LANES_AT);
    this.address(BLOCK_AT + BLOCK.events, EVENTS_AT);
    this.address(BLOCK_AT + BLOCK.output, OUTPUT_AT);
  }

  /** Undefined where there is no code for this processor, or memory may not be made executable. */
  static make(): Trickle | undefined {
    const code = executable(X86_64);
    if (code === undefined) return undefined;
    return new Trickle(new Region(SIZE), codeAt(code));
  }

  private address(at: number, offset: number): void {
    this.view.setBigUint64(at, BigInt(this.region.base + offset), true);
  }

  /**
   * As epollWait, up to an instant instead of so many milliseconds, or without end; but what comes for a descriptor that is
   * lent is dealt with, and not told, as far as that can be.
   * @throws {ErrnoError}
   */
  wait(epoll: Fd, until: Instant | undefined): Fd[] {
    const { view } = this;
    view.setUint32(BLOCK_AT + BLOCK.epoll, epoll, true);
    view.setBigInt64(
      BLOCK_AT + BLOCK.deadline,
      until === undefined ? -1n : BigInt(Math.ceil(until * 1e6)),
      true,
    );
    const left = this.run(this.region.base + BLOCK_AT, SIZE, 0);
    if (left < 0) {
      if (-left === EINTR) return [];
      throw new ErrnoError(errno(-left), "epoll_wait");
    }
    const ready: Fd[] = [];
    for (let at = EVENTS_AT; at < EVENTS_AT + left; at += EVENT_SIZE)
      ready.push(fd(view.getInt32(at + 4, true)));
    return ready;
  }

  /** Lends a pipe that is watched, until `takeBack`. @returns false if there is no room for its number */
  lend(input: Fd, loan: Loan): boolean {
    if (input >= MOST_LANES) return false;
    const { view, region } = this;
    const at = LANES_AT - input * LANE.size;
    view.setUint32(at + LANE.half, loan.half, true);
    view.setUint32(at + LANE.open, 0, true);
    view.setFloat64(at + LANE.pieces, 0, true);
    this.number(at + LANE.bytes, loan.bytes);
    this.number(at + LANE.limit, loan.limit);
    view.setUint32(at + LANE.current, loan.current, true);
    view.setUint32(at + LANE.stamped, loan.stamped ? 1 : 0, true);
    this.number(at + LANE.buffer, loan.buffer);
    for (const i of [0, 1] as const) {
      this.number(at + LANE.plans + 8 * i, loan.buffer + loan.plans[i]);
      this.number(at + LANE.notes + 8 * i, loan.buffer + loan.notes[i]);
      this.number(at + LANE.data + 8 * i, loan.buffer + loan.data[i]);
    }
    region.bytes.set(loan.mark, at + LANE.mark);
    region.bytes.set(loan.plan, at + LANE.plan);
    region.bytes.set(loan.note, at + LANE.note);
    view.setUint32(at + LANE.lent, 1, true);
    return true;
  }

  private number(at: number, value: number): void {
    this.view.setUint32(at, value % 2 ** 32, true);
    this.view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
  }

  private numberAt(at: number): number {
    return this.view.getInt32(at + 4, true) * 2 ** 32 + this.view.getUint32(at, true);
  }

  /** Takes back what was lent. */
  takeBack(input: Fd): Return {
    const { view } = this;
    const at = LANES_AT - input * LANE.size;
    view.setUint32(at + LANE.lent, 0, true);
    return {
      half: view.getUint32(at + LANE.half, true) === 0 ? 0 : 1,
      bytes: this.numberAt(at + LANE.bytes),
      pieces: this.numberAt(at + LANE.pieces),
      written: Math.max(0, this.numberAt(at + LANE.written)),
      got: view.getUint32(at + LANE.open, true) === 0 ? undefined : view.getInt32(at + LANE.got, true),
    };
  }
}
