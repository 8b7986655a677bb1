// What svscan need not look at, because the kernel will tell: each service directory and each record has a watch that tells
// once. While all have one, nothing wakes svscan. Where one cannot have it (a file system that others change, no directory, no
// watches left), there is no vigil, and svscan looks every five seconds. inotify(7)
import { ENOENT, ErrnoError, errnoOf } from "../sys/errno.ts";
import { drainWatch, inotify, tellsAll, watchFileOnce, watchNamesOnce } from "../sys/inotify.ts";
import type { ByteString, Fd } from "../units/units.ts";
import type { World } from "./world.ts";

export class Vigil {
  private keeping = false;

  /**
   * @param held the descriptor of all watches, if there is one yet. It stays when a vigil is over: to close it takes 25 ms, or
   * more, for the kernel waits until nobody can be using them. A watch that was not told of is there for the next vigil.
   * @param onChange told once that something has changed; the vigil is over then
   */
  constructor(
    private readonly world: World,
    public held: Fd | undefined,
    private readonly onChange: () => void,
  ) {}

  /** Begins, with nothing to watch yet. @returns false where that cannot be */
  begin(): boolean {
    this.end();
    try {
      this.held ??= this.world.descriptors.open(inotify);
      drainWatch(this.held);
      this.keeping = true;
      this.world.loop.watch(this.held, () => {
        this.end();
        this.onChange();
      });
      return true;
    } catch (error) {
      errnoOf(error);
      this.end();
      return false;
    }
  }

  /** Watches the directory `path` and the records in it and its `log`. @returns false where that cannot be: the vigil is over */
  add(path: ByteString): boolean {
    const { held: watch } = this;
    if (!this.keeping || watch === undefined) return false;
    try {
      if (!tellsAll(path)) throw new ErrnoError(ENOENT, "statfs", path);
      watchNamesOnce(watch, path);
      watchFileOnce(watch, `${path}/supervise/record`);
      watchFileOnce(watch, `${path}/log/supervise/record`);
      return true;
    } catch (error) {
      errnoOf(error);
      this.end();
      return false;
    }
  }

  end(): void {
    if (this.keeping && this.held !== undefined) this.world.loop.unwatch(this.held);
    this.keeping = false;
  }
}
