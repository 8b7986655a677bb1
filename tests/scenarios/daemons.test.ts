// Real daemons, as Debian packages them, through all that an administrator does to them.
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { modes } from "../support/modes.ts";
import { ask, freePort } from "../support/network.ts";
import { ours, which } from "../support/programs.ts";
import { alive, childrenOf, type Running, Sandbox, signal, stat } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const packages = {
  nginx: "nginx",
  "redis-server": "redis-server",
  memcached: "memcached",
  python3: "python3",
};
const missing = Object.keys(packages).filter((name) => which(name) === null);
if (missing.length > 0) console.log(`not installed, tests with them are skipped: ${missing.join(", ")}`);
const has = (name: string) => !missing.includes(name);

/** A running svscan on `scan`, services beside it in `service`, linked in as the manual says. */
class Machine implements AsyncDisposable {
  readonly box = new Sandbox();
  readonly svscan: Running;

  constructor(env: { readonly TEND_SUPERVISE: string | undefined }) {
    this.svscan = this.box.svscan(this.box.directory("scan"), { env });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.box[Symbol.asyncDispose]();
  }

  link(name: string): void {
    symlinkSync(`../service/${name}`, this.box.at("scan", name));
  }

  async svc(letters: string, name: string): Promise<void> {
    const ended = await this.box.run([ours("svc"), letters, this.box.at("scan", name)]);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
  }

  /** svstat's line without the name and the seconds. */
  async stat(name: string): Promise<string> {
    const { stdout } = await this.box.run([ours("svstat"), name], { cwd: this.box.at("scan") });
    return stdout
      .trimEnd()
      .replace(`${name}: `, "")
      .replace(/ \d+ seconds/, "");
  }

  up = (name: string, before = 0): Promise<number> => this.box.up(this.box.at("service", name), before);
  down = (name: string): Promise<void> => this.box.down(this.box.at("service", name));

  /** Orderly: every process of the sandbox is gone after svscan's exit 0. */
  async stop(): Promise<void> {
    this.svscan.signal("SIGTERM");
    expect((await this.svscan.ended()).code).toBe(0);
    expect(this.box.pids()).toEqual([]);
  }

  /** The documented way to remove a service. */
  async remove(name: string, ...parts: string[]): Promise<void> {
    const script = `cd "$PWD/scan/${name}" && rm "$OLDPWD/scan/${name}" && ${ours("svc")} -dx ${parts.join(" ")}`;
    expect(await this.box.run(["/bin/sh", "-c", script])).toMatchObject({ code: 0, stderr: "" });
    for (const part of parts) {
      const path = this.box.at("service", name, part);
      await until(async () => (await this.box.run([ours("svok"), path])).code === 100, `${path} is let go`);
    }
    // It is not begun again: a scan has seen the link gone.
    this.svscan.signal("SIGHUP");
    this.box.service("service/marker");
    this.link("marker");
    await this.up("marker");
    expect((await this.box.run([ours("svok"), this.box.at("service", name)])).code).toBe(100);
  }
}

/** What every daemon goes through. `answers` throws or is false as long as it does not serve. */
async function life(machine: Machine, name: string, answers: () => Promise<boolean>): Promise<void> {
  const serves = (what: string) => until(answers, `${name} serves ${what}`);
  const silent = (what: string) =>
    until(
      () =>
        answers().then(
          (yes) => !yes,
          () => true,
        ),
      `${name} is silent ${what}`,
    );
  let pid = await machine.up(name);
  const next = async () => {
    pid = await machine.up(name, pid);
  };
  await serves("at first");
  expect(await machine.stat(name)).toBe(`up (pid ${pid})`);

  // Killed with its workers, which would keep the port.
  for (const each of [pid, ...childrenOf(pid)]) signal(each, "SIGKILL");
  await next();
  await serves("after a kill");

  await machine.svc("-d", name);
  await machine.down(name);
  await silent("when it is down");
  expect(await machine.stat(name)).toBe("down, normally up");
  await machine.svc("-u", name);
  await next();
  await serves("when it is up again");

  await machine.svc("-t", name);
  await next();
  await serves("after a TERM");

  await machine.svc("-p", name);
  await until(() => stat(pid).state === "T", `${name} is stopped`);
  await until(async () => (await machine.stat(name)) === `up (pid ${pid}), paused`, "svstat says so");
  await machine.svc("-c", name);
  await until(() => stat(pid).state !== "T", `${name} goes on`);
  await serves("after a pause");
  expect(await machine.stat(name)).toBe(`up (pid ${pid})`);

  await machine.svc("-o", name);
  for (const each of [pid, ...childrenOf(pid)]) signal(each, "SIGKILL");
  await machine.down(name);
  expect(await machine.stat(name)).toBe("down, normally up");
  await machine.svc("-o", name);
  await next();
  await serves("once more");
}

const redis = (port: number) => ({
  run: `#!/bin/sh\nexec 2>&1\nexec redis-server --bind 127.0.0.1 --port ${port} --save '' --appendonly no --daemonize no\n`,
});
const memcached = (port: number) => ({
  run: `#!/bin/sh\nexec 2>&1\nexec memcached -u root -l 127.0.0.1 -p ${port} -U 0 -m 8 -t 1\n`,
});
const LOOP = `#!/usr/bin/env python3
import signal, time
hung_up = []
signal.signal(signal.SIGHUP, lambda *_: hung_up.append(True))
n = 0
while True:
    if hung_up: # not in the handler: a print inside a print loses one of them
        print("again", flush=True)
        hung_up.clear()
    n += 1
    open("beat", "w").write(str(n))
    print("beat", n, flush=True)
    time.sleep(0.02)
`;
const nginxConf = (port: number, answer: string) => `
daemon off; worker_processes 2; user root; pid nginx.pid; error_log stderr notice;
events { worker_connections 64; }
http {
  access_log /dev/stdout;
  client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
  server { listen 127.0.0.1:${port}; location / { return 200 "${answer}\\n"; } }
}
`;
const COLLECT = "#!/bin/sh\nexec cat >>all\n";

