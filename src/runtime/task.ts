// A piece of work that may have to wait: written straight on, with `yield` where it waits. The loop goes on meanwhile.
import { type Account, setFileIds } from "../sys/credentials.ts";

/** What a task waits for: calls `resume` once, when it has come. */
export type Wait = (resume: () => void) => void;
export type Task<Result = void> = Generator<Wait, Result, void>;

/**
 * What tasks have in common that were started in it, and those that these start: whose files they make, and that they go on
 * no more once it has ended.
 */
export class Scope {
  private ended = false;

  /** @param account makes and opens the files; undefined: this process, as it is */
  constructor(private readonly account?: Account) {}

  /** The scope at hand. */
  static current: Scope | undefined;

  private static enter(scope: Scope | undefined): void {
    if (Scope.current?.account !== scope?.account) setFileIds(scope?.account);
    Scope.current = scope;
  }

  /** Runs `act` in this scope; nothing happens once it has ended. */
  run(act: () => void): void {
    if (this.ended) return;
    const outer = Scope.current;
    if (outer === this) return act();
    Scope.enter(this);
    try {
      act();
    } finally {
      Scope.enter(outer);
    }
  }

  /** No task of it goes on: whatever it waits for comes to nothing. */
  end(): void {
    this.ended = true;
  }
}

/**
 * Runs `task` up to its first wait, and on from there when that has come, in the scope at hand.
 * @param done called when the task has ended: before this returns, if it never had to wait
 * @param failed told what the task threw
 */
export function start<Result>(
  task: Task<Result>,
  done: (result: Result) => void,
  failed: (error: unknown) => void,
): void {
  const scope = Scope.current;
  const step = (): void => {
    try {
      const next = task.next();
      if (!next.done) return next.value(resume);
      done(next.value);
    } catch (error) {
      failed(error);
    }
  };
  const resume: () => void = scope === undefined ? step : () => scope.run(step);
  step();
}
