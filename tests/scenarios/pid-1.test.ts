// svscanboot as the first process of a container, and by its defaults: in a small system of the test's own.
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { haveC, ours, root, which } from "../support/programs.ts";
import { alive, childrenOf, Sandbox, stat } from "../support/sandbox.ts";
import { haveNamespaces, startSystem } from "../support/small-system.ts";
import { until } from "../support/until.ts";

if (!haveNamespaces) console.log("no mount and pid namespaces here (root is needed): pid 1 is not tested");

const SLEEPER = "#!/bin/sh\nexec sleep 100000\n";

const commandLine = (pid: number): string =>
  readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ").trim();

/** Zombies whose parent is `pid`. */
const zombies = (pid: number): number[] => childrenOf(pid).filter((child) => stat(child).state === "Z");

/** What `pid` and all below it are doing. */
const below = (pid: number): number[] => childrenOf(pid).flatMap((child) => [child, ...below(child)]);

/** The title that readproctitle shows somewhere below `pid`. */
const title = (pid: number): string =>
  below(pid)
    .map(commandLine)
    .find((words) => words.startsWith("readproctitle ")) ?? "";

describe.skipIf(!haveNamespaces)("svscanboot as pid 1", () => {
  test("reaps orphans, however many", async () => {
    await using box = new Sandbox();
    box.service("scan/a", {
      run: `#!/bin/sh
i=0
while [ $i -lt 100 ]; do (setsid sh -c 'echo x >>orphans' &); i=$((i+1)); done
exec sleep 100000
`,
    });
    const { init } = await startSystem(box, ["/usr/local/bin/svscanboot", box.at("scan")]);
    await until(
      () => readFileSync(box.at("scan/a/orphans"), "utf8").length === 200,
      "100 orphans were there",
    );
    // svscan and readproctitle are left.
    await until(() => childrenOf(init).length === 2, "all of them are gone");
    expect(zombies(init)).toEqual([]);
  });

  test("SIGTERM ends services, then loggers, then whatever is left, and pid 1", async () => {
    await using box = new Sandbox();
    const order = box.at("order");
    const says = (word: string, then = "exit 0"): string => `trap 'echo ${word} >>${order}; ${then}' TERM`;
    const wait = "while :; do sleep 0.05; done";
    box.service("scan/a", {
      run: `#!/bin/sh\nsetsid ./daemon &\n${says("service", "echo last words; exit 0")}\necho up\n${wait}\n`,
      log: `#!/bin/sh\ncat >${box.at("log")}\necho logger >>${order}\n`,
      files: {
        daemon: `#!/bin/sh\n${says("daemon")}\necho up >${box.at("daemon")}\nexec </dev/null >/dev/null 2>&1\n${wait}\n`,
      },
    });
    const { system, init } = await startSystem(box, ["/usr/local/bin/svscanboot", box.at("scan")]);
    await until(
      () => existsSync(box.at("daemon")) && readFileSync(box.at("log"), "utf8") === "up\n",
      "all are up",
    );
    process.kill(init, "SIGTERM");
    expect(await system.ended()).toMatchObject({ code: 0, stderr: "" });
    expect(readFileSync(order, "utf8")).toBe("service\nlogger\ndaemon\n");
    expect(readFileSync(box.at("log"), "utf8")).toBe("up\nlast words\n");
    expect(box.pids()).toEqual([]);
  });

  test("SIGTERM from one of its own services ends everything as well", async () => {
    await using box = new Sandbox();
    box.service("scan/a", { run: SLEEPER });
    box.service("scan/off", { run: "#!/bin/sh\nkill -TERM 1\nexec sleep 100000\n", down: true });
    const { system } = await startSystem(box, ["/usr/local/bin/svscanboot", box.at("scan")]);
    await until(() => box.status("scan/a")?.pid, "a service is up");
    await until(() => box.status("scan/off"), "the other one is supervised");
    expect((await box.run([ours("svc"), "-u", box.at("scan/off")])).code).toBe(0);
    expect((await system.ended()).code).toBe(0);
    expect(box.status("scan/a")?.pid).toBe(0);
  });

  test("svscan that is killed is started again, and takes the services over", async () => {
    await using box = new Sandbox();
    box.service("scan/a", { run: SLEEPER });
    const { init } = await startSystem(box, ["/usr/local/bin/svscanboot", box.at("scan")]);
    await until(() => box.status("scan/a")?.pid, "the service is up");
    const scanner = (): number | undefined =>
      childrenOf(init).find((pid) => commandLine(pid).startsWith("svscan "));
    const sleepers = () => below(init).filter((pid) => commandLine(pid) === "sleep 100000");
    // What has a pid is a shell for a moment.
    const [service = 0] = await until(() => sleepers().length === 1 && sleepers(), "the service sleeps");
    const svscan = scanner() ?? 0;
    process.kill(svscan, "SIGKILL");
    await until(() => ![undefined, svscan].includes(scanner()), "another svscan is there");
    box.service("scan/b", { run: SLEEPER });
    await until(() => box.status("scan/b")?.pid, "it is at work");
    expect(alive(service)).toBe(true);
    await until(() => sleepers().length === 2, "both sleep");
  });
});

