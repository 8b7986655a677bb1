// Services that say when they are ready: on a descriptor, in a datagram, by a check; and what becomes of those that do not.
import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import type { Doing, RecordedReadiness } from "../../src/formats/readiness-record.ts";
import { ServiceRecord } from "../../src/formats/service-record.ts";
import { command, supervised } from "../support/control.ts";
import { mkfifoSync } from "../support/fifo.ts";
import { canNotify, notifyWords, SENDER } from "../support/notify.ts";
import { ours, which } from "../support/programs.ts";
import { alive, Sandbox, signal } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

type Shown = {
  readonly ready: boolean | null;
  readonly state: string;
  readonly statusText: string | null;
  readonly lastExit: { readonly signal: string | null; readonly reason: string | null } | null;
};

/** What `tend status` says of a service. */
async function shown(box: Sandbox, name: string): Promise<Shown> {
  const { stdout } = await box.run([ours("tend"), "status", "--json", name]);
  return JSON.parse(stdout).services[0] as Shown;
}
/** What is noted of its readiness: without a process, so that it can be asked again and again. */
const noted = (box: Sandbox, name = "web"): RecordedReadiness | undefined =>
  new ServiceRecord(new Uint8Array(readFileSync(box.at(name, "supervise/record")))).readiness.told;
const becomesReady = (box: Sandbox, name = "web"): Promise<unknown> =>
  until(() => noted(box, name)?.ready === true, `${name} is ready`);
const says = (box: Sandbox, text: string, name = "web"): Promise<unknown> =>
  until(() => noted(box, name)?.text === text, `${name} says ${text}`);
const does = (box: Sandbox, doing: Doing, name = "web"): Promise<unknown> =>
  until(() => noted(box, name)?.doing === doing, `${name} is ${doing}`);
const notReady = async (box: Sandbox, name = "web"): Promise<void> =>
  expect(noted(box, name)?.ready).toBe(false);

const lines = (path: string): string[] =>
  existsSync(path) ? readFileSync(path, "latin1").split("\n").slice(0, -1) : [];

/** A shell service that waits for a file `go`, does `then`, and sleeps. */
const gated = (then: string): string => `#!/bin/sh
echo $$ >>started
while [ ! -e go ]; do sleep 0.02; done
${then}
exec sleep 100000
`;

