// A process under the hand of a tracer, which has it make one instruction after the other. ptrace(2), x86-64
import { dlopen, ptr } from "bun:ffi";

const library = dlopen("libc.so.6", {
  ptrace: { args: ["i32", "i32", "u64_fast", "u64_fast"], returns: "i64_fast" },
  waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
} as never);
const symbols = library.symbols as unknown as {
  readonly ptrace: (request: number, pid: number, address: number, data: number) => number;
  readonly waitpid: (pid: number, status: number, options: number) => number;
};

const PTRACE_SINGLESTEP = 9;
const PTRACE_GETREGS = 12;
const PTRACE_SYSCALL = 24;
const PTRACE_SEIZE = 0x4206;
const PTRACE_INTERRUPT = 0x4207;
const WALL = 0x40000000;
/** struct user_regs_struct: 27 words, and which they are. */
const REGISTERS = 27;
const RAX = 10;
const ORIG_RAX = 15;
const RIP = 16;

const EPOLL_WAIT = 232n;
/** What stands for a result while a call has not been made. */
const ENOSYS = -38n;

/** Whether processes may be traced here. */
export const traceable: boolean = process.arch === "x64" && mayTrace();

function mayTrace(): boolean {
  const child = Bun.spawn(["sleep", "60"]);
  const may = symbols.ptrace(PTRACE_SEIZE, child.pid, 0, 0) === 0;
  child.kill("SIGKILL");
  return may;
}

export class Steps {
  private readonly registers = new BigInt64Array(REGISTERS);
  private readonly status = new Int32Array(1);
  private readonly waitsAt: bigint;

  /** Takes hold of the main thread of `pid`, and has it go on to where it is about to wait in epoll_wait; then runs `meanwhile`. */
  constructor(
    private readonly pid: number,
    meanwhile: () => void,
  ) {
    this.order(PTRACE_SEIZE);
    this.order(PTRACE_INTERRUPT);
    this.await();
    do this.go(PTRACE_SYSCALL);
    while (this.register(ORIG_RAX) !== EPOLL_WAIT || this.register(RAX) !== ENOSYS);
    meanwhile();
    this.go(PTRACE_SYSCALL);
    // Where the instruction is that has been made, of two bytes.
    this.waitsAt = this.register(RIP) - 2n;
  }

  /** Makes one instruction. @returns whether it is about to wait again */
  step(): boolean {
    this.go(PTRACE_SINGLESTEP);
    return this.register(RIP) === this.waitsAt;
  }

  private order(request: number, data = 0): void {
    if (symbols.ptrace(request, this.pid, 0, data) !== 0) throw new Error(`ptrace ${request} failed`);
  }

  private go(request: number): void {
    this.order(request);
    this.await();
  }

  private await(): void {
    if (symbols.waitpid(this.pid, ptr(this.status), WALL) !== this.pid) throw new Error("it is gone");
    this.order(PTRACE_GETREGS, ptr(this.registers));
  }

  private register(number: number): bigint {
    return this.registers[number] as bigint;
  }
}
