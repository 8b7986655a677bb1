// Rows of COMPATIBILITY.md: what differs from the C programs on purpose, shown with ours, and with C where that is quick.
import { describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { haveC, ours, suites, theirs } from "../support/programs.ts";
import { runScript } from "../support/same-script.ts";
import { alive, Sandbox, SLEEPER, signal, startedBy } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const root = process.getuid?.() === 0;

/** The standard output of a script, in both suites; undefined for C where it is not installed. */
async function both(script: string): Promise<{ tend: string; C: string | undefined }> {
  const run = async (suite: "tend" | "C") => (await runScript(suite, script)).stdout;
  const [tend, C] = await Promise.all([run("tend"), haveC ? run("C") : undefined]);
  return { tend, C };
}

describe("the executable", () => {
  test.concurrent("is tend under any name that is no program's", async () => {
    await using box = new Sandbox();
    const other = (program: string) => {
      const path = box.at(`my${program.replaceAll("/", "-")}`);
      symlinkSync(program, path);
      return box.run([path, "-d", box.directory("s")]);
    };
    const said = "tend: fatal: no program called -d; tend --help lists them\n";
    expect(await other(ours("svc"))).toEqual({ code: 100, signal: null, stdout: "", stderr: said });
    if (haveC) expect((await other(theirs("svc"))).code).toBe(0);
  });

  test.concurrent("does not start with little memory", async () => {
    const { tend, C } = await both("ulimit -c 0; mkdir s; ulimit -v 500000; svstat s");
    expect(tend).not.toContain("s: ");
    if (haveC) expect(C).toBe("s: unable to open supervise/ok: file does not exist\n");
  });

  const unshare = ["unshare", "-m", "umount", "-l", "/proc"];
  const may = root && Bun.which("unshare") !== null && Bun.spawnSync(unshare).exitCode === 0;
  test.skipIf(!may).concurrent("does not start without /proc", async () => {
    const script =
      "ulimit -c 0; mkdir s; unshare -m sh -c 'umount -l /proc; exec svok s' 2>/dev/null; echo $?";
    const { tend, C } = await both(script);
    expect(tend).not.toBe("100\n");
    if (haveC) expect(C).toBe("100\n");
  });
});

describe("supervise", () => {
  // 65536 bytes fill the fifo, whose reader (3) reads nothing. The C program would wait for ever.
  test.concurrent("loses a message that standard error cannot take, and goes on", async () => {
    const full =
      "mkfifo err; exec 3<>err; dd if=/dev/zero of=err bs=65536 count=1 oflag=nonblock 2>/dev/null";
    const script = `${full}; mkdir s; supervise s 2>err & until_ok s; svstat s; svc -x s; wait $!; echo $?`;
    expect((await runScript("tend", script)).stdout).toMatch(
      /^s: down \d+ seconds, normally up, want up\n0\n$/,
    );
  });

  test.concurrent("says that a service is down whose run cannot be executed", async () => {
    const { tend, C } = await both(
      "mkdir s; supervise s & until_ok s; sleep 0.2; svstat s; svc -x s; wait $!",
    );
    expect(tend).toMatch(/^s: down \d+ seconds, normally up, want up\n$/);
    if (haveC) expect(C).toMatch(/^s: up \(pid \d+\) \d+ seconds\n$/);
  });

  test.concurrent("does not write a status that is there already", async () => {
    const look = "stat -c '%i %z' s/supervise/status";
    const script = `service s; touch s/down; supervise s & until_ok s; ${look}; svc -dx s; wait $!; ${look}`;
    const same = (shown: string) => new Set(shown.trim().split("\n")).size === 1;
    const { tend, C } = await both(script);
    expect(same(tend)).toBeTrue();
    if (C !== undefined) expect(same(C)).toBeFalse();
  });

  test.concurrent("leaves status.new, the status before", async () => {
    const script = "service s; supervise s & until_up s; svc -dx s; wait $!; wc -c <s/supervise/status.new";
    const { tend, C } = await both(`exec 2>/dev/null; ${script}`);
    expect(tend).toBe("18\n");
    if (haveC) expect(C).toBe("");
  });

  test.concurrent("replaces a status.new that is a link, instead of writing where it leads", async () => {
    const script =
      "service s; echo precious >mine; mkdir s/supervise; ln -s ../../mine s/supervise/status.new; supervise s & until_ok s; svc -dx s; wait $!; od -An -c mine | head -n 1; svstat s";
    const { tend, C } = await both(script);
    expect(tend).toMatch(/^ +p +r +e +c +i +o +u +s +\\n\ns: supervise not running\n$/);
    if (haveC) expect(C).not.toContain("p   r   e   c   i   o   u   s");
  });

  test.concurrent("replaces a status.new that is a fifo", async () => {
    const script =
      "service s; mkdir s/supervise; mkfifo s/supervise/status.new; supervise s & until_up s && svstat s; svc -dx s; wait $!";
    const { stdout, stderr } = await runScript("tend", script);
    expect(stdout).toMatch(/^s: up \(pid \d+\) \d+ seconds\n$/);
    expect(stderr).toBe("");
  });

  test.concurrent("replaces an ok that is a regular file", async () => {
    const script =
      "service s; mkdir s/supervise; touch s/down s/supervise/ok; supervise s & until_true [ -p s/supervise/ok ] && until_ok s; svstat s; svc -x s; wait $!; svok s; echo $?";
    expect((await runScript("tend", script)).stdout).toMatch(/^s: down \d+ seconds\n100\n$/);
  });

  test.concurrent("says once that the status cannot be written, and writes it when it can", async () => {
    await using box = new Sandbox();
    const dir = box.service("s");
    mkdirSync(`${dir}/supervise/status.new`, { recursive: true });
    const supervisor = box.supervise(dir);
    await until(
      () => supervisor.stderr !== "" && existsSync(`${dir}/supervise/ok`),
      "supervise has complained",
    );
    await box.run([ours("svc"), "-t", dir]);
    rmdirSync(`${dir}/supervise/status.new`);
    await box.up("s");
    expect(supervisor.stderr).toBe(
      `supervise: warning: unable to open ${dir}/supervise/status.new: is a directory\n`,
    );
  });

  for (const { suite, program } of suites) {
    test.concurrent(`${suite}: labels ${suite === "C" ? "microseconds" : "nanoseconds"}`, async () => {
      await using box = new Sandbox();
      const dir = box.service("s");
      box.supervise(dir, {}, program("supervise"));
      const pid = await box.up("s");
      const labels = [box.status("s")?.since.nanoseconds];
      signal(pid, "SIGKILL");
      await box.up("s", pid);
      labels.push(box.status("s")?.since.nanoseconds);
      expect(labels.every((nanoseconds) => Number(nanoseconds) % 1000 === 500)).toBe(suite === "C");
    });
  }

  test.concurrent("gives a service the default action of SIGPIPE and SIGXFSZ", async () => {
    const run = "grep SigIgn /proc/self/status >ignored; exec sleep 1000";
    const script = `trap '' PIPE XFSZ USR1; service s '${run}'; supervise s & until_true [ -s s/ignored ]; cat s/ignored; svc -dx s; wait $!`;
    const { tend, C } = await both(script);
    const ignored = (shown: string) => BigInt(`0x${shown.trim().split("\t")[1]}`) & 0x1001200n;
    expect(ignored(tend)).toBe(0x200n);
    if (C !== undefined) expect(ignored(C)).toBe(0x1001200n);
  });

  test.concurrent("passes on the soft limit of descriptors of its parent", async () => {
    const run = "ulimit -Sn >limit; exec sleep 1000";
    const script = `ulimit -Sn 800; service s '${run}'; (ulimit -Sn 700; exec supervise s) & until_true [ -s s/limit ]; cat s/limit; svc -dx s; wait $!`;
    const { tend, C } = await both(script);
    expect(tend).toBe("800\n");
    if (haveC) expect(C).toBe("700\n");
  });

  // A limit of processes binds only who is not root; setuidgid is the C program's.
  const prlimit = Bun.which("prlimit") !== null;
  test
    .skipIf(!root || !haveC || !prlimit)
    .concurrent(
      "says how long it waits when there is no process to be had, and obeys meanwhile",
      async () => {
        const script = `
        chmod 755 .; service s; touch s/down; chown -R nobody s
        setuidgid nobody supervise s & p=$!
        until_ok s; setuidgid nobody prlimit --nproc=1 --pid $p; svc -u s
        until_true [ -s ../.output-1.stderr ]
        svstat s; svc -d s; until_true sh -c 'svstat s | grep -v want' >/dev/null; svstat s
        svc -x s; wait $p; echo $?`;
        const { stdout, stderr } = await runScript("tend", script);
        // On a busy machine it has tried again before d arrives.
        const [first, ...more] = stderr.trimEnd().split("\n");
        expect(first).toBe("supervise: warning: unable to fork for s, sleeping 1 seconds: temporary failure");
        for (const line of more) expect(line).toMatch(/, sleeping [2-9] seconds: temporary failure$/);
        expect(stdout).toMatch(/^s: down \d+ seconds, want up\ns: down \d+ seconds\n0\n$/);
      },
    );
});

describe("svscan", () => {
  const printing = "#!/bin/sh\ntrap 'echo bye; exit' TERM\necho hi\nwhile :; do sleep 0.02; done\n";
  const logger = "#!/bin/sh\nexec cat >>out\n";

  test.concurrent("supervises in its own process", async () => {
    await using box = new Sandbox();
    box.service("scan/a", { log: SLEEPER });
    box.service("scan/b");
    const svscan = box.svscan(box.at("scan"));
    const pids = await Promise.all(["scan/a", "scan/a/log", "scan/b"].map((name) => box.up(name)));
    expect(startedBy(svscan.pid).sort()).toEqual(pids.sort());
  });

  test.concurrent("starts the program that TEND_SUPERVISE names, for each service and logger", async () => {
    await using box = new Sandbox();
    box.service("scan/a", { log: SLEEPER });
    box.service("scan/b");
    const TEND_SUPERVISE = ours("supervise");
    const svscan = box.svscan(box.at("scan"), { env: { TEND_SUPERVISE } });
    await Promise.all(["scan/a", "scan/a/log", "scan/b"].map((name) => box.up(name)));
    const lines = startedBy(svscan.pid).map((pid) => readFileSync(`/proc/${pid}/cmdline`, "latin1"));
    expect(lines.sort()).toEqual(["a", "b", "log"].map((name) => `${TEND_SUPERVISE}\0${name}\0`));
  });

  for (const name of ["SIGTERM", "SIGINT"] as const) {
    test.concurrent(`stops the services, then their loggers, and exits 0 on ${name}`, async () => {
      await using box = new Sandbox();
      const dir = box.service("scan/a", { run: printing, log: logger });
      box.service("scan/b");
      const svscan = box.svscan(box.at("scan"));
      const out = `${dir}/log/out`;
      await until(() => existsSync(out) && readFileSync(out, "utf8") === "hi\n", "a has said hi");
      await box.up("scan/b");
      svscan.signal(name);
      expect(await svscan.ended()).toMatchObject({ code: 0, stderr: "" });
      expect(readFileSync(out, "utf8")).toBe("hi\nbye\n");
      for (const down of ["scan/a", "scan/a/log", "scan/b"]) expect(box.status(down)?.pid).toBe(0);
      await until(() => box.pids().length === 0, "nothing is left");
    });
  }

  test.concurrent("sends TERM to a logger that does not end at the end of its input", async () => {
    await using box = new Sandbox();
    const log = "#!/bin/sh\ncat >/dev/null\n>ended\nexec sleep 100000\n";
    const dir = box.service("scan/a", { log });
    const svscan = box.svscan(box.at("scan"));
    await box.up("scan/a");
    await box.up("scan/a/log");
    svscan.signal("SIGTERM");
    expect(await svscan.ended()).toMatchObject({ code: 0, stderr: "" });
    expect(existsSync(`${dir}/log/ended`)).toBeTrue();
    expect(box.pids()).toEqual([]);
  });

  test.concurrent("kills what is left on a second TERM", async () => {
    await using box = new Sandbox();
    const dir = box.service("scan/a", { run: "#!/bin/sh\ntrap '' TERM\n>deaf\nexec sleep 100000\n" });
    const svscan = box.svscan(box.at("scan"));
    await until(() => existsSync(`${dir}/deaf`), "a ignores TERM");
    svscan.signal("SIGTERM");
    await until(() => box.status("scan/a")?.want === "down", "a is told to go down");
    svscan.signal("SIGTERM");
    expect((await svscan.ended()).code).toBe(0);
    expect(box.pids()).toEqual([]);
  });

  test.concurrent("scans on HUP: a log that appeared gets the output from the service's next start", async () => {
    await using box = new Sandbox();
    const dir = box.service("scan/a", { run: "#!/bin/sh\necho hi\nexec sleep 100000\n" });
    const svscan = box.svscan(box.at("scan"));
    const pid = await box.up("scan/a");
    await until(() => svscan.stdout === "hi\n", "a has said hi to svscan's output");
    box.service("scan/a/log", { run: logger });
    svscan.signal("SIGHUP");
    await box.up("scan/a/log");
    expect(await box.up("scan/a")).toBe(pid);
    await box.run([ours("svc"), "-t", dir]);
    await until(() => readFileSync(`${dir}/log/out`, "utf8") === "hi\n", "a has said hi to its logger");
    expect(svscan.running).toBeTrue();
    expect(svscan.stdout).toBe("hi\n");
  });

  test.concurrent("exits 0 on QUIT and leaves the services", async () => {
    await using box = new Sandbox();
    const dir = box.service("scan/a");
    const svscan = box.svscan(box.at("scan"));
    const pid = await box.up("scan/a");
    svscan.signal("SIGQUIT");
    expect(await svscan.ended()).toMatchObject({ code: 0, stderr: "" });
    expect(alive(pid)).toBeTrue();
    expect((await box.run([ours("svok"), dir])).code).toBe(100);
  });

  test.concurrent("leaves the services, unsupervised, when it is killed; none gets SIGPIPE", async () => {
    await using box = new Sandbox();
    const run = "#!/bin/sh\nwhile :; do echo line; echo >>count; sleep 0.02; done\n";
    const dir = box.service("scan/a", { run, log: SLEEPER });
    const svscan = box.svscan(box.at("scan"));
    const pid = await box.up("scan/a");
    const reader = await box.up("scan/a/log");
    svscan.signal("SIGKILL");
    signal(reader, "SIGKILL");
    await svscan.ended();
    expect((await box.run([ours("svok"), dir])).code).toBe(100);
    const lines = () => (existsSync(`${dir}/count`) ? readFileSync(`${dir}/count`).length : 0);
    const before = lines();
    await until(() => lines() > before + 3, "a goes on to print");
    expect(alive(pid)).toBeTrue();
  });

  test.concurrent("sees a new service before its next scan of every five seconds", async () => {
    await using box = new Sandbox();
    const svscan = box.svscan(box.directory("scan"));
    // One after the other: scans five seconds apart would need longer than the test may take.
    for (let i = 0; i < 20; i++) {
      box.service(`scan/s${i}`);
      await box.up(`scan/s${i}`);
    }
    svscan.signal("SIGTERM");
    await svscan.ended();
  });

  /** Twenty services, for an svscan that begins with 60 descriptors. */
  const crowd = (box: Sandbox, ulimit: string) => {
    for (let i = 0; i < 20; i++) box.service(`scan/s${i}`);
    return box.start(["/bin/sh", "-c", `${ulimit}; exec "$0" "$1"`, ours("svscan"), box.at("scan")]);
  };

  test.concurrent("raises its soft limit of descriptors where it is too low", async () => {
    await using box = new Sandbox();
    const svscan = crowd(box, "ulimit -Sn 60");
    await Promise.all(Array.from({ length: 20 }, (_, i) => box.up(`scan/s${i}`)));
    expect(svscan.stderr).toBe("");
  });

  test.concurrent("says once that it has no descriptors for more services", async () => {
    await using box = new Sandbox();
    // Locks, processes and directories of services can do without; one descriptor each they need.
    const svscan = crowd(box, "ulimit -n 30");
    await until(() => svscan.stderr.endsWith("\n"), "svscan has complained");
    svscan.signal("SIGHUP");
    svscan.signal("SIGTERM"); // taken after the other, if both wait
    expect((await svscan.ended()).code).toBe(0);
    expect(svscan.stderr).toMatch(
      /^svscan: warning: unable to start s\d+: process cannot open more files\n$/,
    );
  });

  test.concurrent("says once that another supervises a service, and tries again", async () => {
    await using box = new Sandbox();
    const dir = box.service("scan/a");
    const other = box.supervise(dir, {}, haveC ? theirs("supervise") : ours("supervise"));
    await box.up("scan/a");
    const svscan = box.svscan(box.at("scan"));
    await until(() => svscan.stderr !== "", "svscan has complained");
    for (const name of ["b", "c"]) await scannedAgain(box, svscan, name);
    expect(svscan.stderr).toBe("supervise: fatal: unable to acquire a/supervise/lock: temporary failure\n");
    await box.run([ours("svc"), "-dx", dir]);
    await other.ended();
    await box.up("scan/a");
    expect((await box.run([ours("svok"), dir])).code).toBe(0);
  });

  test.concurrent("calls a logger by its service's name, and says once what is wrong with it", async () => {
    await using box = new Sandbox();
    writeFileSync(`${box.service("scan/a")}/log`, "");
    const svscan = box.svscan(box.at("scan"));
    await box.up("scan/a");
    await scannedAgain(box, svscan, "b");
    expect(svscan.stderr).toBe("supervise: fatal: unable to chdir to a/log: not a directory\n");
  });

  test
    .skipIf(!root || !haveC)
    .concurrent("exits 111 if it may not read its directory at its start", async () => {
      const script = "chmod 755 .; mkdir scan; chmod 711 scan; setuidgid nobody svscan scan; echo $?";
      const { stdout, stderr } = await runScript("tend", script);
      expect(stdout).toBe("111\n");
      expect(stderr).toBe("svscan: fatal: unable to open current directory: access denied\n");
    });
});

/** Has svscan scan, and waits until it did. */
async function scannedAgain(
  box: Sandbox,
  svscan: ReturnType<Sandbox["svscan"]>,
  name: string,
): Promise<void> {
  svscan.signal("SIGHUP");
  renameSync(box.service(`new/${name}`), box.at(`scan/${name}`)); // complete when it is seen
  await box.up(`scan/${name}`);
}
