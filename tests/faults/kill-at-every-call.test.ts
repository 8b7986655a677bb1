// A sample of the kills, and of calls that fail; `npm run test:faults`, with `-- --errors`, makes all of them.
import { describe, expect, test } from "bun:test";
import { cgroupParent } from "../support/cgroup.ts";
import { which } from "../support/programs.ts";
import { failAt, heldMoments, killAt, type Moment, scenarios } from "./kill-at-every-call.ts";

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
  // The end is noted and the pause is not; the pause has begun.
  "restart after a pause": [
    { call: "wait4", nth: 2 },
    { call: "renameat2", nth: 1 },
  ],
  "restart with finish": [
    // Finish is there, and the status not written; it has ended, and the next start is not made.
    { call: "pwrite64", nth: 1 },
    { call: "wait4", nth: 3 },
    ...heldMoments,
  ],
  "a finish that hangs": [{ call: "kill", nth: 1 }],
  "a finish that exits 125": [{ call: "wait4", nth: 2 }],
  "given up": [{ call: "pwrite64", nth: 1 }],
  "restart in its turn": [{ call: "clone3", nth: 1 }],
  "svc -d of one that is deaf": [{ call: "kill", nth: 3 }],
  "restart in a process group": [{ call: "kill", nth: 2 }, ...heldMoments],
  "svc -d in a session": [{ call: "pidfd_send_signal", nth: 1 }],
  ...(cgroupParent() === undefined
    ? {}
    : {
        "restart in a cgroup": [
          // It is seen who is left; the cgroup is empty; it is removed; the next is made; the process is there and not noted.
          { call: "inotify_add_watch", nth: 1 },
          { call: "unlinkat", nth: 1 },
          { call: "mkdirat", nth: 1 },
          { call: "pwrite64", nth: 2 },
          ...heldMoments,
        ],
        "svc -d in a cgroup": [{ call: "kill", nth: 2 }],
      }),
  // The script is there and not noted; it is over and TERM is not sent.
  "svc -t with control/t": [
    { call: "wait4", nth: 1 },
    { call: "kill", nth: 1 },
  ],
  SIGUSR2: [
    { call: "execve", nth: 1 },
    { call: "memfd_create", nth: 1 },
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

/** By scenario: calls that fail for want of something, and of what. */
const FAILING: { readonly [name: string]: readonly (readonly [call: string, nth: number, error: string])[] } =
  {
    "first start of a pair": [
      ["getdents64", 9, "ENOMEM"],
      ["inotify_init1", 1, "EMFILE"],
      ["statx", 9, "ENOMEM"],
      ["flock", 1, "ENOLCK"],
      ["mknodat", 2, "ENOSPC"],
      ["pwrite64", 2, "ENOSPC"],
      ["memfd_create", 1, "ENFILE"],
    ],
    "restart after death": [
      ["renameat2", 1, "EIO"],
      ["clone3", 1, "EAGAIN"],
    ],
    "restart with finish": [["clone3", 1, "EAGAIN"]],
    "a finish that hangs": [["epoll_ctl", 2, "ENOMEM"]],
    adoption: [
      ["pidfd_open", 1, "EMFILE"],
      ["epoll_ctl", 4, "ENOMEM"],
    ],
  };

describe.skipIf(which("strace") === null)(
  "svscan lives on when a system call fails, and gets it right",
  () => {
    for (const scenario of scenarios) {
      for (const [call, nth, error] of FAILING[scenario.name] ?? []) {
        test.concurrent(`${scenario.name}, ${error} at ${call} ${nth}`, async () => {
          await failAt(scenario, { call, nth }, error);
        });
      }
    }
  },
);
