// The memory of log writers. What was read and what becomes of it lie in one block, because a line is copied by one call.
// A block has windows, in each of which the write-ahead buffer of a writer is seen while that has something to do, and rooms,
// one of which a writer has while it delivers: many writers touch the pages of few.
import { pipe } from "../sys/files.ts";
import { Region } from "../sys/memory.ts";
import type { Fd } from "../units/units.ts";

const PAGE = 4096;
const pages = (bytes: number): number => Math.ceil(bytes / PAGE) * PAGE;

/** Where a write-ahead buffer may be seen. */
export type Window = { readonly at: number; readonly size: number };
/** Where the output of a delivery may lie, behind 64 bytes for a stamp. */
export type Room = { readonly at: number; readonly size: number };

/** A room's bytes before its output. */
export const STAMP_ROOM = 64;

/** Where a byte is looked at that stays in its pipe. */
let peeking: readonly [Fd, Fd] | undefined;
export const peekPipe = (): readonly [Fd, Fd] => {
  peeking ??= pipe();
  return peeking;
};

export class LogMemory {
  readonly region: Region;
  /** A byte of the region that is used for nothing else. */
  readonly peekAt: number;
  private readonly windows: Window[] = [];
  private readonly rooms: Room[] = [];

  /**
   * @param writers how many may use it at once; pages cost nothing until they are touched
   * @param windowSize, roomSize in bytes
   */
  constructor(writers: number, windowSize: number, roomSize: number) {
    const window = pages(windowSize);
    const room = pages(STAMP_ROOM + roomSize);
    this.region = new Region(PAGE + writers * (window + room));
    this.peekAt = 0;
    // The first are taken last, so they lie last.
    for (let i = writers - 1; i >= 0; i--) {
      this.rooms.push({ at: PAGE + i * room, size: room - STAMP_ROOM });
      this.windows.push({ at: PAGE + writers * room + i * window, size: window });
    }
  }

  /** How many windows nobody has. */
  get free(): number {
    return this.windows.length;
  }

  /** A window that nobody has; undefined if there is none left. */
  takeWindow(): Window | undefined {
    return this.windows.pop();
  }

  /** What was seen in it is seen no more. */
  giveBackWindow(window: Window): void {
    this.region.clear(window.at, window.size);
    this.windows.push(window);
  }

  /** A room that nobody has: there is one for whoever has a window. The one that was used last is taken first. */
  takeRoom(): Room {
    return this.rooms.pop() as Room;
  }

  giveBackRoom(room: Room): void {
    this.rooms.push(room);
  }
}
