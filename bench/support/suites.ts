// The suites that are compared: how each is started on a directory of services and how it is told to stop or start one.
import { existsSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Contender, Options } from "./frame.ts";
import { type Pm2, pm2 } from "./pm2.ts";

export type Suite = {
  readonly contender: Contender;
  /** What runs the services of the directory `dir`, and nothing else. */
  readonly supervisor: (dir: string) => readonly string[];
  /** Stops or starts the service in `directory`. */
  readonly tell: (directory: string, what: "down" | "up") => readonly string[];
  /** Of another family: it has one file for all services, which this writes into their directory. */
  readonly configure?: (dir: string, names: readonly string[]) => void;
  /** It is not asked to run more services than these. */
  readonly most?: number;
};

/**
 * The suites that are installed, ours first; in a quick run, ours and the C programs alone. `all` takes what is of another
 * family too.
 */
export function suites({ quick, tend }: Options, all: "family" | "all" = "family"): Suite[] {
  const found: Suite[] = [
    {
      contender: "tend",
      supervisor: (dir) => [tend("svscan"), dir],
      tell: (directory, what) => [tend("svc"), what === "down" ? "-d" : "-u", directory],
    },
    {
      contender: "C",
      supervisor: (dir) => ["/usr/bin/svscan", dir],
      tell: (directory, what) => ["/usr/bin/svc", what === "down" ? "-d" : "-u", directory],
    },
    {
      contender: "runit",
      supervisor: (dir) => ["/usr/bin/runsvdir", dir],
      tell: (directory, what) => ["/usr/bin/sv", "-w0", what, directory],
    },
    {
      contender: "s6",
      supervisor: (dir) => ["/usr/bin/s6-svscan", "-c", "2000", dir],
      tell: (directory, what) => ["/usr/bin/s6-svc", what === "down" ? "-d" : "-u", directory],
    },
    {
      contender: "supervisord",
      supervisor: (dir) => ["/usr/bin/supervisord", "-n", "-c", join(dir, "supervisord.conf")],
      tell: (directory, what) => [
        ...["/usr/bin/supervisorctl", "-c", join(directory, "../supervisord.conf")],
        ...[what === "down" ? "stop" : "start", basename(directory)],
      ],
      configure: writeSupervisordConf,
    },
  ];
  const wanted = found
    .filter(({ contender }) => (quick ? contender === "tend" || contender === "C" : true))
    .filter(({ configure }) => all === "all" || configure === undefined)
    .filter(({ supervisor }) => existsSync(supervisor("")[0] ?? ""));
  const node = quick || all !== "all" ? undefined : pm2();
  return node === undefined ? wanted : [...wanted, pm2Suite(node)];
}

/** pm2 in the foreground, as in a container. It takes a tenth of a second to start a service, so it gets few of them. */
function pm2Suite({ node, bin }: Pm2): Suite {
  const home = (dir: string) => ["/usr/bin/env", `PM2_HOME=${dir}/.pm2`, node];
  return {
    contender: "pm2",
    supervisor: (dir) => [
      ...home(dir),
      join(bin, "pm2-runtime"),
      "start",
      join(dir, PM2_CONFIGURATION),
      "--no-auto-exit",
    ],
    tell: (directory, what) => [
      ...home(join(directory, "..")),
      ...[join(bin, "pm2"), what === "down" ? "stop" : "start", basename(directory)],
    ],
    configure: writePm2Configuration,
    most: 100,
  };
}

const PM2_CONFIGURATION = "ecosystem.json";

function writePm2Configuration(dir: string, names: readonly string[]): void {
  const apps = names.map((name) => ({
    name,
    script: join(dir, name, "run"),
    cwd: join(dir, name),
    interpreter: "none",
    autorestart: true,
    out_file: "/dev/null",
    error_file: "/dev/null",
    pmx: false,
    vizion: false,
  }));
  writeFileSync(join(dir, PM2_CONFIGURATION), JSON.stringify({ apps }));
}

function writeSupervisordConf(dir: string, names: readonly string[]): void {
  const lines = [
    "[supervisord]",
    `logfile=/dev/null`,
    "logfile_maxbytes=0",
    `pidfile=${dir}/supervisord.pid`,
    "minfds=4096",
    "[unix_http_server]",
    `file=${dir}/supervisord.sock`,
    "[rpcinterface:supervisor]",
    "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
    "[supervisorctl]",
    `serverurl=unix://${dir}/supervisord.sock`,
    ...names.flatMap((name) => [
      `[program:${name}]`,
      `directory=${dir}/${name}`,
      `command=${dir}/${name}/run`,
      "autorestart=true",
      "stdout_logfile=NONE",
      "stderr_logfile=NONE",
    ]),
  ];
  writeFileSync(join(dir, "supervisord.conf"), `${lines.join("\n")}\n`);
}
