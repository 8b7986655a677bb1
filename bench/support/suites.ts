// The suites that are compared: how each is started on a directory of services and how it is told to stop or start one.
import { existsSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Contender, Options } from "./frame.ts";

export type Suite = {
  readonly contender: Contender;
  /** What runs the services of the directory `dir`, and nothing else. */
  readonly supervisor: (dir: string) => readonly string[];
  /** Stops or starts the service in `directory`. */
  readonly tell: (directory: string, what: "down" | "up") => readonly string[];
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
    },
  ];
  return found
    .filter(({ contender }) => (quick ? contender === "tend" || contender === "C" : true))
    .filter(({ contender }) => all === "all" || contender !== "supervisord")
    .filter(({ supervisor }) => existsSync(supervisor("")[0] ?? ""));
}

/** supervisord takes one file where the others take a directory each. */
export function writeSupervisordConf(dir: string, names: readonly string[]): void {
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
