// Waiting for a fact. No test of the project waits for a number of seconds.

/** How long a fact may take, in milliseconds, on a machine that does much else. */
export const PATIENCE_MS = 45_000;

/**
 * Waits until `condition` gives something that is neither false nor undefined, and returns it.
 * @param what the fact, as a sentence for the error message
 * @throws {Error} after `deadlineMs`, with the last error that `condition` threw, if it did
 */
export async function until<Fact>(
  condition: () => Fact | Promise<Fact>,
  what: string,
  deadlineMs = PATIENCE_MS,
): Promise<Exclude<Fact, false | undefined | null>> {
  const end = performance.now() + deadlineMs;
  let reason: unknown;
  for (let pause = 1; ; pause = Math.min(pause * 1.5, 25)) {
    try {
      const fact = await condition();
      if (fact !== false && fact !== undefined && fact !== null)
        return fact as Exclude<Fact, false | undefined | null>;
      reason = undefined;
    } catch (error) {
      reason = error;
    }
    if (performance.now() > end) break;
    await Bun.sleep(pause);
  }
  throw new Error(`not within ${deadlineMs} ms: ${what}`, { cause: reason });
}
