// Chain loading: each tool in front of /bin/true, and five of them. Under C each is a process image of its own; ours do
// their parts in one.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { timed } from "./support/command.ts";
import { type Bench, interleave } from "./support/frame.ts";

export const rows: Bench = async function* ({ dir, rounds, tend }) {
  const variables = join(dir, "env");
  mkdirSync(variables);
  for (const name of ["A", "B", "C"]) writeFileSync(join(variables, name), "value\n");
  const lock = join(dir, "lock");
  const tools: { readonly [title: string]: readonly string[] } = {
    setuidgid: ["setuidgid", "nobody"],
    envuidgid: ["envuidgid", "nobody"],
    envdir: ["envdir", variables],
    softlimit: ["softlimit", "-o", "250"],
    setlock: ["setlock", lock],
    pgrphack: ["pgrphack"],
    fghack: ["fghack"],
  };
  const [, , envdir = [], softlimit = [], setlock = [], pgrphack = []] = Object.values(tools);
  // setuidgid last: the others need what only root may open.
  const five = [...setlock, ...pgrphack, ...envdir, ...softlimit, "setuidgid", "nobody"];
  const measure = async (words: readonly string[], full: number) => {
    const [tool = "", ...args] = words;
    const command = (path: string) => () =>
      timed([path, ...args, "/bin/true"], { env: [`PATH=${dirname(path)}`] });
    return interleave(rounds(full), {
      tend: command(tend(tool)),
      C: existsSync(`/usr/bin/${tool}`) ? command(`/usr/bin/${tool}`) : undefined,
    });
  };
  for (const [title, words] of Object.entries(tools)) {
    const samples = await measure(words, 60);
    yield { name: `${title} /bin/true`, unit: "ms", better: "less", samples, must: { value: 8 } };
  }
  const samples = await measure(five, 100);
  const name = "five tools in a row, /bin/true";
  yield { name, unit: "ms", better: "less", samples, must: { value: 10 }, should: { value: 6 } };
};
