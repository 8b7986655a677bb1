// start.ts - shows the suite at work: builds it, and runs svscan on a copy of examples/service.
//
//   npm start

import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

const root = join(import.meta.dirname, "..");
const bin = join(root, "dist", "bin");
const examples = join(root, "examples", "service");

function fatal(message: string): never {
  process.stderr.write(`start: fatal: ${message}\n`);
  process.exit(111);
}

const build = Bun.spawnSync([process.execPath, "--no-install", "scripts/build.ts"], {
  cwd: root,
  stdio: ["ignore", "inherit", "inherit"],
});
if (build.exitCode !== 0) process.exit(build.exitCode);
if (!existsSync(join(bin, "svscan"))) fatal("dist/bin/svscan does not exist yet");
if (!existsSync(examples)) fatal("examples/service does not exist");

const directory = mkdtempSync(join(tmpdir(), "tend-"));
try {
  cpSync(examples, directory, { recursive: true });
  const services = readdirSync(directory).filter((name) => !name.startsWith("."));
  const here = relative(process.cwd(), bin) || ".";
  const first = join(directory, services[0] ?? "NAME");
  process.stdout.write(`svscan runs on ${directory} (${services.join(", ")}). In another terminal, try:

  ${here}/svstat ${directory}/*
  ${here}/svc -d ${first}      # stop it
  ${here}/svc -u ${first}      # start it again
  ${here}/svc -t ${first}      # send it TERM; it is restarted

Ctrl-C ends svscan and the services.
`);

  const svscan = Bun.spawn([join(bin, "svscan"), directory], { stdio: ["ignore", "inherit", "inherit"] });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => svscan.kill(signal));
  await svscan.exited;

  // svscan's end leaves the services up, as the manual says: end them here, since their directory goes.
  const paths = services.flatMap((name) => [join(directory, name), join(directory, name, "log")]);
  const supervised = paths.filter((path) => existsSync(join(path, "supervise")));
  if (supervised.length > 0) Bun.spawnSync([join(bin, "svc"), "-dx", ...supervised]);
  process.exitCode = svscan.exitCode ?? 0;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
