// A sample of the kills; `npm run test:faults` makes all of them.
import { describe, expect, test } from "bun:test";
import { which } from "../support/programs.ts";
import { heldMoments, killAt, type Moment, scenarios } from "./kill-at-every-call.ts";

/** By scenario: moments that leave something half done. The rest is like one of them. */
const SAMPLE: { readonly [name: string]: readonly Moment[] } = {
  "first start of a pair": [
    // The intent is noted; the process is there and not noted; the status is not written.
    { call: "prctl", nth: 2 },
    { call: "pwrite64", nth: 3 },
  ],
  "restart after death": [{ call: "wait4", nth: 2 }, { call: "renameat2", nth: 1 }, ...heldMoments],
  "svc -d": [{ call: "kill", nth: 1 }],
  "svc -t": [{ call: "wait4", nth: 1 }],
  "svc -o": [{ call: "openat", nth: 1 }],
  "svc -dx": [{ call: "kill", nth: 2 }],
  "logger restart": [{ call: "epoll_wait", nth: 2 }, ...heldMoments.slice(1)],
  adoption: [{ call: "mknodat", nth: 1 }],
  "death of an adopted service": [{ call: "ioctl", nth: 1 }],
  "restart of a service that tells": [
    // The file is gone, is there and not watched; the process is there and not noted.
    { call: "unlinkat", nth: 1 },
    { call: "inotify_add_watch", nth: 1 },
    { call: "pwrite64", nth: 1 },
  ],
  readiness: [
    { call: "read", nth: 1 },
    { call: "inotify_rm_watch", nth: 1 },
  ],
  "adoption of a service that tells": [{ call: "bind", nth: 1 }],
  "not ready in time": [{ call: "kill", nth: 1 }],
  "SIGUSR2 with a service that tells": [{ call: "execve", nth: 1 }],
  SIGUSR2: [
    { call: "execve", nth: 1 },
    { call: "chdir", nth: 1 },
  ],
  "orderly stop": [{ call: "kill", nth: 1 }],
};

describe.skipIf(which("strace") === null)(
  "kill -9 of svscan leaves one copy, a true status and every line",
  () => {
    test("there is a sample of known scenarios", () => {
      const names = scenarios.map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining(Object.keys(SAMPLE)));
    });

    for (const scenario of scenarios) {
      for (const moment of SAMPLE[scenario.name] ?? []) {
        const where = `${moment.held ? "while the new process is held at" : "before"} ${moment.call} ${moment.nth}`;
        test.concurrent(`${scenario.name}, ${where}`, async () => {
          await killAt(scenario, moment);
        });
      }
    }
  },
);
