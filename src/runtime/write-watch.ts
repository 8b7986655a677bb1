// Which of many files were written to, for all services of a process: one descriptor, made when the first file is watched. It
// stays, for to close it takes 25 ms: the kernel waits until nobody can be using its watches. inotify(7)
import { ErrnoError } from "../sys/errno.ts";
import { inotify, unwatchWrites, watchWrites, writtenTo } from "../sys/inotify.ts";
import type { ByteString, Fd } from "../units/units.ts";
import type { Loop } from "./loop.ts";

export class WriteWatch {
  private readonly handlers = new Map<number, () => void>();

  /** @param held of the image before this one, which may watch files yet that are nobody's */
  constructor(
    private readonly loop: Loop,
    public held: Fd | undefined,
  ) {
    if (held !== undefined) this.listen(held);
  }

  /**
   * Calls `handler` after each write to the file `path`, or after several.
   * @returns what ends that @throws {ErrnoError} EMFILE, ENOSPC, ENOENT
   */
  onWrite(path: ByteString, handler: () => void): () => void {
    if (this.held === undefined) {
      this.held = inotify();
      this.listen(this.held);
    }
    const watch = this.held;
    const number = watchWrites(watch, path);
    this.handlers.set(number, handler);
    return () => {
      if (this.handlers.delete(number)) unwatchWrites(watch, number);
    };
  }

  private listen(watch: Fd): void {
    this.loop.watch(watch, () => {
      for (const number of this.written(watch)) {
        const handler = this.handlers.get(number);
        if (handler !== undefined) handler();
        else unwatchWrites(watch, number);
      }
    });
  }

  /** Which may have been written to: where that cannot be read, all. */
  private written(watch: Fd): readonly number[] {
    try {
      return writtenTo(watch);
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      return [...this.handlers.keys()];
    }
  }
}
