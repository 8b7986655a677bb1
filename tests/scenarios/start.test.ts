// npm start: the examples run, the commands it names work, and nothing is left when it ends, however that comes about.

import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../support/programs.ts";
import { until } from "../support/until.ts";

const place = mkdtempSync(join(tmpdir(), "tend-start-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** An `npm start` on a terminal of its own, or with its output in a pipe. */
class Start {
  output = "";
  readonly npm: Bun.Subprocess;
  private readonly temporary = mkdtempSync(join(place, "tmp-"));

  constructor(terminal: boolean) {
    const see = (bytes: Uint8Array) => {
      this.output += Buffer.from(bytes).toString();
    };
    const options = { cwd: root, env: { ...process.env, TMPDIR: this.temporary } };
    const command = ["npm", "start"];
    if (terminal) {
      this.npm = Bun.spawn(command, { ...options, terminal: { data: (_, bytes) => see(bytes) } });
    } else {
      const npm = Bun.spawn(command, { ...options, detached: true, stdout: "pipe", stderr: "inherit" });
      npm.stdout.pipeTo(new WritableStream({ write: see }));
      this.npm = npm;
    }
  }

  /** The copy of the examples. */
  get directory(): string {
    return join(this.temporary, readdirSync(this.temporary)[0] as string);
  }

  /** What it proposes to type, without the remarks. */
  commands(): string[] {
    return [...this.output.matchAll(/^ {2}(\S.*?) *(#.*)?\r?$/gm)].map((line) => line[1] as string);
  }

  /** Processes that work in the copy, or were started by the svscan that does. */
  processes(): string[] {
    return readdirSync("/proc").filter((name) => {
      if (!/^\d+$/.test(name)) return false;
      try {
        if (readlinkSync(`/proc/${name}/cwd`).startsWith(this.temporary)) return true;
        return readFileSync(`/proc/${name}/environ`, "latin1").includes(`TEND_START=${this.temporary}`);
      } catch {
        return false;
      }
    });
  }

  async running(): Promise<void> {
    await until(
      () => {
        if (!/^ {2}curl /m.test(this.output)) return false;
        const log = (name: string) => join(this.directory, name, "log/main/current");
        if (!existsSync(log("hello")) || !existsSync(log("web"))) return false;
        const web = readFileSync(log("web"), "utf8");
        return readFileSync(log("hello"), "utf8").includes("hello, it is") && web.includes("listening");
      },
      "hello has printed and web listens",
      30_000,
    );
  }

  async nothingLeft(): Promise<void> {
    await this.npm.exited;
    expect(this.processes()).toEqual([]);
    expect(readdirSync(this.temporary)).toEqual([]);
  }
}

const sh = (command: string) => {
  const { stdout, stderr, exitCode } = Bun.spawnSync(["sh", "-c", command], { stdin: "ignore" });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
};

describe.skipIf(Bun.which("npm") === null)("npm start", () => {
  test("runs the examples, and the commands it proposes work", async () => {
    const start = new Start(false);
    try {
      await start.running();
      const [status = "", svstat = "", ...rest] = start.commands();
      expect(sh(status).stdout).toMatch(/^SERVICE .*\nflaky .*\nhello +up .*\n/);
      const states = sh(svstat).stdout;
      expect(states).toMatch(/\/hello: up \(pid \d+\) \d+ seconds\n/);
      expect(states).toMatch(/\/web: up \(pid \d+\) \d+ seconds\n/);
      expect(states).toMatch(/\/offline: down \d+ seconds\n/);
      for (const command of rest.filter((line) => /\/svc /.test(line)))
        expect(sh(command)).toEqual({ stdout: "", stderr: "", exitCode: 0 });
      await until(
        () => /\/offline: up \(pid \d+\) \d+ seconds, normally down\n/.test(sh(svstat).stdout),
        "offline is up",
      );
      const tail = rest.find((line) => line.startsWith("tail -F ")) ?? "";
      expect(sh(tail.replace("tail -F ", "tail -n 1 ")).stdout).toMatch(
        /^\d{4}-\d\d-\d\d [\d:.]+ hello, it is/,
      );
      const address = rest.find((line) => line.startsWith("curl "))?.replace("curl ", "") ?? "";
      const answer = await until(() => fetch(address).then((got) => got.text()), "web answers");
      expect(answer).toMatch(/^hello from process \d+\n$/);
    } finally {
      start.npm.kill("SIGTERM");
      await start.nothingLeft();
    }
  });

  test("ends on Ctrl-C, and leaves no process and no file behind", async () => {
    const start = new Start(true);
    await start.running();
    expect(start.processes()).not.toEqual([]);
    start.npm.terminal?.write("\x03");
    await start.nothingLeft();
    expect(start.npm.exitCode).toBe(0);
    expect(start.output.split("In another terminal")).toHaveLength(2);
  });

  test("ends on TERM to its process group, and leaves no process and no file behind", async () => {
    const start = new Start(false);
    await start.running();
    process.kill(-start.npm.pid, "SIGTERM");
    await start.nothingLeft();
  });

  test("runs beside another one", async () => {
    const both = [new Start(false), new Start(true)];
    try {
      for (const start of both) await start.running();
    } finally {
      for (const { npm } of both) npm.kill("SIGTERM");
      for (const start of both) await start.nothingLeft();
    }
  });
});
