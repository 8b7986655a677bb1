// A piece of work that may have to wait: written straight on, with `yield` where it waits. The loop goes on meanwhile.

/** What a task waits for: calls `resume` once, when it has come. */
export type Wait = (resume: () => void) => void;
export type Task<Result = void> = Generator<Wait, Result, void>;

/**
 * Runs `task` up to its first wait, and on from there when that has come.
 * @param done called when the task has ended: before this returns, if it never had to wait
 * @param failed told what the task threw
 */
export function start<Result>(
  task: Task<Result>,
  done: (result: Result) => void,
  failed: (error: unknown) => void,
): void {
  const step = () => {
    try {
      const next = task.next();
      if (!next.done) return next.value(step);
      done(next.value);
    } catch (error) {
      failed(error);
    }
  };
  step();
}
