// A service in a control group of its own: nobody gets out of it, it is down when nobody is left in it, and not before. The
// same with a session, as far as that goes.
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ServiceRecord } from "../../src/formats/service-record.ts";
import { cgroupOfPid, cgroupOfService, cgroupParent, removeCgroup } from "../support/cgroup.ts";
import { command, supervised } from "../support/control.ts";
import { mkfifoSync } from "../support/fifo.ts";
import { SENDER } from "../support/notify.ts";
import { ours } from "../support/programs.ts";
import { alive, Sandbox, signal, stat } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const parent = cgroupParent();
/** A test in a place of its own, whose service `web` leaves no cgroup behind, however it ends. */
const inCgroups = (title: string, body: (box: Sandbox) => Promise<void>): void =>
  test.concurrent.skipIf(parent === undefined)(title, async () => {
    const box = new Sandbox();
    const cgroup = cgroupOfService(parent ?? "", box.directory("web"));
    try {
      await body(box);
    } finally {
      box.clear();
      await removeCgroup(cgroup);
    }
  });

/** Starts a daemon the old way, in a session of its own and with nobody for a parent, which notes its pid; then it goes on. */
const daemon = (does: string): string =>
  `setsid sh -c '(echo $BASHPID >/dev/null; exec sh -c "${does}") & ' </dev/null >/dev/null 2>&1`;
const DAEMON = daemon("echo \\$\\$ >>daemons; while :; do sleep 0.05; done");
const DEAF_DAEMON = daemon('trap \\"\\" TERM HUP; echo \\$\\$ >>daemons; while :; do sleep 0.05; done');

const numbers = (path: string): number[] =>
  existsSync(path) ? readFileSync(path, "latin1").split("\n").slice(0, -1).map(Number) : [];
const daemonOf = (box: Sandbox, nth = 1): Promise<number> =>
  until(() => numbers(box.at("web/daemons"))[nth - 1], `daemon number ${nth} runs`);

/** The directory of the cgroup of a process. */
const directoryOf = (pid: number): string => {
  const name = cgroupOfPid(pid);
  return join(parent ?? "", name.slice(name.lastIndexOf("/") + 1));
};

inCgroups("a daemon of the service may say that it is ready, though nobody is its parent", async (box) => {
  // To be found by its cgroup it must still be there.
  box.file("teller", `${SENDER}; sleep 100000`);
  const daemon = "(setsid perl ../teller READY=1 </dev/null >/dev/null 2>&1 &) &";
  box.service("web", {
    run: `#!/bin/sh\n${daemon}\nexec sleep 100000\n`,
    files: { cgroup: "", "sd-notify": "" },
  });
  const supervisor = box.supervise("web");
  await box.up("web");
  const told = () =>
    new ServiceRecord(new Uint8Array(readFileSync(box.at("web/supervise/record")))).readiness.told;
  await until(() => told()?.ready === true, "it is ready");
  expect(supervisor.stderr).toBe("");
});

inCgroups(
  "the service begins in a cgroup of its own, which goes with it; others are in the supervisor's",
  async (box) => {
    box.service("web", { files: { cgroup: "" } });
    box.service("classic");
    const supervisor = box.supervise("web");
    box.supervise("classic");
    const pid = await box.up("web");
    const cgroup = directoryOf(pid);
    expect(cgroup).toMatch(/\/tend-[0-9-]+$/);
    expect(readFileSync(`${cgroup}/cgroup.procs`, "latin1")).toBe(`${pid}\n`);
    expect(cgroupOfPid(await box.up("classic"))).toBe(cgroupOfPid(process.pid));
    expect(cgroupOfPid(supervisor.pid)).toBe(cgroupOfPid(process.pid));
    command(box.at("web"), "dx");
    expect(await supervisor.ended()).toMatchObject({ code: 0, stderr: "" });
    expect(existsSync(cgroup)).toBe(false);
  },
);

