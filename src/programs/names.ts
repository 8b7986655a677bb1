// The programs that exist, each with the NAME line of its man page. This file imports nothing: the build reads it too.

export const SUMMARIES = {
  envdir: "runs a program with environment variables from files in a directory",
  envuidgid: "runs a program with the ids of an account in its environment",
  fghack: "keeps a program in the foreground that puts itself in the background",
  multilog: "writes lines from standard input to log directories",
  pgrphack: "runs a program in a session of its own",
  readproctitle: "maintains an automatically rotated log in memory, shown by ps",
  setlock: "runs a program with a file locked",
  setuidgid: "runs a program as another account",
  softlimit: "runs a program with lower resource limits",
  supervise: "starts and monitors a service",
  svc: "controls services monitored by supervise",
  svok: "checks whether supervise is running",
  svscan: "starts and monitors a collection of services",
  svscanboot: "starts svscan in the right way when the system starts",
  svstat: "prints the status of services monitored by supervise",
  tai64n: "puts a precise timestamp on each line",
  tai64nlocal: "converts precise timestamps to a human-readable format",
} as const;

export type ProgramName = keyof typeof SUMMARIES;

/** Those that do something and become another program. */
export const LINKS = [
  "envdir",
  "envuidgid",
  "fghack",
  "pgrphack",
  "setlock",
  "setuidgid",
  "softlimit",
] as const satisfies readonly ProgramName[];
export type LinkName = (typeof LINKS)[number];

export const programs = Object.keys(SUMMARIES) as readonly ProgramName[];

/** What every object has, like `toString`, is no string. */
const isProgram = (name: string): name is ProgramName => typeof SUMMARIES[name as ProgramName] === "string";

export const isLink = (name: string): name is LinkName => (LINKS as readonly string[]).includes(name);

const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** Which program words ask for, and its own: by the name of the first, or `tend` with the program's name as its first argument. */
export function programOf(commandLine: readonly string[]): {
  readonly program: ProgramName | undefined;
  readonly words: readonly string[];
} {
  const called = baseName(commandLine[0] ?? "");
  if (isProgram(called)) return { program: called, words: commandLine.slice(1) };
  const first = commandLine[1] ?? "";
  if (isProgram(first)) return { program: first, words: commandLine.slice(2) };
  return { program: undefined, words: commandLine.slice(1) };
}

/** What `tend` can be asked for beside the programs of the suite; the last two only by svscan. */
const VERBS = ["status", "log-host", "log-processor"] as const;
type Verb = (typeof VERBS)[number];

/** What is read into memory for a command: a program, the tools that can follow each other, a verb, or the rest of `tend`. */
export type Part = Exclude<ProgramName, LinkName> | "links" | Verb | "tend";

/** The part that the words of a command line ask for. */
export function partOf(commandLine: readonly string[]): Part {
  const { program, words } = programOf(commandLine);
  if (program === undefined) return VERBS.find((verb) => verb === words[0]) ?? "tend";
  return isLink(program) ? "links" : program;
}
