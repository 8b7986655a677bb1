// Where the programs are: ours in dist/bin, the C ones where Debian puts them.
import { existsSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "..", "..");

/** The path of one of our programs, in the built executable. */
export const ours = (name: string): string => join(root, "dist/bin", name);

/** The path of one of the C programs. */
export const theirs = (name: string): string => `/usr/bin/${name}`;

/** Whether the C programs are here: tests that compare with them are `test.skipIf(!haveC)`. */
export const haveC: boolean = existsSync(theirs("svc"));

/** Both suites, for tests that hold for either: `describe.each(suites)`. */
export const suites: readonly { readonly suite: string; readonly program: (name: string) => string }[] = [
  { suite: "tend", program: ours },
  ...(haveC ? [{ suite: "C", program: theirs }] : []),
];

/** `name` of Debian's packages, if installed: for `test.skipIf(which("nginx") === null)`. */
export const which = (name: string): string | null =>
  Bun.which(name, { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" });