describe("notification-fd", () => {
  test.concurrent.each([3, 4, 5, 9])("%d: a newline on that descriptor, and it is ready", async (number) => {
    await using box = new Sandbox();
    const run = gated(`echo up >&${number}; exec ${number}>&-; echo done >done`);
    box.service("web", { run, files: { "notification-fd": `${number}\n` } });
    const supervisor = box.supervise("web");
    await box.up("web");
    await notReady(box);
    box.file("web/go", "");
    await becomesReady(box);
    expect(supervisor.stderr).toBe("");
  });

  test.concurrent("where the file cannot be made what is written goes nowhere, and it is not asked", async () => {
    await using box = new Sandbox();
    box.service("web", {
      run: "#!/bin/sh\necho up >&3 && echo written >>said\nexec sleep 100000\n",
      files: { "notification-fd": "3" },
    });
    mkdirSync(box.at("web/supervise/ready"), { recursive: true });
    const supervisor = box.supervise("web");
    const pid = await box.became("sleep", "web");
    expect(readFileSync(box.at("web/said"), "latin1")).toBe("written\n");
    expect(readlinkSync(`/proc/${pid}/fd/3`)).toBe("/dev/null");
    expect(supervisor.stderr).toMatch(/^supervise: warning: web: unable to use notification-fd: .*\n$/);
    rmdirSync(box.at("web/supervise/ready"));
    command(box.at("web"), "t");
    await box.up("web", pid);
    await becomesReady(box);
  });

  test.concurrent("it is not ready again after a restart, whatever an earlier run writes", async () => {
    await using box = new Sandbox();
    // What stays of the first run writes when the second runs.
    const late = "(while [ ! -e late ]; do sleep 0.02; done; echo >&3; echo x >wrote) & echo >&3; exec 3>&-";
    const run = `#!/bin/sh\nif [ ! -e first ]; then touch first; ${late}; fi\nexec sleep 100000\n`;
    box.service("web", { run, files: { "notification-fd": "3" } });
    box.supervise("web");
    const first = await box.up("web");
    await becomesReady(box);
    signal(first, "SIGKILL");
    await box.up("web", first);
    await notReady(box);
    box.file("web/late", "");
    await until(() => existsSync(box.at("web/wrote")), "it has been written");
    await notReady(box);
  });

  test.concurrent("what comes while there is no supervisor is not lost, nor does the service get SIGPIPE", async () => {
    await using box = new Sandbox();
    box.service("web", {
      run: gated("echo up >&3; exec 3>&-; echo done >done"),
      files: { "notification-fd": "3" },
    });
    const first = box.supervise("web");
    const pid = await box.up("web");
    first.signal("SIGKILL");
    await first.ended();
    box.file("web/go", "");
    await until(() => existsSync(box.at("web/done")), "it has said so");
    box.supervise("web");
    await until(() => supervised(box.at("web")), "there is a supervisor");
    await becomesReady(box);
    expect(box.status("web")?.pid).toBe(pid);
    expect(alive(pid)).toBe(true);
  });

  test.concurrent("a record that is lost is made anew, and says so too", async () => {
    await using box = new Sandbox();
    box.service("web", {
      run: "#!/bin/sh\necho >&3\nexec sleep 100000\n",
      files: { "notification-fd": "3" },
    });
    const first = box.supervise("web");
    const pid = await box.up("web");
    await becomesReady(box);
    writeFileSync(box.at("web/supervise/record"), "");
    command(box.at("web"), "u");
    await until(() => statSync(box.at("web/supervise/record")).size > 0, "there is another");
    await becomesReady(box);
    first.signal("SIGKILL");
    await first.ended();
    box.supervise("web");
    await until(() => supervised(box.at("web")), "there is a supervisor");
    expect(await shown(box, "web")).toMatchObject({ ready: true, pid });
  });

  test.concurrent("a new supervisor hears it as well, and the one after that knows", async () => {
    await using box = new Sandbox();
    box.service("web", { run: gated("echo >&3"), files: { "notification-fd": "3" } });
    const replace = async (before: Awaited<ReturnType<typeof box.supervise>>) => {
      before.signal("SIGKILL");
      await before.ended();
      const next = box.supervise("web");
      await until(() => supervised(box.at("web")), "there is a supervisor");
      return next;
    };
    const first = box.supervise("web");
    const pid = await box.up("web");
    const second = await replace(first);
    await notReady(box);
    box.file("web/go", "");
    await becomesReady(box);
    await replace(second);
    expect(await shown(box, "web")).toMatchObject({ ready: true, pid });
  });

  test.concurrent.each([
    ["2", "not the number of a descriptor from 3 on"],
    ["-1", "not the number of a descriptor from 3 on"],
    ["1000000000", "it may have 256 descriptors"],
    ["9".repeat(300), "not the number of a descriptor from 3 on"],
  ])("%s is warned of, and the service is up without", async (number, why) => {
    await using box = new Sandbox();
    box.service("web", { files: { "notification-fd": number } });
    const limited = ["sh", "-c", `ulimit -n 256; exec ${ours("supervise")} web`];
    const supervisor = box.start(limited);
    await box.up("web");
    expect(supervisor.stderr).toBe(`supervise: warning: web: unable to use notification-fd: ${why}\n`);
    expect((await shown(box, "web")).ready).toBeNull();
  });
});

