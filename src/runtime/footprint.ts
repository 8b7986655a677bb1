// What a process that lives long does about the runtime's memory: at its start the runtime maps 33 MB of its executable, of
// which a supervisor needs a fifth afterwards, and it compiles what ran a few times, in threads, as if it would run for long.
import { AFTER_START_MS } from "../engine/rest.ts";
import { monotonic } from "../sys/clock.ts";
import { readableWithin } from "../sys/files.ts";
import { letGoOfExecutable, letGoOfPages } from "../sys/memory.ts";
import { type Fd, type Instant, later } from "../units/units.ts";

/** The runtime's own measure of how often something must have run before it is compiled, and what is as good as never. */
const AS_EVER = 1;
const SELDOM = 100;
/** So much work between two rests is worth compiling for: 20 starts of programs, or 300 pieces of a log, or a large one. */
const MUCH_WORK = 300;
const START_WORK = 15;
export const PIECE_WORK = 1;
export const LARGE_PIECE_WORK = MUCH_WORK;

/** So many starts leave garbage worth collecting. */
const MANY_STARTS = 200;

export class Footprint {
  /** Work since the last rest. */
  private work = 0;
  private seldom = false;
  /** Starts of programs since the last rest. */
  private starts = 0;

  /** Compiles nothing until there is much to do: half a megabyte, and four threads, less for a few services. */
  compileSeldom(): void {
    this.work = 0;
    this.seldom = true;
    Bun.unsafe.setJITPolicy(SELDOM);
  }

  /** A program was started. */
  started(): void {
    this.starts++;
    this.worked(START_WORK);
  }

  /** Much was begun at once that is there to stay: what it leaves is to lie among little of that. */
  collect(): void {
    Bun.gc(true);
  }

  /** So much was done. */
  worked(amount: number): void {
    if (!this.seldom) return;
    this.work += amount;
    if (this.work < MUCH_WORK) return;
    this.seldom = false;
    Bun.unsafe.setJITPolicy(AS_EVER);
  }

  /**
   * Nothing is likely to happen soon. What is compiled stays so; without the first step, what comes once in a while would
   * be compiled anew for minutes, each time by a thread that wakes others when it begins, when it ends and when it goes.
   */
  rest(): void {
    // Of what the starts of many services have left, half is garbage, in pages that no other collection gives back: 5 kB a
    // service. For a few, the threads that it starts take more.
    if (this.starts >= MANY_STARTS) Bun.gc(true);
    this.starts = 0;
    this.compileSeldom();
    letGoOfExecutable();
    letGoOfPages();
  }
}

/** The same for a program that does nothing but read, and has no loop: one rest, some time after the start. */
export class Reading {
  private due: Instant | undefined;

  constructor(afterMs: number = AFTER_START_MS) {
    this.due = later(monotonic(), afterMs);
  }

  /** To be called before each read of `input`: returns when that would not wait, or the rest is over. */
  await(input: Fd): void {
    if (this.due === undefined) return;
    const left = Math.ceil(this.due - monotonic());
    if (left > 0 && readableWithin(input, left)) return;
    this.due = undefined;
    letGoOfExecutable();
  }
}
