// What a service tells in a datagram to $NOTIFY_SOCKET. sd_notify(3)
import type { ByteString } from "../units/units.ts";

/** The longest status text that is kept, in bytes. */
export const MOST_STATUS = 255;
/** The longest time that is believed, in milliseconds: 49 days, as in the files of a service directory. */
const MOST_MS = 2 ** 32 - 1;

/** What one datagram says, of what a supervisor can use. Each field is there if it was said. */
export type Notification = {
  readonly ready?: true;
  readonly reloading?: true;
  readonly stopping?: true;
  readonly status?: ByteString;
  /** It is alive; or it knows that something is wrong and asks to be treated as if it were not. */
  readonly watchdog?: "alive" | "trigger";
  /** How often it will say so, from now on; 0 for never. */
  readonly watchdogMs?: number;
  /** It needs that long, from now, for what it is doing: to become ready, or to stop. */
  readonly extendMs?: number;
};

/** Assignments by line; of several of one name the first counts, as in systemd. Whatever else is in it means nothing. */
export function decodeNotification(text: ByteString): Notification {
  let told: Notification = {};
  for (const line of text.split("\n").toReversed()) {
    const at = line.indexOf("=");
    if (at > 0) told = { ...told, ...said(line.slice(0, at), line.slice(at + 1)) };
  }
  return told;
}

function said(name: ByteString, value: ByteString): Notification {
  switch (name) {
    case "READY":
      return value === "1" ? { ready: true } : {};
    case "RELOADING":
      return value === "1" ? { reloading: true } : {};
    case "STOPPING":
      return value === "1" ? { stopping: true } : {};
    case "STATUS":
      return { status: cut(value) };
    case "WATCHDOG":
      return value === "1" ? { watchdog: "alive" } : value === "trigger" ? { watchdog: "trigger" } : {};
    case "WATCHDOG_USEC": {
      const watchdogMs = milliseconds(value);
      return watchdogMs === undefined ? {} : { watchdogMs };
    }
    case "EXTEND_TIMEOUT_USEC": {
      const extendMs = milliseconds(value);
      return extendMs === undefined ? {} : { extendMs };
    }
    default:
      return {};
  }
}

/** Its first MOST_STATUS bytes, without a character of UTF-8 of which that is a part. */
function cut(text: ByteString): ByteString {
  if (text.length <= MOST_STATUS) return text;
  return text
    .slice(0, MOST_STATUS)
    .replace(/([\xc0-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf7][\x80-\xbf]{0,2})$/, "");
}

/** Microseconds as milliseconds, rounded up. */
function milliseconds(text: ByteString): number | undefined {
  const ms = Math.ceil(Number(text) / 1000);
  return /^[0-9]{1,20}$/.test(text) && ms <= MOST_MS ? ms : undefined;
}
