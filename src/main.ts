// tend: the one executable. Which program it is, its name says (argv[0]), or its first argument.
// Before every other module: see there. An import for its effect alone is never moved by the formatter.
import "./sys/boot.ts";

import { LINKS, type LinkName, type ProgramName, programs, SUMMARIES } from "./programs/names.ts";
import { EXIT, type Main, Program, put, STDERR, STDOUT } from "./programs/program.ts";
import { inheritedMask } from "./sys/boot.ts";
import { commandLine } from "./sys/inherited.ts";
import { exit } from "./sys/process.ts";
import { setMask } from "./sys/signals.ts";
import type { ByteString } from "./units/units.ts";

declare const TEND_VERSION: string;

// Each is a file of its own in the executable, read when it is the one.
const mains: { readonly [name in Exclude<ProgramName, LinkName>]: () => Promise<Main> } = {
  readproctitle: async () => (await import("./programs/readproctitle.ts")).readproctitle,
  multilog: async () => (await import("./programs/multilog.ts")).multilog,
  supervise: async () => (await import("./programs/supervise.ts")).supervise,
  svc: async () => (await import("./programs/svc.ts")).svc,
  svok: async () => (await import("./programs/svok.ts")).svok,
  svscan: async () => (await import("./programs/svscan.ts")).svscan,
  svscanboot: async () => (await import("./programs/svscanboot.ts")).svscanboot,
  svstat: async () => (await import("./programs/svstat.ts")).svstat,
  tai64n: async () => (await import("./programs/tai64n.ts")).tai64n,
  tai64nlocal: async () => (await import("./programs/tai64nlocal.ts")).tai64nlocal,
};

const isProgram = (name: ByteString | undefined): name is ProgramName =>
  name !== undefined && Object.hasOwn(SUMMARIES, name);

const isLink = (name: ProgramName): name is LinkName => (LINKS as readonly ProgramName[]).includes(name);

const baseName = (path: ByteString): ByteString => path.slice(path.lastIndexOf("/") + 1);

/** The programs that take signals as events. */
const TAKES_SIGNALS: readonly ProgramName[] = ["multilog", "supervise", "svscan", "svscanboot"];

async function run(name: ProgramName, args: readonly ByteString[], calledAs: ByteString): Promise<never> {
  if (!TAKES_SIGNALS.includes(name)) setMask(inheritedMask);
  const program = new Program(name, args, calledAs);
  if (isLink(name)) return (await import("./programs/links.ts")).runLink(program, name);
  return (await mains[name]())(program);
}

/** The verbs of `tend` that are no programs of the suite. */
const verbs = { status: async () => (await import("./tend/status.ts")).status } as const;

const isVerb = (word: ByteString | undefined): word is keyof typeof verbs =>
  word !== undefined && Object.hasOwn(verbs, word);

async function runVerb(verb: keyof typeof verbs, words: readonly ByteString[]): Promise<never> {
  setMask(inheritedMask);
  const { output, error, code } = (await verbs[verb]())(words);
  put(STDOUT, output);
  put(STDERR, error);
  return exit(code);
}

/** `tend` under its own name: a program by its first argument, or what there is. */
async function tend([verb, ...rest]: readonly ByteString[]): Promise<never> {
  if (isProgram(verb)) return run(verb, rest, verb);
  if (isVerb(verb)) return runVerb(verb, rest);
  switch (verb) {
    // What svscan starts. It takes signals as events.
    case "log-host":
      return (await import("./programs/log-host.ts")).logHost();
    case "log-processor":
      setMask(inheritedMask);
      return (await import("./programs/log-processor.ts")).logProcessor(rest);
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
    "       tend status [ --json ] [ directory ... ]",
    "",
  ].join("\n");
};

const [argv0 = "", ...args] = commandLine();
const called = baseName(argv0);
await (isProgram(called) ? run(called, args, called) : tend(args));
