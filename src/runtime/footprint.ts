// What a process that lives long does about the runtime's memory: at its start the runtime maps 33 MB of its executable, of
// which a supervisor needs a fifth afterwards, and it compiles what ran a few times, in threads, as if it would run for long.
import { AFTER_START_MS } from "../engine/rest.ts";
import { monotonic } from "../sys/clock.ts";
import { readableWithin } from "../sys/files.ts";
import { letGoOfExecutable, letGoOfPages } from "../sys/memory.ts";
import { type Fd, type Instant, later } from "../units/units.ts";

/**
 * How often something must have run before it is compiled: the runtime's own measure, three times as often, and what is as
 * good as never. What is compiled for a thousand services that are started once takes 5 MB by the runtime's own measure, 2 MB by
 * the second, and either saves a fifth of their starts' time.
 */
const AS_EVER = 1;
const OFTEN = 3;
const SELDOM = 100;
/** The same for a log with much to do, most of which is the kernel's: compiled sooner, plain lines take a tenth longer. */
const OFTEN_IN_LOGS = 30;
/** So much work between two rests is worth compiling for: 300 pieces of a log, or a large one. */
const MUCH_WORK = 300;
export const PIECE_WORK = 1;
export const LARGE_PIECE_WORK = MUCH_WORK;
/** The same of starts of programs: everything if they are starts again, what runs often then if they are first starts. */
const SOME_STARTS = 20;

/** So many starts leave garbage worth collecting. */
const MANY_STARTS = 200;
/** The allocator keeps what was freed for a second, in milliseconds, and then gives it back when it is asked next. */
const GIVEN_BACK_MS = 1500;
/** So many beginnings, and first words about what was begun, leave a megabyte of garbage. */
const MANY_TRACES = 100;

export class Footprint {
  /** Work since the last rest. */
  private work = 0;
  private policy = AS_EVER;
  /** Starts of programs since the last rest. */
  private starts = 0;
  /** Beginnings since the last rest; how many of all have not made themselves known yet; and how much has left garbage so far. */
  private beginnings = 0;
  private unannounced = 0;
  private traces = 0;
  /**
   * Collects what was made lately and is of no use any more: the runtime's edenGC, in programs that begin many things. To
   * import it takes 0.6 ms of a program's start.
   */
  collectRecent: () => void = () => {};
  /** The last rest has freed what the allocator gives back only later. */
  private owing = false;

  /** Compiles nothing until there is much to do: half a megabyte, and four threads, less for a few services. */
  compileSeldom(): void {
    this.work = 0;
    this.policy = SELDOM;
    Bun.unsafe.setJITPolicy(SELDOM);
  }

  private compile(policy: number): void {
    if (this.policy <= policy) return;
    this.policy = policy;
    Bun.unsafe.setJITPolicy(policy);
  }

  /** A program was started. */
  started(): void {
    this.starts++;
    if (this.starts - this.beginnings >= SOME_STARTS) this.compile(AS_EVER);
    else if (this.starts >= SOME_STARTS) this.compile(OFTEN);
  }

  /** Something was begun that is there to stay. */
  begun(): void {
    this.beginnings++;
    this.unannounced++;
    this.leftTrace();
  }

  /** The world was told of something, and perhaps of what was begun. */
  announced(): void {
    if (this.unannounced === 0) return;
    this.unannounced--;
    this.leftTrace();
  }

  /** What stays lies where there was room. Is garbage collected late, so it lies all over the memory that held that. */
  private leftTrace(): void {
    this.traces++;
    if (this.traces % MANY_TRACES === 0) this.collectRecent();
  }

  /** So much was done to a log. */
  worked(amount: number): void {
    if (this.policy <= OFTEN_IN_LOGS) return;
    this.work += amount;
    if (this.work >= MUCH_WORK) this.compile(OFTEN_IN_LOGS);
  }

  /**
   * Nothing is likely to happen soon. What is compiled stays so; without the first step, what comes once in a while would
   * be compiled anew for minutes, each time by a thread that wakes others when it begins, when it ends and when it goes.
   * @returns when to call it once more, in milliseconds: memory that was freed is given back then
   */
  rest(): number | undefined {
    // What the starts of many services have left, or their adoption, is garbage, in pages that no other collection gives back.
    // For a few, the threads that it starts take more.
    const much = Math.max(this.starts, this.beginnings) >= MANY_STARTS;
    if (much || this.owing) Bun.gc(true);
    this.owing = much;
    this.starts = 0;
    this.beginnings = 0;
    this.compileSeldom();
    this.letGo();
    return much ? GIVEN_BACK_MS : undefined;
  }

  /** What will be needed again is mapped again then. */
  letGo(): void {
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
