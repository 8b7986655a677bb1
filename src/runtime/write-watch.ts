// Which of many files were written to, for all services of a process: one descriptor, made when the first file is watched.
import { inotify, unwatchWrites, watchWrites, writtenTo } from "../sys/inotify.ts";
import type { ByteString, Fd } from "../units/units.ts";
import type { Loop } from "./loop.ts";

export class WriteWatch {
  private watch: Fd | undefined;
  private readonly handlers = new Map<number, () => void>();

  constructor(private readonly loop: Loop) {}

  /**
   * Calls `handler` after each write to the file `path`, or after several.
   * @returns what ends that @throws {ErrnoError} EMFILE, ENOSPC
   */
  onWrite(path: ByteString, handler: () => void): () => void {
    this.watch ??= this.begin();
    const { watch } = this;
    const number = watchWrites(watch, path);
    this.handlers.set(number, handler);
    return () => {
      if (this.handlers.delete(number)) unwatchWrites(watch, number);
    };
  }

  private begin(): Fd {
    const watch = inotify();
    this.loop.watch(watch, () => {
      for (const number of writtenTo(watch)) this.handlers.get(number)?.();
    });
    return watch;
  }
}
