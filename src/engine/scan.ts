// What svscan decides after it has read its directory: which services begin, which are forgotten, and what is worth
// saying. It does no I/O; runtime/scan-directory.ts reads the directory and performs the effects. svscan(8)
import type { ByteString } from "../units/units.ts";

/** A service is its device and inode: renaming a directory, or naming it twice, changes nothing. */
export type Identity = string;

/** One name in the scan directory, in the directory's order; names that begin with a dot are left out. */
export type Entry =
  | { readonly name: ByteString; readonly identity: Identity; readonly log: boolean }
  /** Something kept the name from being looked at; `warning` says what. Known services of that identity go on. */
  | { readonly name: ByteString; readonly identity?: Identity; readonly warning: ByteString };

/** The half of a pair: the service itself, or the logger in its `log`. */
export type Part = "service" | "log";
export const PARTS = ["service", "log"] as const satisfies readonly Part[];

/** A service svscan looks after. */
export type Known = {
  readonly name: ByteString;
  readonly log: boolean;
  /** Its name was there at the last scan. One that is not, and has nothing running, is forgotten. */
  readonly active: boolean;
};

export type Scan = {
  readonly services: ReadonlyMap<Identity, Known>;
  /** The warnings of the last scan, by name: one is said again only when it changes. */
  readonly warnings: ReadonlyMap<ByteString, ByteString>;
};

export type ScanEffect =
  | { readonly do: "start"; readonly identity: Identity; readonly part: Part }
  | { readonly do: "forget"; readonly identity: Identity }
  | { readonly do: "warn"; readonly text: ByteString };

export const nothingKnown: Scan = { services: new Map(), warnings: new Map() };

/**
 * Compares the directory with what is known.
 * @param complete false if the directory could not be read to its end: then nothing is taken for gone
 * @param running whether a supervisor runs for that half now
 */
export function scan(
  before: Scan,
  entries: readonly Entry[],
  complete: boolean,
  running: (identity: Identity, part: Part) => boolean,
): { readonly scan: Scan; readonly effects: readonly ScanEffect[] } {
  const services = new Map<Identity, Known>();
  const seen = new Set<Identity>();
  // What was not read this time has not changed.
  const warnings = new Map<ByteString, ByteString>(complete ? [] : before.warnings);
  const effects: ScanEffect[] = [];
  for (const [identity, known] of before.services)
    services.set(identity, { ...known, active: !complete && known.active });

  for (const entry of entries) {
    const known = entry.identity === undefined ? undefined : before.services.get(entry.identity);
    if ("warning" in entry) {
      warnings.set(entry.name, entry.warning);
      if (before.warnings.get(entry.name) !== entry.warning)
        effects.push({ do: "warn", text: entry.warning });
      if (entry.identity === undefined || known === undefined) continue;
    }
    const { identity, name } = entry;
    // The first name of a directory wins.
    if (identity === undefined || seen.has(identity)) continue;
    seen.add(identity);
    const log = known?.log === true || ("log" in entry && entry.log);
    services.set(identity, { name, log, active: true });
    for (const part of PARTS) {
      if ((part === "service" || log) && !running(identity, part))
        effects.push({ do: "start", identity, part });
    }
  }

  if (complete) {
    for (const [identity, { active }] of services) {
      if (active || PARTS.some((part) => running(identity, part))) continue;
      services.delete(identity);
      effects.push({ do: "forget", identity });
    }
  }
  return { scan: { services, warnings }, effects };
}
