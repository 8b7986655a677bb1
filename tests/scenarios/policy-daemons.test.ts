// Real software in directories that ask for more: nginx reloaded by control/h, a Node cluster that leaves its workers behind.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { cgroupOfService, cgroupParent, removeCgroup } from "../support/cgroup.ts";
import { command } from "../support/control.ts";
import { which } from "../support/programs.ts";
import { alive, Sandbox, signal } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const conf = (socket: string, answer: string): string => `
daemon off; worker_processes 1; user root; pid nginx.pid; error_log stderr notice;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
  server { listen unix:${socket}; location / { return 200 "${answer}"; } }
}
`;

test.concurrent.skipIf(which("nginx") === null)(
  "nginx reloads by control/h if its configuration is right, and keeps the old one if it is not",
  async () => {
    await using box = new Sandbox();
    const socket = box.at("web/s");
    const answer = async () => (await fetch("http://nginx/", { unix: socket })).text();
    box.service("web", {
      run: '#!/bin/sh\nexec 2>&1\nmkdir -p tmp\nexec nginx -e stderr -p "$PWD/" -c nginx.conf\n',
      files: {
        "nginx.conf": conf(socket, "one"),
        "control/h":
          '#!/bin/sh\nn() { nginx -e stderr -p "$PWD/" -c nginx.conf "$@"; }\nn -t -q 2>>refused && exec nginx -e stderr -p "$PWD/" -c nginx.conf -s reload\necho refused >>said\nexit 0\n',
      },
    });
    box.supervise("web");
    const pid = await box.up("web");
    await until(async () => (await answer()) === "one", "it answers");
    box.file("web/nginx.conf", conf(socket, "two"));
    command(box.at("web"), "h");
    await until(async () => (await answer()) === "two", "it answers anew");
    box.file("web/nginx.conf", "nonsense;");
    command(box.at("web"), "h");
    await until(() => box.has("web/said"), "the script has refused");
    expect(await answer()).toBe("two");
    expect(box.status("web")?.pid).toBe(pid);
  },
);

const CLUSTER = `
const cluster = require("node:cluster");
const { appendFileSync } = require("node:fs");
if (cluster.isPrimary) {
  for (let n = 0; n < 2; n++) cluster.fork();
  appendFileSync("primaries", process.pid + "\\n");
} else {
  // A worker that outlives its primary, and takes no notice of TERM.
  process.on("SIGTERM", () => {});
  process.on("disconnect", () => {});
  setInterval(() => {}, 1000);
  appendFileSync("workers", process.pid + "\\n");
}
`;
const parent = cgroupParent();
test.concurrent.skipIf(which("node") === null || parent === undefined)(
  "a Node cluster whose primary dies: no new one beside its workers, and d ends all of them",
  async () => {
    const box = new Sandbox();
    const cgroup = cgroupOfService(parent ?? "", box.directory("web"));
    try {
      const pids = (name: string): number[] =>
        existsSync(box.at("web", name))
          ? readFileSync(box.at("web", name), "latin1").split("\n").slice(0, -1).map(Number)
          : [];
      box.service("web", {
        run: "#!/bin/sh\nexec node cluster.js\n",
        files: { "cluster.js": CLUSTER, cgroup: "", "timeout-kill": "300" },
      });
      const supervisor = box.supervise("web");
      await until(() => pids("workers").length === 2, "two workers run");
      const [primary = 0] = pids("primaries");
      const workers = pids("workers");
      signal(primary, "SIGKILL");
      await until(() => pids("primaries").length === 2, "it is started again");
      expect(workers.filter(alive)).toEqual([]);
      await until(() => pids("workers").length === 4, "with two workers");
      command(box.at("web"), "dx");
      expect((await supervisor.ended()).code).toBe(0);
      expect(pids("workers").filter(alive)).toEqual([]);
    } finally {
      box.clear();
      await removeCgroup(cgroup);
    }
  },
);
