// Real software that says when it is ready: Redis and PostgreSQL as systemd starts them, PostgreSQL by a check, a cluster of
// Node whose leader dies.
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { ServiceRecord } from "../../src/formats/service-record.ts";
import { command } from "../support/control.ts";
import { ask, freePort } from "../support/network.ts";
import { which } from "../support/programs.ts";
import { alive, Sandbox, signal } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const told = (box: Sandbox, name: string) =>
  new ServiceRecord(new Uint8Array(readFileSync(box.at(name, "supervise/record")))).readiness.told;

test.concurrent.skipIf(which("redis-server") === null)(
  "Redis, supervised as by systemd, is ready when it accepts connections, and says so",
  async () => {
    await using box = new Sandbox();
    const port = await freePort();
    box.service("redis", {
      run: `#!/bin/sh
exec redis-server --port ${port} --bind 127.0.0.1 --save '' --daemonize no --supervised systemd --dir . >log 2>&1
`,
      files: { "sd-notify": "", "timeout-ready": "60000", "timeout-kill": "20000" },
    });
    const supervisor = box.supervise("redis");
    const pid = await box.up("redis");
    await until(() => told(box, "redis")?.ready === true, "it is ready");
    expect(await ask(port, "PING\r\n")).toContain("+PONG");
    expect(told(box, "redis")?.text).toContain("Ready to accept connections");
    signal(pid, "SIGKILL");
    await box.up("redis", pid);
    await until(() => told(box, "redis")?.ready === true, "it is ready again");
    expect(await ask(port, "PING\r\n")).toContain("+PONG");
    command(box.at("redis"), "dx");
    expect(await supervisor.ended()).toMatchObject({ code: 0, stderr: "" });
  },
);

/** The newest PostgreSQL of Debian, whose server's directory is in no PATH. */
const postgres = existsSync("/usr/lib/postgresql")
  ? readdirSync("/usr/lib/postgresql")
      .map((version) => `/usr/lib/postgresql/${version}/bin`)
      .filter((bin) => existsSync(`${bin}/postgres`) && existsSync(`${bin}/initdb`))
      .at(-1)
  : undefined;
const root = process.getuid?.() === 0;
/** PostgreSQL refuses to run as root. */
const asNobody = root ? "setpriv --reuid 65534 --regid 65534 --clear-groups " : "";

test.concurrent.skipIf(postgres === undefined)(
  "PostgreSQL is ready by its own word, and by pg_isready",
  async () => {
    await using box = new Sandbox();
    const data = box.directory("data");
    const env = { LC_ALL: "C", TZ: "UTC" };
    if (root) await box.run(["chown", "65534:65534", data]);
    await box.run(["chmod", "755", box.path]);
    const initdb = `${asNobody}${postgres}/initdb -D ${data} -A trust -N --no-sync -U admin`;
    const made = await box.run(["sh", "-c", initdb], { env });
    expect([made.code, made.stderr]).toEqual([0, ""]);
    const port = await freePort();
    const run = `#!/bin/sh
exec 2>&1
exec ${asNobody}${postgres}/postgres -D ${data} -p ${port} -h 127.0.0.1 -k '' -F >log
`;
    const stop = { "down-signal": "INT", "timeout-kill": "30000" };
    box.service("told", { run, files: { ...stop, "sd-notify": "" } });
    const check = `#!/bin/sh\nexec ${postgres}/pg_isready -q -h 127.0.0.1 -p ${port}\n`;
    box.service("asked", { run, files: { ...stop, check } });
    for (const name of ["told", "asked"]) {
      const supervisor = box.supervise(name, { env });
      await box.up(name);
      await until(() => told(box, name)?.ready === true, `${name} is ready`);
      const isReady = await box.run([`${postgres}/pg_isready`, "-h", "127.0.0.1", "-p", String(port)]);
      expect(isReady.code).toBe(0);
      command(box.at(name), "dx");
      expect(await supervisor.ended()).toMatchObject({ code: 0, stderr: "" });
    }
  },
  120_000,
);

test.concurrent.skipIf(which("node") === null)(
  "a cluster of Node whose leader dies: it is started again when its workers are gone, and ready when one listens",
  async () => {
    await using box = new Sandbox();
    const port = await freePort();
    const server = `import cluster from "node:cluster";
import { appendFileSync, closeSync, writeSync } from "node:fs";
import { createServer } from "node:http";
if (cluster.isPrimary) {
  let left = 2;
  cluster.on("listening", () => { if (--left === 0) { writeSync(4, "\\n"); closeSync(4); } });
  for (let i = 0; i < 2; i++) cluster.fork();
} else {
  appendFileSync("workers", process.pid + "\\n");
  createServer((_, response) => response.end("hello")).listen(${port}, "127.0.0.1");
}
`;
    box.service("web", {
      run: "#!/bin/sh\nexec node server.mjs >log 2>&1\n",
      files: {
        ...{ "server.mjs": server, "notification-fd": "4", "process-group": "", "timeout-kill": "5000" },
      },
    });
    const supervisor = box.supervise("web");
    const pid = await box.up("web");
    const workers = () => readFileSync(box.at("web/workers"), "latin1").split("\n").slice(0, -1).map(Number);
    await until(() => told(box, "web")?.ready === true, "it is ready");
    const before = workers();
    expect(before).toHaveLength(2);
    signal(pid, "SIGKILL");
    const next = await box.upLeading("web", pid);
    expect(before.filter(alive)).toEqual([]);
    await until(() => told(box, "web")?.ready === true, "it is ready again");
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("hello");
    command(box.at("web"), "dx");
    expect((await supervisor.ended()).code).toBe(0);
    expect([next, ...workers()].filter(alive)).toEqual([]);
  },
);