describe.skipIf(!canNotify)("sd-notify", () => {
  /** A perl service that says each line that is put into the fifo `say`, as a datagram, with `;` for newlines. */
  const TELLER = `#!/usr/bin/perl
${SENDER}
$SIG{TERM} = sub { exit 0 };
open(E, ">", "env.new"); print E "$_=$ENV{$_}\\n" for grep /NOTIFY|WATCHDOG/, sort keys %ENV; print E "PID=$$\\n"; close E;
rename "env.new", "env";
open(F, "+<", "say") or die;
while (<F>) { chomp; s/;/\\n/g; $r = send(S, $_, 0, $address); open(R, ">>", "sent"); print R defined $r ? "yes\\n" : "no\\n"; close R }
`;
  const teller = (box: Sandbox, files: { [name: string]: string }, name = "web"): void => {
    box.service(name, { run: TELLER, files, down: true });
    mkfifoSync(box.at(name, "say"));
    rmSync(box.at(name, "down"));
  };
  const say = (box: Sandbox, text: string, name = "web"): void =>
    appendFileSync(box.at(name, "say"), `${text}\n`);
  const envOf = (box: Sandbox): Promise<string[]> =>
    until(() => existsSync(box.at("web/env")) && lines(box.at("web/env")), "it has begun");

  test.concurrent("READY=1 and STATUS=; RELOADING, STOPPING; a restart begins anew", async () => {
    await using box = new Sandbox();
    teller(box, { "sd-notify": "" });
    const supervisor = box.supervise("web", { env: { NOTIFY_SOCKET: "/nowhere", WATCHDOG_USEC: "1" } });
    const pid = await box.up("web");
    const env = await envOf(box);
    expect(env).toEqual([expect.stringMatching(/^NOTIFY_SOCKET=@tend-notify-[0-9a-f]{16}$/), `PID=${pid}`]);
    await notReady(box);
    say(box, "STATUS=Loading 1 of 2");
    await says(box, "Loading 1 of 2");
    say(box, "READY=1;STATUS=Serving");
    await becomesReady(box);
    expect(await shown(box, "web")).toMatchObject({ statusText: "Serving", state: "up" });
    say(box, "RELOADING=1;MONOTONIC_USEC=123");
    await does(box, "reloading");
    expect(await shown(box, "web")).toMatchObject({ ready: true, state: "reloading" });
    say(box, "READY=1");
    await does(box, undefined);
    say(box, "STOPPING=1");
    await does(box, "stopping");
    expect(await shown(box, "web")).toMatchObject({ ready: false, state: "stopping" });
    await notReady(box);
    signal(pid, "SIGKILL");
    await box.up("web", pid);
    expect(await shown(box, "web")).toMatchObject({ ready: false, statusText: null, state: "up" });
    expect(supervisor.stderr).toBe("");
  });

  test.concurrent("a supervisor that was killed: an error meanwhile, and the next one has the same address", async () => {
    await using box = new Sandbox();
    teller(box, { "sd-notify": "" });
    const first = box.supervise("web");
    const pid = await box.up("web");
    await envOf(box);
    say(box, "STATUS=first");
    await says(box, "first");
    first.signal("SIGKILL");
    await first.ended();
    say(box, "STATUS=nobody");
    await until(() => lines(box.at("web/sent")).length === 2, "it is sent");
    expect(lines(box.at("web/sent"))).toEqual(["yes", "no"]);
    const second = box.supervise("web");
    await until(() => supervised(box.at("web")), "there is a supervisor");
    expect(await shown(box, "web")).toMatchObject({ pid, ready: false, statusText: "first" });
    say(box, "READY=1");
    await becomesReady(box);
    expect(second.stderr).toBe("");
  });

  test.concurrent("svscan that becomes a new version keeps what waits in the socket", async () => {
    await using box = new Sandbox();
    teller(box, { "sd-notify": "" }, "scan/web");
    const svscan = box.svscan("scan");
    const pid = await box.up("scan/web");
    await until(() => existsSync(box.at("scan/web/env")), "it has begun");
    const before = readFileSync(`/proc/${svscan.pid}/stat`, "latin1");
    // Nothing is read between the signal and the new image but what the old one had time for: all must arrive.
    for (let i = 1; i <= 5; i++) say(box, `STATUS=${i}`, "scan/web");
    svscan.signal("SIGUSR2");
    for (let i = 6; i <= 40; i++) say(box, `STATUS=${i}`, "scan/web");
    say(box, "READY=1", "scan/web");
    await becomesReady(box, "scan/web");
    expect(await shown(box, "scan/web")).toMatchObject({ pid, statusText: "40" });
    expect(new Set(lines(box.at("scan/web/sent")))).toEqual(new Set(["yes"]));
    expect(before).not.toBe("");
    expect(svscan.stderr).toBe("");
  });

  test.concurrent("a child of the service may tell; a stranger is warned of once and not believed", async () => {
    await using box = new Sandbox();
    // What has ended before it is looked at could be anybody's.
    const child = `perl -e '${`${SENDER}; sleep 100000`.replaceAll("'", "'\\''")}' STATUS=child READY=1`;
    box.service("web", {
      run: `#!/bin/sh\necho "$NOTIFY_SOCKET" >env.new; mv env.new env\nwhile [ ! -e go ]; do sleep 0.02; done\nsetsid ${child} &\nexec sleep 100000\n`,
      files: { "sd-notify": "" },
    });
    const supervisor = box.supervise("web");
    await box.up("web");
    const [address = ""] = await envOf(box);
    // It lives until it has been looked at.
    const words = notifyWords(["READY=1", "WATCHDOG=trigger"], address.slice(1));
    const stranger = box.start(["sh", "-c", '"$@"; exec sleep 100000', "sh", ...words]);
    const forged = box.start([...words.slice(0, 3), "-e", `${SENDER}; sleep 1000`, "READY=1"]);
    await until(() => supervisor.stderr !== "", "the stranger is warned of");
    await notReady(box);
    expect(supervisor.stderr).toMatch(
      /^supervise: warning: web: process \d+ notifies, and is not of the service: ignored\n$/,
    );
    box.file("web/go", "");
    await becomesReady(box);
    expect((await shown(box, "web")).statusText).toBe("child");
    expect([stranger.running, forged.running]).toEqual([true, true]);
  });

  test.concurrent("a flood does not keep it from obeying, nor from hearing the last of it", async () => {
    await using box = new Sandbox();
    const flood = `for ($i = 0; $i < 3000; $i++) { send(S, "STATUS=$i", 0, $address) } send(S, "READY=1", 0, $address); sleep 100000;`;
    box.service("web", { run: `#!/usr/bin/perl\n${SENDER}\n${flood}\n`, files: { "sd-notify": "" } });
    box.service("other", { down: true });
    box.directory("scan");
    const svscan = box.svscan(".");
    await box.up("web");
    await until(() => supervised(box.at("other")), "the other has a supervisor");
    command(box.at("other"), "u");
    await box.up("other");
    // Unless the machine is slow, 3000 take 5 seconds: 64 each 0.1 s.
    await becomesReady(box);
    expect((await shown(box, "web")).statusText).toBe("2999");
    expect(svscan.stderr).not.toContain("web");
  });

  test.concurrent("EXTEND_TIMEOUT_USEC puts off KILL", async () => {
    await using box = new Sandbox();
    const run = `#!/usr/bin/perl
${SENDER}
$SIG{TERM} = sub { send(S, "STOPPING=1\\nEXTEND_TIMEOUT_USEC=60000000", 0, $address); open(R, ">", "told"); close R };
open(R, ">", "begun"); close R;
while (1) { sleep 1; if (-e "go") { open(R, ">", "clean"); close R; exit 0 } }
`;
    box.service("web", { run, files: { "sd-notify": "", "timeout-kill": "1500" } });
    box.supervise("web");
    await until(() => existsSync(box.at("web/begun")), "it has begun");
    command(box.at("web"), "d");
    await until(() => existsSync(box.at("web/told")), "it has asked for time");
    await does(box, "stopping");
    const from = performance.now();
    await until(() => performance.now() - from > 1800, "it would have been killed");
    box.file("web/go", "");
    await box.down("web");
    expect(existsSync(box.at("web/clean"))).toBe(true);
  });
});

