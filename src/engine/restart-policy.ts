// Whether a service is started again after its end, and how soon: what the files restart, backoff and start-limit ask for.
// A directory without them is started again always, a second after the last start. service-directory(5)
import { isSuccess } from "../formats/restart-files.ts";
import type { Asks } from "../formats/service-files.ts";
import type { Failure } from "../formats/service-record.ts";
import type { WaitStatus } from "../formats/wait-status.ts";
import { type Instant, later } from "../units/units.ts";

/** Why a service that is wanted up waits for longer than the second between starts. */
export type Pause = "backoff" | "limit" | "queue";

/** How a service has fared that is to be started less often the worse it does. */
export type Fare = {
  /** How many ends in a row came early. */
  readonly early: number;
  /** The starts that are counted for the limit, and since when. */
  readonly starts: number;
  readonly from: Instant;
  /** It was started too often, and is tried now and then until it stays up. */
  readonly limited: boolean;
  /** It is not to be started before, and why. */
  readonly until?: Instant | undefined;
  readonly why?: Exclude<Pause, "queue"> | undefined;
};

const unknown = (at: Instant): Fare => ({ early: 0, starts: 0, from: at, limited: false });

/** Whether the directory asks for any of this to be counted. */
export const counts = ({ backoff, startLimit }: Asks): boolean =>
  backoff !== undefined || startLimit !== undefined;

/** Whether it means something that somebody had the service end. */
export const minds = (asks: Asks): boolean => counts(asks) || asks.restart.after !== "always";

/** It was started, or could not be. Undefined where nothing is counted. */
export function afterStart(fare: Fare | undefined, at: Instant, asks: Asks): Fare | undefined {
  if (!counts(asks)) return undefined;
  const { until: _, why: __, ...before } = fare ?? unknown(at);
  const { withinMs } = asks.startLimit ?? { withinMs: 0 };
  const fresh = at > later(before.from, withinMs);
  return { ...before, starts: fresh ? 1 : before.starts + 1, from: fresh ? at : before.from };
}

/**
 * It has ended after `livedMs`. `asked`: as somebody asked, which is no fault of its.
 */
export function afterEnd(
  fare: Fare | undefined,
  livedMs: number,
  asked: boolean,
  at: Instant,
  asks: Asks,
): Fare | undefined {
  if (!counts(asks) || asked) return undefined;
  const before = fare ?? unknown(at);
  const { backoff, startLimit } = asks;
  const early = backoff !== undefined && livedMs < backoff.stableMs ? before.early + 1 : 0;
  const limited = before.limited && startLimit !== undefined && livedMs < startLimit.withinMs;
  // It stays up again: counting begins anew.
  const count = before.limited && !limited ? { starts: 0, from: at } : {};
  return { ...before, ...count, early, limited };
}

/** What comes of an end, once nothing is left of the service: a start at `until` or when a second is over, or none. */
export type Verdict =
  | {
      readonly again: true;
      readonly fare: Fare | undefined;
      /** A pause begins that is to be told. */
      readonly tell?: Exclude<Pause, "queue"> | undefined;
    }
  | { readonly again: false; readonly failed: Failure | undefined };

/** @param asked somebody wants it started again */
export function verdict(
  how: WaitStatus | undefined,
  failed: Failure | undefined,
  fare: Fare | undefined,
  at: Instant,
  asks: Asks,
  asked = false,
): Verdict {
  const { restart, backoff, startLimit } = asks;
  if (failed !== undefined) return { again: false, failed };
  if (restart.after !== "always" && !asked) {
    const success = isSuccess(how, restart);
    if (success) return { again: false, failed: undefined };
    if (restart.after === "never") return { again: false, failed: "restart-never" };
  }
  if (fare === undefined || !counts(asks)) return { again: true, fare: undefined };
  if (startLimit !== undefined) {
    const { starts, withinMs, retryMs } = startLimit;
    if (fare.limited || (fare.starts >= starts && at <= later(fare.from, withinMs))) {
      if (retryMs === undefined) return { again: false, failed: "start-limit" };
      const until = later(at, Math.max(retryMs, pauseMs(fare, asks)));
      const tell = fare.limited ? undefined : "limit";
      return { again: true, fare: { ...fare, limited: true, until, why: "limit" }, tell };
    }
  }
  if (backoff === undefined || fare.early === 0) return { again: true, fare };
  const until = later(at, pauseMs(fare, asks));
  return {
    again: true,
    fare: { ...fare, until, why: "backoff" },
    tell: fare.early === 1 ? "backoff" : undefined,
  };
}

/** The pause after so many early ends in a row. */
export function pauseMs({ early }: Fare, { backoff }: Asks): number {
  if (backoff === undefined || early === 0) return 0;
  return Math.min(backoff.firstMs * 2 ** Math.min(early - 1, 32), backoff.mostMs);
}
