// svscanboot: svscan piped into readproctitle, kept running, and stopped in order.
import { describe, expect, test } from "bun:test";
import { cpSync, readFileSync, readlinkSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { ours, root, suites } from "../support/programs.ts";
import { alive, childrenOf, type Running, Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const commandLine = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0").slice(0, -1);

/** The child of `parent` that runs the program `name`. */
const child = (parent: number, name: string): number | undefined =>
  childrenOf(parent).find((pid) => alive(pid) && commandLine(pid)[0] === name);

const waitForChild = (boot: Running, name: string, before = 0): Promise<number> =>
  until(() => {
    const pid = child(boot.pid, name);
    return pid !== before && pid;
  }, `${name} runs, and is not ${before}`);

/** What the title shows. */
const title = (boot: Running): string => commandLine(child(boot.pid, "readproctitle") ?? 0).at(-1) ?? "";

const start = (box: Sandbox, directory: string): Running => box.start([ours("svscanboot"), directory]);

const SLEEPER = "#!/bin/sh\nexec sleep 1000\n";

describe("svscanboot", () => {
  test("runs svscan and readproctitle, with nothing in their environment but PATH", async () => {
    await using box = new Sandbox();
    box.service("scan/a", { run: SLEEPER });
    const boot = start(box, box.at("scan"));
    const svscan = await waitForChild(boot, "svscan");
    const readproctitle = await waitForChild(boot, "readproctitle");
    expect(commandLine(svscan)).toEqual(["svscan", box.at("scan")]);
    expect(commandLine(readproctitle)).toEqual(["readproctitle", "service", "errors:", ".".repeat(400)]);
    for (const pid of [svscan, readproctitle]) {
      expect(readFileSync(`/proc/${pid}/environ`, "latin1")).toBe(
        "PATH=/command:/usr/local/bin:/usr/local/sbin:/bin:/sbin:/usr/bin:/usr/sbin:/usr/X11R6/bin\0",
      );
    }
    // By name, for whoever looks for them so.
    for (const [pid, name] of [
      [svscan, "svscan\n"],
      [readproctitle, "readproctitle\n"],
    ] as const)
      await until(() => readFileSync(`/proc/${pid}/comm`, "latin1") === name, `${pid} is called ${name}`);
  });

  test("errors of services end in the title, and so does the output of one without logger", async () => {
    await using box = new Sandbox();
    box.service("scan/a", { run: "#!/bin/sh\necho out of a\necho error of a >&2\nexec sleep 1000\n" });
    box.service("scan/b", {
      run: "#!/bin/sh\necho out of b\nexec sleep 1000\n",
      log: "#!/bin/sh\necho error of log >&2\nexec cat >log-of-b\n",
    });
    const boot = start(box, box.at("scan"));
    for (const line of ["out of a\nerror of a\n", "error of log\n"])
      await until(() => title(boot).includes(line), line);
    await until(() => readFileSync(box.at("scan/b/log/log-of-b"), "utf8") === "out of b\n", "b has a log");
    expect(title(boot)).not.toContain("out of b");
  });

  test("a directory that is not there is said in the title, until it is", async () => {
    await using box = new Sandbox();
    const boot = start(box, box.at("later"));
    const said = `svscan: fatal: unable to chdir to ${box.at("later")}: file does not exist\n`;
    await until(() => title(boot).includes(said), said);
    const again = "svscanboot: warning: svscan ended with 111; starting it again\n";
    await until(() => title(boot).includes(again), again);
    box.service("made/a", { run: SLEEPER });
    symlinkSync(box.at("made"), box.at("later"));
    await box.up("later/a");
  });

  test("svscan that dies is started again; pipe, readproctitle and services stay", async () => {
    await using box = new Sandbox();
    box.service("scan/a", { run: SLEEPER });
    const boot = start(box, box.at("scan"));
    const service = await box.up("scan/a");
    const svscan = await waitForChild(boot, "svscan");
    const readproctitle = await waitForChild(boot, "readproctitle");
    process.kill(svscan, "SIGKILL");
    await waitForChild(boot, "svscan", svscan);
    expect(child(boot.pid, "readproctitle")).toBe(readproctitle);
    const said = "svscanboot: warning: svscan was killed by signal 9; starting it again\n";
    await until(() => title(boot).includes(said), said);
    box.service("scan/b", { run: SLEEPER });
    await box.up("scan/b");
    expect(box.status("scan/a")?.pid).toBe(service);
    expect(alive(service)).toBe(true);
  });

  test("svscanboot that dies is followed by one that takes its services over", async () => {
    await using box = new Sandbox();
    box.service("scan/a", { run: SLEEPER });
    const before = start(box, box.at("scan"));
    const svscan = await waitForChild(before, "svscan");
    const service = await box.up("scan/a");
    before.signal("SIGKILL");
    await before.ended();
    expect([svscan, service].every(alive)).toBe(true);
    const boot = start(box, box.at("scan"));
    await waitForChild(boot, "svscan");
    expect(alive(svscan)).toBe(false);
    box.service("scan/b", { run: SLEEPER });
    await box.up("scan/b");
    expect(alive(service)).toBe(true);
    boot.signal("SIGTERM");
    expect((await boot.ended()).code).toBe(0);
    expect(alive(service)).toBe(false);
  });

  test("a new version of the executable is what is started from then on", async () => {
    await using box = new Sandbox();
    box.service("scan/a", { run: SLEEPER });
    cpSync(join(root, "dist/tend"), box.at("tend"));
    symlinkSync("tend", box.at("svscanboot"));
    const boot = box.start([box.at("svscanboot"), box.at("scan")]);
    const svscan = await waitForChild(boot, "svscan");
    const service = await box.up("scan/a");
    // For a moment there is none, which is not the end of it.
    renameSync(box.at("tend"), box.at("old"));
    process.kill(svscan, "SIGKILL");
    const said = "svscanboot: warning: unable to start svscan: file does not exist; starting it again\n";
    await until(() => title(boot).includes(said), said);
    cpSync(box.at("old"), box.at("new"));
    renameSync(box.at("new"), box.at("tend"));
    const next = await waitForChild(boot, "svscan", svscan);
    expect(readlinkSync(`/proc/${next}/exe`)).toBe(box.at("tend"));
    expect(alive(service)).toBe(true);
  });

  test("readproctitle that dies is started again, and nobody who writes to it notices", async () => {
    await using box = new Sandbox();
    // Writes on demand: a line for each word that arrives. Open both ways, the fifo has no end.
    await box.run(["mkfifo", box.at("fifo")]);
    box.service("scan/a", {
      run: `#!/bin/sh\nexec 3<>${box.at("fifo")}\nwhile read -r word <&3; do echo "said $word" >&2; done\n`,
    });
    const boot = start(box, box.at("scan"));
    const pid = await box.up("scan/a");
    const tell = (word: string) => box.run(["/bin/sh", "-c", `echo ${word} >${box.at("fifo")}`]);
    await tell("one");
    await until(() => title(boot).includes("said one\n"), "the first line");
    const readproctitle = await waitForChild(boot, "readproctitle");
    process.kill(readproctitle, "SIGKILL");
    await tell("two");
    await waitForChild(boot, "readproctitle", readproctitle);
    await until(() => title(boot).includes("said two\n"), "the line written meanwhile");
    expect(box.status("scan/a")?.pid).toBe(pid);
  });

  test("a stopped readproctitle does not stop svscan", async () => {
    await using box = new Sandbox();
    box.directory("scan");
    const boot = start(box, box.at("scan"));
    const readproctitle = await waitForChild(boot, "readproctitle");
    await waitForChild(boot, "svscan");
    process.kill(readproctitle, "SIGSTOP");
    // Fills the pipe, and waits for room in it.
    box.service("scan/flood", { run: "#!/bin/sh\nyes oops >&2\n" });
    await box.up("scan/flood");
    // Each of these has svscan complain.
    for (let i = 0; i < 50; i++) box.service(`scan/broken${i}`, { run: "no program" });
    box.service("scan/last", { run: SLEEPER });
    await box.up("scan/last");
    process.kill(readproctitle, "SIGCONT");
    await until(() => title(boot).includes("oops\noops\n"), "the flood is in the title");
  });

  test("SIGHUP makes svscan read its directory; svscanboot stays", async () => {
    await using box = new Sandbox();
    box.service("scan/a", { run: SLEEPER });
    const boot = start(box, box.at("scan"));
    await box.up("scan/a");
    const svscan = await waitForChild(boot, "svscan");
    boot.signal("SIGHUP");
    box.service("scan/b", { run: SLEEPER });
    await box.up("scan/b");
    expect(child(boot.pid, "svscan")).toBe(svscan);
    expect(boot.running).toBe(true);
  });

  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s stops services, loggers and itself, in this order",
    async (name) => {
      await using box = new Sandbox();
      const order = box.at("order");
      box.service("scan/a", {
        run: `#!/bin/sh\ntrap 'echo service >>${order}; echo last words; exit 0' TERM\necho up\nwhile :; do sleep 0.1; done\n`,
        log: `#!/bin/sh\ncat >${box.at("log")}\necho logger >>${order}\n`,
      });
      const boot = start(box, box.at("scan"));
      const readproctitle = await waitForChild(boot, "readproctitle");
      await until(() => readFileSync(box.at("log"), "utf8") === "up\n", "the service is up");
      boot.signal(name);
      expect(await boot.ended()).toMatchObject({ code: 0, stdout: "", stderr: "" });
      expect(readFileSync(order, "utf8")).toBe("service\nlogger\n");
      expect(readFileSync(box.at("log"), "utf8")).toBe("up\nlast words\n");
      expect(alive(readproctitle)).toBe(false);
      expect(box.pids()).toEqual([]);
    },
  );

  test("a second SIGTERM kills what ignores the first", async () => {
    await using box = new Sandbox();
    box.service("scan/a", { run: "#!/bin/sh\ntrap '' TERM\ntouch up\nwhile :; do sleep 0.1; done\n" });
    const boot = start(box, box.at("scan"));
    await until(() => readFileSync(box.at("scan/a/up")), "the service is up");
    boot.signal("SIGTERM");
    await until(() => box.status("scan/a")?.want === "down", "it is told to stop");
    boot.signal("SIGTERM");
    expect((await boot.ended()).code).toBe(0);
  });

  test("a process that a service left behind does not keep svscanboot from ending", async () => {
    await using box = new Sandbox();
    box.service("scan/a", { run: "#!/bin/sh\nsetsid sleep 100000 &\nexec sleep 1000\n" });
    const boot = start(box, box.at("scan"));
    await box.up("scan/a");
    boot.signal("SIGTERM");
    expect((await boot.ended()).code).toBe(0);
  });
});

describe.each(suites)("a supervise left behind ($suite)", ({ program }) => {
  test("ends with its service when svscanboot starts, and so does its logger's", async () => {
    await using box = new Sandbox();
    const dir = box.service("scan/a", { run: SLEEPER, log: SLEEPER });
    const left = [
      box.supervise(dir, {}, program("supervise")),
      box.supervise(`${dir}/log`, {}, program("supervise")),
    ];
    const pids = [await box.up("scan/a"), await box.up("scan/a/log")];
    const boot = start(box, box.at("scan"));
    for (const supervisor of left) expect((await supervisor.ended()).code).toBe(0);
    for (const name of ["scan/a", "scan/a/log"])
      expect(pids).not.toContain(await box.up(name, pids[name.length > 6 ? 1 : 0]));
    expect(boot.running).toBe(true);
  });
});