describe("check", () => {
  test.concurrent("is run until it exits 0, and then no more", async () => {
    await using box = new Sandbox();
    box.service("web", {
      run: gated("touch up"),
      files: { check: "#!/bin/sh\necho x >>checked\necho noise\ntest -e up\n" },
    });
    const supervisor = box.supervise("web");
    await until(() => lines(box.at("web/checked")).length >= 3, "it is checked");
    await notReady(box);
    box.file("web/go", "");
    await becomesReady(box);
    const times = lines(box.at("web/checked")).length;
    const from = performance.now();
    await until(() => performance.now() - from > 300, "it would be checked again");
    expect(lines(box.at("web/checked"))).toHaveLength(times);
    expect([supervisor.stdout, supervisor.stderr]).toEqual(["", ""]);
  });

  test.concurrent("that ends leaves nobody of its process group", async () => {
    await using box = new Sandbox();
    const check = "#!/bin/sh\nsleep 100000 & echo $! >>children\necho $$ >>checks\nexit 1\n";
    box.service("web", { files: { check } });
    box.supervise("web");
    const children = () => lines(box.at("web/children")).map(Number);
    await until(() => children().length >= 3, "it was run three times");
    command(box.at("web"), "d");
    await box.down("web");
    await until(() => !children().some(alive), "what it started is gone");
  });

  test.concurrent("that hangs is killed after five seconds with what it started, dies with its service, and with the supervisor", async () => {
    await using box = new Sandbox();
    const check = "#!/bin/sh\nsleep 100000 & echo $! >>children\necho $$ >>checks\nwait\n";
    box.service("web", { files: { check } });
    box.service("dies", { files: { check } });
    const supervisor = box.supervise("web");
    box.supervise("dies");
    const checks = (name: string) => lines(box.at(name, "checks")).map(Number);
    const children = (name: string) => lines(box.at(name, "children")).map(Number);
    const [first = 0] = await until(() => checks("web").length > 0 && checks("web"), "it is checked");
    await box.up("dies");
    await until(() => checks("dies").length > 0, "it is checked too");
    command(box.at("dies"), "d");
    await box.down("dies");
    await until(() => ![...checks("dies"), ...children("dies")].some(alive), "its check is gone");
    const [child = 0] = children("web");
    await until(() => !alive(first) && !alive(child), "it is killed, and its child");
    expect(supervisor.stderr).toBe("supervise: warning: web: check takes longer than 5000 ms, killing it\n");
    await until(() => checks("web").length > 1, "it is checked again");
    supervisor.signal("SIGKILL");
    await supervisor.ended();
    if (process.arch === "x64") await until(() => !checks("web").some(alive), "its check is gone");
  });

  const UNFIT: readonly (readonly [string, (path: string) => void])[] = [
    ["directory", (path) => mkdirSync(path)],
    ["fifo", mkfifoSync],
    ["file that is not executable", (path) => writeFileSync(path, "#!/bin/sh\n")],
    [
      "script without an interpreter",
      (path) => {
        writeFileSync(path, "#!/nowhere\n");
        chmodSync(path, 0o755);
      },
    ],
  ];
  test.concurrent.each(UNFIT)(
    "that is a %s is warned of once, and the service is not ready",
    async (_, make) => {
      await using box = new Sandbox();
      box.service("web", { down: true });
      make(box.at("web/check"));
      const supervisor = box.supervise("web");
      await until(() => supervised(box.at("web")), "there is a supervisor");
      command(box.at("web"), "u");
      await box.up("web");
      await until(() => supervisor.stderr !== "", "it is warned of");
      const from = performance.now();
      await until(() => performance.now() - from > 400, "it is tried again");
      expect(supervisor.stderr).toMatch(/^supervise: warning: web: unable to run check: [a-z ]+\n$/);
      await notReady(box);
    },
  );
});

