// tend: the one executable. Which program it is, its name says (argv[0]), or its first argument.
import { type Part, partOf } from "./programs/names.ts";

// Each is one file in the executable with all that it needs, read when it is the one: see scripts/build.ts. So nothing is
// imported here that does anything, and sys/boot.ts comes first in each.
const parts: { readonly [part in Part]: () => Promise<unknown> } = {
  links: () => import("./start/links.ts"),
  "log-host": () => import("./start/log-host.ts"),
  "log-processor": () => import("./start/log-processor.ts"),
  multilog: () => import("./start/multilog.ts"),
  readproctitle: () => import("./start/readproctitle.ts"),
  status: () => import("./start/status.ts"),
  supervise: () => import("./start/supervise.ts"),
  svc: () => import("./start/svc.ts"),
  svok: () => import("./start/svok.ts"),
  svscan: () => import("./start/svscan.ts"),
  svscanboot: () => import("./start/svscanboot.ts"),
  svstat: () => import("./start/svstat.ts"),
  tai64n: () => import("./start/tai64n.ts"),
  tai64nlocal: () => import("./start/tai64nlocal.ts"),
  tend: () => import("./start/tend.ts"),
};

// As the runtime decoded them, which is good enough for names of ours.
const commandLine = process.argv.slice(1);
commandLine[0] = process.argv0;
await parts[partOf(commandLine)]();
