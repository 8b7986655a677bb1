// tend: the one executable. Which program it is, its name says (argv[0]), or its first argument.
// Before every other module: see there. An import for its effect alone is never moved by the formatter.
import "./sys/boot.ts";

import { type Link, runChain } from "./programs/chain.ts";
import { type ProgramName, programs, SUMMARIES } from "./programs/names.ts";
import { EXIT, type Main, Program, put, STDERR, STDOUT } from "./programs/program.ts";
import { inheritedMask } from "./sys/boot.ts";
import { commandLine } from "./sys/inherited.ts";
import { exit } from "./sys/process.ts";
import { setMask } from "./sys/signals.ts";
import type { ByteString } from "./units/units.ts";

declare const TEND_VERSION: string;

// Each is evaluated only when it is the one.
const links = {
  envdir: () => (require("./programs/envdir.ts") as typeof import("./programs/envdir.ts")).envdir,
  envuidgid: () => (require("./programs/envuidgid.ts") as typeof import("./programs/envuidgid.ts")).envuidgid,
  fghack: () => (require("./programs/fghack.ts") as typeof import("./programs/fghack.ts")).fghack,
  pgrphack: () => (require("./programs/pgrphack.ts") as typeof import("./programs/pgrphack.ts")).pgrphack,
  setlock: () => (require("./programs/setlock.ts") as typeof import("./programs/setlock.ts")).setlock,
  setuidgid: () => (require("./programs/setuidgid.ts") as typeof import("./programs/setuidgid.ts")).setuidgid,
  softlimit: () => (require("./programs/softlimit.ts") as typeof import("./programs/softlimit.ts")).softlimit,
} as const satisfies { readonly [name in ProgramName]?: () => Link };
const mains: { readonly [name in Exclude<ProgramName, keyof typeof links>]: () => Main } = {
  readproctitle: () =>
    (require("./programs/readproctitle.ts") as typeof import("./programs/readproctitle.ts")).readproctitle,
  multilog: () => (require("./programs/multilog.ts") as typeof import("./programs/multilog.ts")).multilog,
  supervise: () => (require("./programs/supervise.ts") as typeof import("./programs/supervise.ts")).supervise,
  svc: () => (require("./programs/svc.ts") as typeof import("./programs/svc.ts")).svc,
  svok: () => (require("./programs/svok.ts") as typeof import("./programs/svok.ts")).svok,
  svscan: () => (require("./programs/svscan.ts") as typeof import("./programs/svscan.ts")).svscan,
  svscanboot: () =>
    (require("./programs/svscanboot.ts") as typeof import("./programs/svscanboot.ts")).svscanboot,
  svstat: () => (require("./programs/svstat.ts") as typeof import("./programs/svstat.ts")).svstat,
  tai64n: () => (require("./programs/tai64n.ts") as typeof import("./programs/tai64n.ts")).tai64n,
  tai64nlocal: () =>
    (require("./programs/tai64nlocal.ts") as typeof import("./programs/tai64nlocal.ts")).tai64nlocal,
};

const isProgram = (name: ByteString | undefined): name is ProgramName =>
  name !== undefined && Object.hasOwn(SUMMARIES, name);

const isLink = (name: ByteString): name is keyof typeof links => Object.hasOwn(links, name);

const baseName = (path: ByteString): ByteString => path.slice(path.lastIndexOf("/") + 1);

/** The programs that take signals as events. */
const TAKES_SIGNALS: readonly ProgramName[] = ["multilog", "supervise", "svscan", "svscanboot"];

function run(name: ProgramName, args: readonly ByteString[], calledAs: ByteString): never {
  if (!TAKES_SIGNALS.includes(name)) setMask(inheritedMask);
  const program = new Program(name, args, calledAs);
  if (!isLink(name)) return mains[name]()(program);
  return runChain(program, links[name](), (tool) => (isLink(tool) ? links[tool] : undefined));
}

/** `tend` under its own name: a program by its first argument, or what there is. */
function tend([verb, ...rest]: readonly ByteString[]): never {
  if (isProgram(verb)) run(verb, rest, verb);
  switch (verb) {
    case "--version":
      put(STDOUT, `tend ${TEND_VERSION}\n`);
      return exit(EXIT.ok);
    case undefined:
    case "--help":
      put(STDOUT, help());
      return exit(EXIT.ok);
    default:
      put(STDERR, `tend: fatal: no program called ${verb}; tend --help lists them\n`);
      return exit(EXIT.usage);
  }
}

const help = (): string => {
  const width = Math.max(...programs.map((name) => name.length));
  return [
    `tend ${TEND_VERSION}: daemontools in one executable`,
    "usage: tend program [ arg ... ]",
    "",
    ...programs.map((name) => `  ${name.padEnd(width)}  ${SUMMARIES[name]}`),
    "",
  ].join("\n");
};

const [argv0 = "", ...args] = commandLine();
const called = baseName(argv0);
if (isProgram(called)) run(called, args, called);
else tend(args);
