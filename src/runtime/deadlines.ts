// Things to do at an instant, soonest first: a binary heap. Adding and taking cost O(log n), taking back O(1).
import type { Instant } from "../units/units.ts";

type Item<Value> = { readonly at: Instant; value: Value | undefined };

export class Deadlines<Value> {
  private readonly heap: Item<Value>[] = [];

  /** @returns what takes `value` back */
  add(at: Instant, value: Value): () => void {
    const item: Item<Value> = { at, value };
    const { heap } = this;
    let i = heap.push(item) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if ((heap[parent] as Item<Value>).at <= at) break;
      heap[i] = heap[parent] as Item<Value>;
      i = parent;
    }
    heap[i] = item;
    return () => {
      item.value = undefined;
    };
  }

  /** The soonest instant, if there is any. */
  get next(): Instant | undefined {
    this.dropTakenBack();
    return this.heap[0]?.at;
  }

  /** Removes and returns the soonest value that is due at `now`. */
  take(now: Instant): Value | undefined {
    this.dropTakenBack();
    const first = this.heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.removeFirst();
    return first.value;
  }

  private dropTakenBack(): void {
    while (this.heap.length > 0 && this.heap[0]?.value === undefined) this.removeFirst();
  }

  private removeFirst(): void {
    const { heap } = this;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Item<Value>).at < (heap[child] as Item<Value>).at)
        child++;
      if ((heap[child] as Item<Value>).at >= last.at) break;
      heap[i] = heap[child] as Item<Value>;
      i = child;
    }
    heap[i] = last;
  }
}