test.concurrent.skipIf(which("systemd-notify") === null)(
  "systemd-notify is answered at once, and believed though it ends at once",
  async () => {
    await using box = new Sandbox();
    box.service("web", {
      run: `#!/bin/sh\nsystemd-notify --ready --status="from a shell" 2>said\necho "code $?" >>said\nexec sleep 100000\n`,
      files: { "sd-notify": "" },
    });
    box.supervise("web");
    await box.up("web");
    await says(box, "from a shell");
    await becomesReady(box);
    await until(() => lines(box.at("web/said")).length > 0, "it has ended");
    expect(lines(box.at("web/said"))).toEqual(["code 0"]);
  },
);

test.concurrent("a service that is not ready within timeout-ready is ended, and started again", async () => {
  await using box = new Sandbox();
  box.service("web", {
    run: "#!/bin/sh\necho x >>started\ntest $(wc -l <started) -lt 2 || echo >&3\nexec sleep 100000\n",
    files: { "notification-fd": "3", "timeout-ready": "1500" },
  });
  const supervisor = box.supervise("web");
  await until(() => lines(box.at("web/started")).length === 2, "it is started again");
  await becomesReady(box);
  expect(supervisor.stderr).toBe("supervise: warning: web was not ready within 1500 ms, ending it\n");
  expect((await shown(box, "web")).lastExit).toMatchObject({
    signal: "SIGTERM",
    reason: "not ready in time",
  });
});

