// Edits of an environment, in djb's order, which the program that is run can see. reference: README section 1
import type { ByteString } from "../units/units.ts";

/** `NAME=VALUE` sets a variable; a text without `=` removes the one of that name. */
export type Edit = ByteString;

/** The edit that sets `name` to `value`, or removes it. A name with a `=` in it sets what is before that, either way. */
export const edit = (name: ByteString, value: ByteString | undefined): Edit =>
  value === undefined ? name : `${name}=${value}`;

/**
 * What `environment` (each entry `NAME=VALUE`) becomes by `edits`, one after the other: the first entry of the name goes,
 * the last entry of all takes its place, and the new one, if there is one, comes last. Of a name that is there twice,
 * only the first is replaced.
 */
export function edited(environment: readonly ByteString[], edits: readonly Edit[]): ByteString[] {
  const entries = [...environment];
  for (const one of edits) {
    const split = one.indexOf("=");
    const name = split === -1 ? `${one}=` : one.slice(0, split + 1);
    for (let at = 0; at < entries.length; at++) {
      if (!(entries[at] as ByteString).startsWith(name)) continue;
      const last = entries.pop() as ByteString;
      if (at < entries.length) entries[at] = last;
      break;
    }
    if (split !== -1) entries.push(one);
  }
  return entries;
}

/** The value of the variable `name`: of the first, where there are several. */
export function valueIn(environment: readonly ByteString[], name: ByteString): ByteString | undefined {
  const start = `${name}=`;
  for (const entry of environment) if (entry.startsWith(start)) return entry.slice(start.length);
  return undefined;
}
