// When a process that waits for events takes a rest: once what happened is over, and nothing more is expected. A rest costs
// the next event a fraction of a millisecond, and one that nothing else comes with wakes the process. So there is one after
// the start, and from then on at most one a minute, fewer where things keep happening, and none while nothing happens.
import { type Instant, instant, later } from "../units/units.ts";

/**
 * The first rest, after the start, in milliseconds: until then svscan looks at its directory twice more, and the runtime
 * ends threads that are idle.
 */
export const AFTER_START_MS = 12_000;
/**
 * The next one, after the first event since the last: twice as long each time that this came sooner than that, for then the
 * next is likely to, and will need what a rest would give back.
 */
const AFTER_EVENT_MS = 60_000;
const LONGEST_AFTER_EVENT_MS = 960_000;
/** It waits for so long a pause ... */
const PAUSE_MS = 1000;
/** ... but not for ever. */
const PATIENCE_MS = 60_000;

export class Rest {
  /** Not before this, and at the latest then; undefined where nothing has happened since the last rest. */
  private between: readonly [Instant, Instant] | undefined;
  private last: Instant;
  private rested: Instant;
  private afterEvent = AFTER_EVENT_MS;

  /** @param start when the process began */
  constructor(start: Instant) {
    this.last = start;
    this.rested = start;
    this.between = [later(start, AFTER_START_MS), later(start, AFTER_START_MS + PATIENCE_MS)];
  }

  /** Something happened. */
  happened(now: Instant): void {
    this.last = now;
    if (this.between !== undefined) return;
    const soon = now < later(this.rested, this.afterEvent);
    this.afterEvent = soon ? Math.min(2 * this.afterEvent, LONGEST_AFTER_EVENT_MS) : AFTER_EVENT_MS;
    this.between = [later(now, this.afterEvent), later(now, this.afterEvent + PATIENCE_MS)];
  }

  /** When the next rest is due, unless something happens before. */
  get due(): Instant | undefined {
    if (this.between === undefined) return undefined;
    const [soonest, latest] = this.between;
    return instant(Math.min(latest, Math.max(soonest, this.last + PAUSE_MS)));
  }

  /** Whether it is time; then the next one is due only after something has happened. */
  take(now: Instant): boolean {
    const { due } = this;
    if (due === undefined || due > now) return false;
    this.between = undefined;
    this.rested = now;
    return true;
  }
}