describe.skipIf(!canNotify)("watchdog", () => {
  /** Says that it is alive, each 0.1 s, until there is a file `hang`; then that it will each 0.3 s, and hangs. */
  const alarmed = (deaf = ""): string => `#!/usr/bin/perl
${SENDER}
${deaf}
open(E, ">", "env.new"); print E "$ENV{WATCHDOG_USEC} $ENV{WATCHDOG_PID} $$\\n"; close E; rename "env.new", "env";
send(S, "READY=1", 0, $address);
until (unlink "hang") { send(S, "WATCHDOG=1", 0, $address); select undef, undef, undef, 0.1 }
send(S, "WATCHDOG_USEC=300000", 0, $address);
sleep 100000 while 1;
`;

  test.concurrent("a service that gives no sign of life is ended with ABRT, and started again", async () => {
    await using box = new Sandbox();
    box.service("web", { run: alarmed(), files: { watchdog: "60000" } });
    const supervisor = box.supervise("web");
    const first = await box.up("web");
    const [env = ""] = await until(
      () => existsSync(box.at("web/env")) && lines(box.at("web/env")),
      "it runs",
    );
    const [usec, told, own] = env.split(" ");
    expect([usec, own]).toEqual(["60000000", String(first)]);
    if (process.arch === "x64") expect(told).toBe(String(first));
    box.file("web/hang", "");
    const second = await box.up("web", first);
    expect(supervisor.stderr).toBe("supervise: warning: web gave no sign of life in time, ending it\n");
    expect(await shown(box, "web")).toMatchObject({
      ...{ state: "up", pid: second, ready: null },
      lastExit: { signal: "SIGABRT", reason: "watchdog" },
    });
  });

  test.concurrent("one that is paused is not judged; a new supervisor gives it all of the time; one that is deaf is killed", async () => {
    await using box = new Sandbox();
    box.service("web", {
      run: alarmed("$SIG{ABRT} = 'IGNORE';"),
      files: { watchdog: "8000", "sd-notify": "", "timeout-kill": "100" },
    });
    const first = box.supervise("web");
    const pid = await box.up("web");
    await becomesReady(box);
    command(box.at("web"), "p");
    await until(() => box.status("web")?.paused === true, "it is paused");
    const from = performance.now();
    await until(() => performance.now() - from > 8500, "it would have been ended");
    expect(box.status("web")?.pid).toBe(pid);
    command(box.at("web"), "c");
    await until(() => box.status("web")?.paused === false, "it goes on");
    first.signal("SIGKILL");
    await first.ended();
    const second = box.supervise("web");
    await until(() => supervised(box.at("web")), "there is a supervisor");
    expect(second.stderr).toBe("");
    box.file("web/hang", "");
    await box.up("web", pid);
    expect(second.stderr).toBe("supervise: warning: web gave no sign of life in time, ending it\n");
    expect((await shown(box, "web")).lastExit).toMatchObject({ reason: "watchdog" });
    expect(alive(pid)).toBe(false);
  });
});

describe("a hostile", () => {
  const NAMES = ["watchdog", "timeout-ready", "notification-fd"] as const;
  const HOSTILE: readonly (readonly [string, (path: string) => void])[] = [
    ["text", (path) => writeFileSync(path, "soon\n")],
    ["empty file", (path) => writeFileSync(path, "")],
    ["negative number", (path) => writeFileSync(path, "-5")],
    ["huge number", (path) => writeFileSync(path, "9".repeat(400))],
    ["binary", (path) => writeFileSync(path, Buffer.from([0, 255, 10, 128]))],
    ["long file", (path) => writeFileSync(path, "1".repeat(100_000))],
    ["fifo", mkfifoSync],
    ["directory", (path) => mkdirSync(path)],
  ];
  test.concurrent.each(HOSTILE)("%s is warned of once, and not used", async (_, make) => {
    await using box = new Sandbox();
    box.service("web", { down: true });
    for (const name of NAMES) make(box.at("web", name));
    const supervisor = box.supervise("web");
    await until(() => supervised(box.at("web")), "there is a supervisor");
    command(box.at("web"), "u");
    const pid = await box.up("web");
    signal(pid, "SIGKILL");
    await box.up("web", pid);
    expect(
      supervisor.stderr
        .replace(/: [^:\n]*$/gm, "")
        .split("\n")
        .sort(),
    ).toEqual(["", ...[...NAMES].sort().map((name) => `supervise: warning: web: unable to use ${name}`)]);
    expect((await shown(box, "web")).ready).toBeNull();
  });
});

test.concurrent("a classic directory costs no file, no descriptor and no variable", async () => {
  await using box = new Sandbox();
  const run = "#!/bin/sh\nenv >env.new; mv env.new env\nexec sleep 100000\n";
  box.service("web", { run });
  const supervisor = box.supervise("web");
  await box.up("web");
  await until(() => existsSync(box.at("web/env")), "it runs");
  expect(readFileSync(box.at("web/env"), "latin1")).not.toMatch(/NOTIFY|WATCHDOG/);
  expect(existsSync(box.at("web/supervise/ready"))).toBe(false);
  expect(readFileSync("/proc/net/unix", "latin1")).not.toContain(`tend-notify-${supervisor.pid}`);
});