describe.skipIf(!haveNamespaces)("svscanboot without an argument", () => {
  const upThere = (box: Sandbox, name: string) => until(() => box.status(name)?.pid, `${name} is up`);

  test.each([
    ["/service, if it exists", ["service"], "service"],
    ["/service, if /etc/service exists as well", ["service", "etc/service"], "service"],
    ["/etc/service, if only that exists", ["etc/service"], "etc/service"],
  ] as const)("takes %s", async (_, there, taken) => {
    await using box = new Sandbox();
    for (const name of there) box.service(`for/${name}/a`, { run: SLEEPER });
    const setup = there.map((name) => `ln -s "$OLDPWD/for/${name}" ${name}`).join("\n");
    const { init } = await startSystem(box, ["/usr/local/bin/svscanboot"], setup);
    await upThere(box, `for/${taken}/a`);
    expect(below(init).map(commandLine)).toContain(`svscan /${taken}`);
  });

  test("takes /service, and says that it is not there, if neither is", async () => {
    await using box = new Sandbox();
    const { init } = await startSystem(box, ["/usr/local/bin/svscanboot"]);
    const said = "svscan: fatal: unable to chdir to /service: file does not exist";
    await until(() => title(init).includes(said), said);
  });
});

/** The lines of a file of boot/ that are not comments. */
const lines = (file: string): string[] =>
  readFileSync(join(root, "boot", file), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));

/** What each file of boot/ has run at the start of the system, by sh. */
const commands: readonly (readonly [file: string, command: string])[] = [
  ["tend.service", /^ExecStart=(.*)$/m.exec(lines("tend.service").join("\n"))?.[1] ?? ""],
  [
    "tend.openrc",
    `${lines("tend.openrc").find((line) => line.startsWith("command="))}; exec $command $command_args`,
  ],
  ["inittab", (lines("inittab")[0] ?? "").split(":")[3] ?? ""],
  ["rc.local", `${lines("rc.local").join("\n")}\nwait`],
];

