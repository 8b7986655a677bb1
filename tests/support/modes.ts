// The ways svscan can supervise: in its own process, with a supervise of ours for each service, with C's.
import { haveC, ours, theirs } from "./programs.ts";

export type Mode = { readonly mode: string; readonly env: { readonly TEND_SUPERVISE: string | undefined } };

/** For `describe.each(modes)`. */
export const modes: readonly Mode[] = [
  { mode: "hosted", env: { TEND_SUPERVISE: undefined } },
  { mode: "with our supervise", env: { TEND_SUPERVISE: ours("supervise") } },
  ...(haveC ? [{ mode: "with the C supervise", env: { TEND_SUPERVISE: theirs("supervise") } }] : []),
];
