// What a process that lives long does about the runtime's memory: at its start the runtime maps 33 MB of its executable, of
// which a supervisor needs a fifth afterwards, and it compiles what ran a few times, in threads, as if it would run for long.
import { AFTER_START_MS } from "../engine/rest.ts";
import { monotonic } from "../sys/clock.ts";
import { readableWithin } from "../sys/files.ts";
import { letGoOfExecutable } from "../sys/memory.ts";
import { type Fd, type Instant, later } from "../units/units.ts";

/** The runtime's own measure of how often something must have run before it is compiled, and what is as good as never. */
const AS_EVER = 1;
const SELDOM = 100;
/** So many starts between two rests are worth compiling for. */
const MANY_STARTS = 50;
export class Footprint {
  private starts = 0;

  /** Compiles nothing until there is much to do: half a megabyte, and four threads, less for a few services. */
  compileSeldom(): void {
    this.starts = 0;
    Bun.unsafe.setJITPolicy(SELDOM);
  }

  /** A program was started. */
  started(): void {
    if (++this.starts === MANY_STARTS) Bun.unsafe.setJITPolicy(AS_EVER);
  }

  /**
   * Nothing is likely to happen soon. What is compiled stays so; without the first step, what comes once in a while would
   * be compiled anew for minutes, each time by a thread that wakes others when it begins, when it ends and when it goes. A
   * forced collection frees nothing.
   */
  rest(): void {
    this.compileSeldom();
    letGoOfExecutable();
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
