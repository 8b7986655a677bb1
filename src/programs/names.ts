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
