// pgrphack - runs a program in a session of its own. pgrphack(8)
import { errnoOf } from "../sys/errno.ts";
import { setsid } from "../sys/process.ts";
import type { Chain, Command } from "./chain.ts";
import type { Program } from "./program.ts";

export function pgrphack(program: Program, _chain: Chain): Command {
  const [child, ...args] = program.args;
  if (child === undefined) program.usage("pgrphack child");
  try {
    setsid();
  } catch (error) {
    // It leads a process group already, and stays as it is.
    errnoOf(error);
  }
  return [child, ...args];
}
