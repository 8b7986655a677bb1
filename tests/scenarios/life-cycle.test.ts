// What svscan does as its directory changes: the life-cycle table of svscan(8), row by row.
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, unlinkSync } from "node:fs";
import { type Mode, modes } from "../support/modes.ts";
import { ours } from "../support/programs.ts";
import { sameAsC } from "../support/same-script.ts";
import { alive, type Running, Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

sameAsC("svscan", [
  [
    "says what keeps it from its directory",
    "echo >file; ln -s loop loop; say svscan missing; say svscan file; say svscan loop; say svscan ''; say svscan missing more; say svscan $(printf %256s | tr ' ' x)",
  ],
  ["takes no options", "say svscan -x; say svscan --help; say svscan --version; say svscan --"],
]);

/** svscan on `scan`. */
class Scene implements AsyncDisposable {
  readonly box = new Sandbox();
  private started: Running | undefined;

  constructor(private readonly env: Mode["env"]) {
    this.box.directory("scan");
  }

  start(env: { readonly [name: string]: string | undefined } = {}): void {
    this.started = this.box.svscan("scan", { env: { ...this.env, ...env } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.box[Symbol.asyncDispose]();
  }

  get svscan(): Running {
    if (this.started === undefined) throw new Error("svscan was not started");
    return this.started;
  }

  svc = (letters: string, path: string) => this.box.run([ours("svc"), letters, path]);
  svok = async (path: string): Promise<boolean> => (await this.box.run([ours("svok"), path])).code === 0;

  /** Waits until svscan has read its directory once more: a service added now was found, and what was before it too. */
  private marks = 0;
  async scanned(): Promise<void> {
    const name = `scan/mark-${++this.marks}`;
    this.box.service(`.${name.replace("/", "-")}`);
    renameSync(this.box.at(`.${name.replace("/", "-")}`), this.box.at(name));
    await this.box.up(name);
  }

  /** How many processes run the service's program. */
  copies(argument: string): number {
    return this.box.pids().filter((pid) => {
      try {
        return commandOf(pid).includes(argument);
      } catch {
        return false;
      }
    }).length;
  }
}

const commandOf = (pid: number): string[] => readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0");

/** A service whose process is known by its argument. */
const sleeper = (seconds: string) => ({ run: `#!/bin/sh\nexec sleep ${seconds}\n` });

describe.each(modes)("svscan $mode", ({ mode, env }) => {
  test.concurrent("starts directories and links to them, and no files and no names with a dot", async () => {
    await using scene = new Scene(env);
    const { box } = scene;
    box.service("scan/directory");
    box.service("elsewhere");
    symlinkSync("../elsewhere", box.at("scan/link"));
    box.service("scan/.hidden");
    box.file("scan/file", "#!/bin/sh\nexec sleep 1\n");
    scene.start();
    await Promise.all([box.up("scan/directory"), box.up("elsewhere")]);
    await scene.scanned();
    expect(readdirSync(box.at("scan/.hidden"))).toEqual(["run"]);
    expect(scene.svscan.stderr).toBe("");
  });

  test.concurrent("takes two names of one directory for one service", async () => {
    await using scene = new Scene(env);
    const { box } = scene;
    box.service("elsewhere", sleeper("98765"));
    for (const name of ["a", "b", "c"]) symlinkSync("../elsewhere", box.at("scan", name));
    box.service("scan/direct", sleeper("98764"));
    symlinkSync("direct", box.at("scan/again"));
    scene.start();
    await Promise.all([box.up("elsewhere"), box.up("scan/direct")]);
    await scene.scanned();
    expect([scene.copies("98765"), scene.copies("98764")]).toEqual([1, 1]);
    expect(scene.svscan.stderr).toBe("");
  });

  test.concurrent("does nothing about a renamed directory, and begins it again by its new name", async () => {
    await using scene = new Scene(env);
    const { box } = scene;
    box.service("scan/old", { log: "#!/bin/sh\nexec cat\n" });
    scene.start();
    const [service, logger] = await Promise.all([box.up("scan/old"), box.up("scan/old/log")]);
    renameSync(box.at("scan/old"), box.at("scan/new"));
    await scene.scanned();
    expect([await box.up("scan/new"), await box.up("scan/new/log")]).toEqual([service, logger]);
    expect(await scene.svok("scan/new")).toBe(true);
    await scene.svc("-dx", "scan/new");
    await box.up("scan/new", service);
    await scene.svc("-t", "scan/new/log");
    await box.up("scan/new/log", logger);
    expect(scene.svscan.stderr).toBe("");
  });

  test.concurrent("leaves a service alone whose name got a dot, and does not begin it again", async () => {
    await using scene = new Scene(env);
    const { box } = scene;
    box.service("scan/s");
    scene.start();
    const pid = await box.up("scan/s");
    renameSync(box.at("scan/s"), box.at("scan/.s"));
    await scene.scanned();
    expect(alive(pid)).toBe(true);
    expect(await scene.svok("scan/.s")).toBe(true);
    // Still kept running.
    await scene.svc("-t", "scan/.s");
    const next = await box.up("scan/.s", pid);
    await scene.svc("-dx", "scan/.s");
    await until(async () => !(await scene.svok("scan/.s")), "it is let go");
    expect(alive(next)).toBe(false);
    await scene.scanned();
    expect(await scene.svok("scan/.s")).toBe(false);
    // Back under its name it is new.
    renameSync(box.at("scan/.s"), box.at("scan/s"));
    await box.up("scan/s", next);
  });

  test.concurrent("takes a directory put in the place of another for a new service, beside the old one", async () => {
    await using scene = new Scene(env);
    const { box } = scene;
    box.service("scan/s", sleeper("97001"));
    scene.start();
    const old = await box.up("scan/s");
    box.service("next", sleeper("97002"));
    renameSync(box.at("scan/s"), box.at("old"));
    renameSync(box.at("next"), box.at("scan/s"));
    const next = await box.up("scan/s", old);
    expect([alive(old), scene.copies("97001"), scene.copies("97002")]).toEqual([true, 1, 1]);
    await scene.svc("-dx", "old");
    await until(async () => !(await scene.svok("old")), "the old one is let go");
    await scene.scanned();
    expect([alive(old), await box.up("scan/s")]).toEqual([false, next]);
    expect(scene.svscan.stderr).toBe("");
  });

  test.concurrent("begins again what svc -x has ended", async () => {
    await using scene = new Scene(env);
    const { box } = scene;
    box.service("scan/s");
    scene.start();
    const pid = await box.up("scan/s");
    await scene.svc("-x", "scan/s");
    await scene.svc("-t", "scan/s");
    await box.up("scan/s", pid);
    expect(scene.svscan.stderr).toBe("");
  });

  test.concurrent("keeps a service whose directory was removed, until it is told to end", async () => {
    await using scene = new Scene(env);
    const { box } = scene;
    box.service("scan/s", sleeper("97003"));
    scene.start();
    const pid = await box.became("sleep", "scan/s");
    rmSync(box.at("scan/s"), { recursive: true });
    await scene.scanned();
    expect(alive(pid)).toBe(true);
    box.service("scan/s", sleeper("97004"));
    const next = await box.up("scan/s", pid);
    expect([alive(pid), alive(next)]).toEqual([true, true]);
  });

  test.concurrent("warns of what it cannot look at, once for as long as it is so", async () => {
    await using scene = new Scene(env);
    const { box } = scene;
    symlinkSync("nowhere", box.at("scan/dangling"));
    symlinkSync("loop", box.at("scan/loop"));
    box.service("scan/badlog");
    symlinkSync("log", box.at("scan/badlog/log"));
    scene.start();
    const expected = [
      "svscan: warning: unable to stat badlog/log: symbolic link loop",
      "svscan: warning: unable to stat dangling: file does not exist",
      "svscan: warning: unable to stat loop: symbolic link loop",
    ];
    const said = () => scene.svscan.stderr.trimEnd().split("\n").sort();
    await until(() => said().length === 3, "three warnings");
    for (let i = 0; i < 3; i++) {
      scene.svscan.signal("SIGHUP");
      await scene.scanned();
    }
    expect(said()).toEqual(expected);
    expect(readdirSync(box.at("scan/badlog")).sort()).toEqual(["log", "run"]);
    // What becomes whole is started, and warned of again if it breaks again.
    box.service("whole");
    unlinkSync(box.at("scan/dangling"));
    symlinkSync("../whole", box.at("scan/dangling"));
    unlinkSync(box.at("scan/badlog/log"));
    await box.up("whole");
    await box.up("scan/badlog");
    unlinkSync(box.at("scan/dangling"));
    symlinkSync("nowhere", box.at("scan/dangling"));
    await until(() => said().length === 4, "a fourth warning");
    expect(said()).toEqual([...expected.slice(0, 2), expected[1] ?? "", expected[2] ?? ""]);
  });

  test.concurrent("runs a service whose log is a plain file, and says what is wrong with it", async () => {
    await using scene = new Scene(env);
    const { box } = scene;
    box.service("scan/s", { files: { log: "" } });
    scene.start();
    await box.up("scan/s");
    const [what] = mode === "hosted" ? ["s/log"] : ["log"];
    const message = `supervise: fatal: unable to chdir to ${what}: not a directory\n`;
    await until(() => scene.svscan.stderr.startsWith(message), "it is said");
    // It becomes a directory: the logger runs.
    unlinkSync(box.at("scan/s/log"));
    mkdirSync(box.at("scan/s/log"));
    box.file("scan/s/log/run", "#!/bin/sh\nexec cat\n");
    await box.up("scan/s/log");
  });

  test.concurrent("starts a logger that is added later", async () => {
    await using scene = new Scene(env);
    const { box } = scene;
    box.service("scan/s", { run: "#!/bin/sh\necho line\nexec sleep 100000\n" });
    scene.start();
    const pid = await box.up("scan/s");
    box.service("later", { run: "#!/bin/sh\nexec cat >all\n" });
    renameSync(box.at("later"), box.at("scan/s/log"));
    await box.up("scan/s/log");
    // A supervise of its own has to be begun anew to hand the pipe on.
    await scene.svc(mode === "hosted" ? "-t" : "-dx", "scan/s");
    await box.up("scan/s", pid);
    await until(() => readFileSync(box.at("scan/s/log/all"), "utf8") === "line\n", "the logger has the line");
  });
});

test("svscan says that TEND_SUPERVISE names no program, for each service and logger, and goes on", async () => {
  await using scene = new Scene({ TEND_SUPERVISE: "no-such-program" });
  scene.box.service("scan/a", { log: "#!/bin/sh\nexec cat\n" });
  scene.start();
  const expected = [
    "svscan: warning: unable to start no-such-program a/log: file does not exist",
    "svscan: warning: unable to start no-such-program a: file does not exist",
  ];
  const said = () => scene.svscan.stderr.trimEnd().split("\n").sort();
  await until(() => said().length >= 2, "two warnings");
  scene.svscan.signal("SIGHUP");
  scene.svscan.signal("SIGTERM");
  expect(await scene.svscan.ended()).toMatchObject({ code: 0 });
  expect(said()).toEqual(expected);
});