describe.each(modes)("svscan $mode", ({ env }) => {
  test.skipIf(!has("redis-server")).concurrent("redis-server lives, and is removed", async () => {
    await using machine = new Machine(env);
    const port = freePort();
    machine.box.service("service/redis", redis(port));
    machine.link("redis");
    await life(machine, "redis", async () => (await ask(port, "PING\r\n")) === "+PONG\r\n");
    await machine.remove("redis", ".");
    await machine.stop();
  });

  test
    .skipIf(!has("memcached"))
    .concurrent("memcached lives, and is added again after it was removed", async () => {
      await using machine = new Machine(env);
      const port = freePort();
      const answers = async () => (await ask(port, "version\r\n")).startsWith("VERSION");
      machine.box.service("service/memcached", memcached(port));
      machine.link("memcached");
      await life(machine, "memcached", answers);
      const before = machine.box.status(machine.box.at("service/memcached"))?.pid;
      await machine.remove("memcached", ".");
      machine.link("memcached");
      await machine.up("memcached", before);
      await until(answers, "it serves again");
      await machine.stop();
    });

  test.skipIf(!has("nginx")).concurrent("nginx with a logger lives, reloads, and is removed", async () => {
    await using machine = new Machine(env);
    const port = freePort();
    const get = (path = "/") => ask(port, `GET ${path} HTTP/1.0\r\n\r\n`);
    machine.box.service("service/nginx", {
      run: '#!/bin/sh\nexec 2>&1\nmkdir -p tmp\nexec nginx -e stderr -p "$PWD/" -c nginx.conf\n',
      log: COLLECT,
      files: { "nginx.conf": nginxConf(port, "one") },
    });
    machine.link("nginx");
    const logger = await machine.up("nginx/log");
    await life(machine, "nginx", async () => (await get()).includes("\r\n\r\none\n"));

    // svc -h: a new configuration and new workers, under the same master.
    const master = await machine.up("nginx");
    await until(() => childrenOf(master).length === 2, "both workers are there");
    const workers = childrenOf(master);
    writeFileSync(machine.box.at("service/nginx/nginx.conf"), nginxConf(port, "two"));
    await machine.svc("-h", "nginx");
    await until(async () => (await get()).endsWith("two\n"), "the new configuration is served");
    await until(() => workers.every((pid) => !alive(pid)), "the old workers are gone");
    expect(await machine.up("nginx")).toBe(master);

    const log = () => readFileSync(machine.box.at("service/nginx/log/all"), "latin1");
    for (let i = 0; i < 20; i++) await get(`/request-${i}`);
    await until(() => log().includes("GET /request-19 "), "the requests are in the log");
    expect(log().match(/GET \/request-\d+ /g)?.length).toBe(20);
    expect(await machine.up("nginx/log")).toBe(logger);
    await machine.remove("nginx", ".", "log");
    expect(alive(master) || alive(logger)).toBe(false);
    await machine.stop();
  });

  test
    .skipIf(!has("python3"))
    .concurrent("a loop in Python lives, takes HUP, and its logger is replaced under it", async () => {
      await using machine = new Machine(env);
      // cat would lose what it has read when it is ended.
      machine.box.service("service/loop", {
        run: LOOP,
        log: `#!/bin/sh\nexec ${ours("multilog")} ./main\n`,
      });
      machine.link("loop");
      const file = machine.box.at("service/loop/log/main/current");
      const said = () => (existsSync(file) ? readFileSync(file, "latin1") : "");
      const beat = () => Number(/(\d+)\n$/.exec(said())?.[1] ?? "0");
      await life(machine, "loop", async () => {
        const before = beat();
        return until(() => beat() !== before, "it beats", 300);
      });
      await machine.svc("-h", "loop");
      await until(() => said().includes("again\n"), "HUP is taken");

      // No line is lost while the logger is away.
      const service = await machine.up("loop");
      const logger = await machine.up("loop/log");
      await machine.svc("-d", "loop/log");
      await machine.down("loop/log");
      const from = Number(readFileSync(machine.box.at("service/loop/beat"), "latin1"));
      await until(
        () => Number(readFileSync(machine.box.at("service/loop/beat"), "latin1")) > from + 5,
        "it beats on",
      );
      await machine.svc("-u", "loop/log");
      await machine.up("loop/log", logger);
      await until(() => beat() > from + 5, "the rest is in the log");
      expect(await machine.up("loop")).toBe(service);
      // Whole lines: the last one may be under way.
      const beats = [...said().matchAll(/^beat (\d+)\n/gm)].map(([, n]) => Number(n));
      const run = beats.slice(beats.lastIndexOf(1));
      expect(run).toEqual(run.map((_, i) => i + 1));
      await machine.stop();
      expect(existsSync(file)).toBe(true);
    });

  test.concurrent("a link that is added is picked up without waiting for the next scan", async () => {
    await using machine = new Machine(env);
    await until(() => machine.svscan.running, "svscan runs");
    // One after the other: scans five seconds apart would need longer than the test may take.
    for (let i = 0; i < 20; i++) {
      machine.box.service(`service/a${i}`);
      machine.link(`a${i}`);
      await machine.up(`a${i}`);
    }
    await machine.stop();
  });
});
