// setuidgid - runs a program as another account. setuidgid(8)
import { getpwnam, setgid, setgroups, setuid } from "../sys/credentials.ts";
import type { Chain, Command } from "./chain.ts";
import type { Program } from "./program.ts";

export function setuidgid(program: Program, chain: Chain): Command {
  const [account, child, ...args] = program.args;
  if (account === undefined || child === undefined) program.usage("setuidgid account child");
  const { uid, gid } = getpwnam(account) ?? program.fatal(`unknown account ${account}`);
  program.orFatal("unable to setgid", () => {
    setgroups([gid]);
    setgid(gid);
  });
  program.orFatal("unable to setuid", () => chain.changeUser(() => setuid(uid)));
  return [child, ...args];
}