inCgroups(
  "a daemon that left its session is caught: d ends it, and the service is not down before",
  async (box) => {
    box.service("web", {
      run: `#!/bin/sh\n${DAEMON}\nexec sleep 100000\n`,
      files: {
        cgroup: "",
        finish: `#!/bin/sh\n[ -n "$(tr -d '\\000' </proc/$(cat daemons)/cmdline)" ] && echo left >>said || echo none >>said\n`,
      },
    });
    const supervisor = box.supervise("web");
    await box.up("web");
    const pid = await daemonOf(box);
    expect(stat(pid).session).not.toBe(stat(supervisor.pid).session);
    command(box.at("web"), "dx");
    expect(await supervisor.ended()).toMatchObject({ code: 0, stderr: "" });
    expect(alive(pid)).toBe(false);
    expect(readFileSync(box.at("web/said"), "latin1")).toBe("none\n");
  },
);

inCgroups(
  "run that leaves a daemon and ends: it is ended before the next start, svstat shows it till then",
  async (box) => {
    box.service("web", {
      run: `#!/bin/sh\necho $$ >>runs\n[ -e again ] && exec sleep 100000\n>again\n${DEAF_DAEMON}\nuntil [ -s daemons ]; do sleep 0.02; done\n`,
      files: { cgroup: "" },
    });
    const supervisor = box.supervise("web");
    const pid = await daemonOf(box);
    await until(() => box.status("web")?.pid === pid, "the status tells of the daemon");
    const { stdout } = await box.run([ours("tend"), "status", "web"]);
    expect(stdout).toMatch(/web +emptying /);
    await until(() => supervisor.stderr !== "", "who is left is named");
    expect(supervisor.stderr).toMatch(
      /^supervise: warning: web: [12] process(es are| is) left of cgroup tend-[0-9-]+: \d+ sl?(eep|h)/,
    );
    expect(numbers(box.at("web/runs"))).toHaveLength(1);
    signal(pid, "SIGKILL");
    await until(() => numbers(box.at("web/runs")).length === 2, "it is started again");
    expect(alive(pid)).toBe(false);
  },
);

inCgroups("what takes no notice of TERM is killed after timeout-kill, forks and all", async (box) => {
  box.service("web", {
    run: `#!/bin/sh\n${DEAF_DAEMON}\nexec sleep 100000\n`,
    files: { cgroup: "", "timeout-kill": "200" },
  });
  const supervisor = box.supervise("web");
  await box.up("web");
  const pid = await daemonOf(box);
  command(box.at("web"), "dx");
  expect((await supervisor.ended()).code).toBe(0);
  expect(alive(pid)).toBe(false);
});

inCgroups(
  "kill -9 of supervisor and leader: the next one starts nothing beside the daemon, and ends it",
  async (box) => {
    box.service("web", {
      run: `#!/bin/sh\necho $$ >>runs\n${DEAF_DAEMON}\nexec sleep 100000\n`,
      files: { cgroup: "" },
    });
    const first = box.supervise("web");
    const leader = await box.up("web");
    const pid = await daemonOf(box);
    const cgroup = directoryOf(pid);
    first.signal("SIGKILL");
    await first.ended();
    signal(leader, "SIGKILL");
    await until(() => !alive(leader), "the leader is gone");
    const second = box.supervise("web");
    await until(() => second.stderr !== "", "who is left is named");
    expect(numbers(box.at("web/runs"))).toHaveLength(1);
    box.file("web/timeout-kill", "1");
    command(box.at("web"), "k");
    await until(() => numbers(box.at("web/runs")).length === 2, "it is started again");
    const again = await daemonOf(box, 2);
    expect(alive(pid)).toBe(false);
    expect(directoryOf(again)).toBe(cgroup);
  },
);

inCgroups("kill -9 of the supervisor alone: the next one has the service and its cgroup", async (box) => {
  box.service("web", { run: `#!/bin/sh\n${DAEMON}\nexec sleep 100000\n`, files: { cgroup: "" } });
  const first = box.supervise("web");
  const leader = await box.up("web");
  const pid = await daemonOf(box);
  first.signal("SIGKILL");
  await first.ended();
  const second = box.supervise("web");
  await until(() => supervised(box.at("web")), "the next one is there");
  expect(box.status("web")?.pid).toBe(leader);
  command(box.at("web"), "dx");
  expect((await second.ended()).code).toBe(0);
  expect([leader, pid].filter(alive)).toEqual([]);
});