describe("boot", () => {
  test("every file is tested here", () => {
    expect(readdirSync(join(root, "boot")).sort()).toEqual(commands.map(([file]) => file).sort());
  });

  test.skipIf(!haveNamespaces).each(commands)(
    "%s starts the services of /service, and TERM ends them",
    async (_, command) => {
      await using box = new Sandbox();
      box.service("for/service/a", { run: SLEEPER });
      const setup = 'ln -s "$OLDPWD/for/service" service';
      const { system, init } = await startSystem(box, ["/bin/sh", "-c", command], setup);
      await until(() => box.status("for/service/a")?.pid, "the service is up");
      const boot =
        [init, ...below(init)].find((pid) => commandLine(pid).startsWith("/usr/local/bin/svscanboot")) ?? 0;
      process.kill(boot, "SIGTERM");
      expect((await system.ended()).code).toBe(0);
      expect(box.status("for/service/a")).toMatchObject({ pid: 0 });
    },
  );

  test.skipIf(which("systemd-analyze") === null)("tend.service is what systemd takes for right", async () => {
    await using box = new Sandbox();
    // Only the path differs: the program need not be installed.
    const unit = readFileSync(join(root, "boot/tend.service"), "utf8");
    const here = unit.replace("/usr/local/bin/svscanboot", "/bin/true");
    expect(here).not.toBe(unit);
    const ended = await box.run(["systemd-analyze", "verify", "--man=no", box.file("tend.service", here)]);
    const about = ended.stderr.split("\n").filter((line) => line.includes("tend.service"));
    expect([ended.code, about]).toEqual([0, []]);
  });

  test("tend.openrc is a script for openrc-run, with a supervisor and a way to stop", async () => {
    await using box = new Sandbox();
    const file = join(root, "boot/tend.openrc");
    expect(readFileSync(file, "utf8")).toStartWith("#!/sbin/openrc-run\n");
    const script = `need() { echo "need $*"; }; after() { :; }; . ${file}; depend; echo $supervisor "$retry"`;
    expect(await box.run(["/bin/sh", "-euc", script])).toMatchObject({
      code: 0,
      stdout: "need localmount\nsupervise-daemon TERM/60/KILL/5\n",
    });
  });

  test("inittab has one line of four fields, with an id of at most four bytes", () => {
    const [line = "", ...more] = lines("inittab");
    expect(more).toEqual([]);
    const [id = "", levels, action, command] = line.split(":");
    expect([id.length <= 4, levels, action]).toEqual([true, "123456", "respawn"]);
    expect(command).toStartWith("/");
  });

  test("rc.local is a line of sh that does not wait", async () => {
    await using box = new Sandbox();
    expect(await box.run(["/bin/sh", "-n", join(root, "boot/rc.local")])).toMatchObject({
      code: 0,
      stderr: "",
    });
    expect(lines("rc.local").every((line) => line.endsWith("&"))).toBe(true);
  });
});

describe.skipIf(!haveNamespaces || !haveC)("svscanboot beside the C script", () => {
  /** What a service and its supervisors find around them. */
  const look = async (suite: "tend" | "C"): Promise<string[]> => {
    await using box = new Sandbox();
    box.service("for/service/a", {
      run: `#!/bin/sh
exec >report
cat /proc/$$/environ | tr '\\0' '\\n' | grep -v ^PWD=
for n in 0 1 2; do ls -l /proc/$PPID/fd/$n | sed 's/.* -> //; s/\\[.*//'; done
sed -n 's/^Umask/Umask/p; /^Sig[BI]/p; /^[UG]id/p; /^Groups/p' /proc/self/status
cat /proc/$$/limits
echo oops >&2
echo done >>report
exec sleep 100000
`,
    });
    const program = suite === "C" ? "/usr/bin/svscanboot" : "/usr/local/bin/svscanboot";
    const command = ["/bin/sh", "-c", `${program} & wait`];
    const { init } = await startSystem(box, command, 'ln -s "$OLDPWD/for/service" etc/service', suite);
    const report = await until(() => {
      const text = readFileSync(box.at("for/service/a/report"), "utf8");
      return text.endsWith("done\n") && text;
    }, "the service has looked around");
    await until(() => title(init).endsWith("oops\n") || title(init).endsWith("oops"), "the title is there");
    const scanner = below(init).find((pid) => commandLine(pid).startsWith("svscan ")) ?? 0;
    const shower = below(init).find((pid) => commandLine(pid).startsWith("readproctitle ")) ?? 0;
    const about = [scanner, shower].flatMap((pid) => [
      readFileSync(`/proc/${pid}/cmdline`, "latin1"),
      readFileSync(`/proc/${pid}/comm`, "latin1"),
      readFileSync(`/proc/${pid}/environ`, "latin1"),
      ...standardFiles(pid),
    ]);
    return [report, ...about];
  };

  test("services, svscan and readproctitle find the same around them", async () => {
    expect(await look("tend")).toEqual(await look("C"));
  });
});

/** What the standard descriptors of a process are: their kind, and how they are open. */
function standardFiles(pid: number): string[] {
  return [0, 1, 2].map((n) => {
    const flags = /^flags:\s+0*([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${n}`, "utf8"))?.[1] ?? "";
    const link = readlinkSync(`/proc/${pid}/fd/${n}`).replace(/\[.*|^.*(?=\/dev\/)/g, "");
    return `${n} ${link} ${Number.parseInt(flags, 8) & 3}`;
  });
}
