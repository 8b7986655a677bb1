// envuidgid - runs a program with the ids of an account in its environment. envuidgid(8)
import { getpwnam } from "../sys/credentials.ts";
import type { Chain, Command } from "./chain.ts";
import type { Program } from "./program.ts";

export function envuidgid(program: Program, chain: Chain): Command {
  const [account, child, ...args] = program.args;
  if (account === undefined || child === undefined) program.usage("envuidgid account child");
  const { uid, gid } = getpwnam(account) ?? program.fatal(`unknown account ${account}`);
  chain.setenv("GID", String(gid));
  chain.setenv("UID", String(uid));
  return [child, ...args];
}
