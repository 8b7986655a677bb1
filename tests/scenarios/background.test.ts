// Daemons that put themselves in the background: the restart loop they make of a service, and its cure, fghack.
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { ask, freePort } from "../support/network.ts";
import { which } from "../support/programs.ts";
import { binOf } from "../support/same-script.ts";
import { alive, Sandbox, signal, stat } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

type Daemon = {
  readonly needs?: string;
  /** Prepares the service directory. @returns what `run` executes, and how the daemon is asked whether it serves */
  readonly make: (
    directory: string,
    port: number,
  ) => { command: string; serves: (port: number) => Promise<boolean> };
};

/** Each writes its pid to the file `pid` of the service directory. */
const DAEMONS: { readonly [name: string]: Daemon } = {
  "a shell that forks twice": {
    make: () => ({
      command: `sh -c '(setsid sh -c "echo \\$\\$ >pid; exec sleep 100000" </dev/null >/dev/null 2>&1 &)'`,
      serves: async () => true,
    }),
  },
  memcached: {
    needs: "memcached",
    make: (directory, port) => ({
      command: `memcached -d -u root -l 127.0.0.1 -p ${port} -U 0 -P ${directory}/pid`,
      serves: async (at) => (await ask(at, "version\r\n")).startsWith("VERSION"),
    }),
  },
  nginx: {
    needs: "nginx",
    make: (directory, port) => {
      writeFileSync(
        `${directory}/nginx.conf`,
        `pid ${directory}/pid; error_log ${directory}/error.log; events {}
         http { access_log off; server { listen 127.0.0.1:${port}; return 200 "fine\\n"; } }\n`,
      );
      return {
        command: `nginx -p ${directory} -c ${directory}/nginx.conf`,
        serves: async (at) => (await ask(at, "GET / HTTP/1.0\r\n\r\n")).includes("fine"),
      };
    },
  },
};

/** A svscan with the daemon as its service, run with `prefix`, and another service that ends at once, as a clock. */
async function begin(box: Sandbox, { make }: Daemon, prefix: string) {
  const port = await freePort();
  const directory = box.directory("scan/daemon");
  const { command, serves } = make(directory, port);
  const run = (what: string) => `#!/bin/sh\necho started >>starts\nexec ${what}\n`;
  box.service("scan/daemon", { run: run(`${prefix}${command}`) });
  box.service("scan/clock", { run: run("true") });
  box.svscan(box.at("scan"), { env: { PATH: `${binOf("tend")}:/usr/sbin:/usr/bin:/sbin:/bin` } });
  const lines = (file: string) => readFileSync(box.at(file), "latin1").split("\n").length - 1;
  const daemon = () => until(() => alive(pidOf(directory)) && pidOf(directory), "the daemon runs");
  return {
    directory,
    daemon,
    starts: () => lines("scan/daemon/starts"),
    serves: () => until(() => serves(port), "the daemon serves"),
    /** Until another service has been started `count` times from now on, once a second. */
    ticks: async (count: number) => {
      const before = lines("scan/clock/starts");
      await until(() => lines("scan/clock/starts") >= before + count, `the clock has ticked ${count} times`);
    },
  };
}

const pidOf = (directory: string): number => Number(readFileSync(`${directory}/pid`, "latin1").trim() || NaN);

for (const [name, daemon] of Object.entries(DAEMONS)) {
  const missing = daemon.needs !== undefined && which(daemon.needs) === null;
  describe.skipIf(missing)(name, () => {
    test("in the background is started again and again, and is nobody's to stop", async () => {
      await using box = new Sandbox();
      const service = await begin(box, daemon, "");
      await until(() => service.starts() >= 3, "the service was started three times");
      const first = await service.daemon();
      await box.run([`${binOf("tend")}/svc`, "-d", service.directory]);
      await box.down(service.directory);
      expect(alive(first)).toBe(true);
    });

    test("under fghack is started once, and again when it ends", async () => {
      await using box = new Sandbox();
      const service = await begin(box, daemon, "fghack ");
      const pid = await box.up(service.directory);
      await service.serves();
      const first = await service.daemon();
      // It is none of fghack's any more, and fghack waits all the same.
      expect(stat(first).parent).not.toBe(pid);
      await service.ticks(2);
      expect(service.starts()).toBe(1);
      expect(box.status(service.directory)?.pid).toBe(pid);
      signal(first, "SIGTERM");
      await box.up(service.directory, pid);
      await until(
        () => service.starts() === 2 && pidOf(service.directory) !== first,
        "there is another daemon",
      );
      await service.serves();
    });
  });
}
