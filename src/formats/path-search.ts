// How a program is looked for along PATH: djb's rules, which are not execvp's. reference: README section 1
import type { ByteString } from "../units/units.ts";

/** PATH where the environment has none. */
export const PATH_DEFAULT = "/bin:/usr/bin";

/** The files to try for `name`, in order. A name with a slash is taken as it is; an empty component means `.`. */
export function pathCandidates(name: ByteString, path: ByteString = PATH_DEFAULT): ByteString[] {
  if (name.includes("/")) return [name];
  const files: ByteString[] = [];
  for (const component of path.split(":")) files.push(`${component === "" ? "." : component}/${name}`);
  return files;
}

const EPERM = 1;
const ENOENT = 2;
const EACCES = 13;
const EISDIR = 21;

/**
 * Tries `candidates` in turn. `attempt` returns the error number it failed with, or undefined when it succeeded: ENOENT is
 * passed over, EACCES, EPERM and EISDIR are remembered for the end, anything else ends the search at once.
 * @returns undefined on success, else the number to report: the one that ended the search, the last one remembered, or
 *   ENOENT
 */
export function search(
  candidates: readonly ByteString[],
  attempt: (file: ByteString) => number | undefined,
): number | undefined {
  let remembered = ENOENT;
  for (const file of candidates) {
    const code = attempt(file);
    if (code === EPERM || code === EACCES || code === EISDIR) remembered = code;
    else if (code !== ENOENT) return code;
  }
  return remembered;
}