inCgroups("where the record is lost, who is in the cgroup is found all the same", async (box) => {
  box.service("web", {
    run: `#!/bin/sh\necho $$ >>runs\n${DEAF_DAEMON}\nexec sleep 100000\n`,
    files: { cgroup: "" },
  });
  const first = box.supervise("web");
  const leader = await box.up("web");
  const pid = await daemonOf(box);
  first.signal("SIGKILL");
  await first.ended();
  signal(leader, "SIGKILL");
  await until(() => !alive(leader), "the leader is gone");
  box.file("web/supervise/record", "garbage");
  const second = box.supervise("web");
  await until(() => second.stderr.includes(" left of cgroup "), "who is left is named");
  expect(numbers(box.at("web/runs"))).toHaveLength(1);
  command(box.at("web"), "k");
  await until(() => numbers(box.at("web/runs")).length === 2, "it is started again");
  expect(alive(pid)).toBe(false);
});

inCgroups("cgroups below it, which the service made, go too", async (box) => {
  box.service("web", { files: { cgroup: "", "timeout-kill": "1" } });
  const supervisor = box.supervise("web");
  const cgroup = directoryOf(await box.up("web"));
  mkdirSync(`${cgroup}/part/inner`, { recursive: true });
  const other = box.start(["sh", "-c", `echo 0 >'${cgroup}/part/inner/cgroup.procs'; exec sleep 100000`]);
  await until(() => cgroupOfPid(other.pid).endsWith("/inner"), "it is in there");
  command(box.at("web"), "dx");
  expect((await supervisor.ended()).code).toBe(0);
  await other.ended();
  expect(existsSync(cgroup)).toBe(false);
});

test.concurrent.skipIf(process.getuid?.() !== 0)(
  "where no cgroup can be made, process groups do, and that is said once",
  async () => {
    await using box = new Sandbox();
    const scan = box.directory("scan");
    for (const name of ["a", "b"]) box.service(`scan/${name}`, { files: { cgroup: "" } });
    const hidden = 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"';
    const svscan = box.start(["unshare", "-m", "sh", "-c", hidden, "sh", ours("svscan"), scan]);
    const a = await box.up("scan/a");
    const b = await box.up("scan/b");
    await until(() => stat(a).group === a && stat(b).group === b, "they lead groups");
    expect(svscan.stderr).toMatch(
      /^supervise: warning: unable to use cgroups, using process groups: [^\n]+\n$/,
    );
    svscan.signal("SIGTERM");
    expect((await svscan.ended()).code).toBe(0);
    expect([a, b].filter(alive)).toEqual([]);
  },
);

test.concurrent("session: the service leads a session, and who is in it in groups of their own ends with it", async () => {
  await using box = new Sandbox();
  box.service("web", {
    run: "#!/bin/bash\nset -m\nbash -c 'echo $$ >>daemons; while :; do sleep 0.05; done' &\nset +m\nexec sleep 100000\n",
    files: { session: "" },
  });
  const supervisor = box.supervise("web");
  const leader = await box.up("web");
  const pid = await daemonOf(box);
  expect(stat(leader).session).toBe(leader);
  expect(stat(pid)).toMatchObject({ session: leader, group: pid });
  command(box.at("web"), "dx");
  expect((await supervisor.ended()).code).toBe(0);
  expect([leader, pid].filter(alive)).toEqual([]);
});

test.concurrent.each([
  ["directory", (path: string) => void mkdirSync(path)],
  ["fifo", mkfifoSync],
])(
  "a %s in the place of session asks for what a file does, as whatever it says does not matter",
  async (_, make) => {
    await using box = new Sandbox();
    box.service("web");
    make(box.at("web/session"));
    const supervisor = box.supervise("web");
    const pid = await box.up("web");
    await until(() => stat(pid).session === pid, "it leads a session");
    expect(supervisor.stderr).toBe("");
  },
);
