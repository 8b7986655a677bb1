// The tools that can follow each other in one process. All are loaded with the first: they are small, and others of them
// are likely to come.
import { type Link, runChain } from "./chain.ts";
import { envdir } from "./envdir.ts";
import { envuidgid } from "./envuidgid.ts";
import { fghack } from "./fghack.ts";
import { isLink, type LinkName } from "./names.ts";
import { pgrphack } from "./pgrphack.ts";
import type { Program } from "./program.ts";
import { setlock } from "./setlock.ts";
import { setuidgid } from "./setuidgid.ts";
import { softlimit } from "./softlimit.ts";

const links: { readonly [name in LinkName]: Link } = {
  envdir,
  envuidgid,
  fghack,
  pgrphack,
  setlock,
  setuidgid,
  softlimit,
};

/** Runs the tool `name`, and whatever it leads to. */
export const runLink = (program: Program, name: LinkName): never =>
  runChain(program, links[name], (tool) => (isLink(tool) ? links[tool] : undefined));
