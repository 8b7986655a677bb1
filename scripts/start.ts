// start.ts - shows the suite at work: builds it, and runs svscan on a copy of examples/service.
//
//   npm start
//
// Ctrl-C ends it (as do TERM, HUP and QUIT): svscan stops the services and then their loggers, and the copy is
// removed. A second Ctrl-C kills what is left.

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const root = join(import.meta.dirname, "..");
const programs = join(root, "dist", "bin");
const examples = join(root, "examples", "service");
/** One press of a key arrives more than once: from the terminal, and from npm. Later than this it is another, in ms. */
const SAME_SIGNAL_MS = 300;
/** How long what svscan left behind may take to end by itself, in ms. */
const STRAY_GRACE_MS = 1000;

function fatal(message: string): never {
  process.stderr.write(`start: fatal: ${message}\n`);
  process.exit(111);
}

/** A port of 127.0.0.1 that nobody uses now. */
function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  server.stop(true);
  return server.port;
}

/** The processes with `mark` in their environment: svscan's children and theirs, whoever adopted them. */
function marked(mark: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/environ`, "latin1").split("\0").includes(mark);
      } catch {
        return false; // gone, or not ours to read
      }
    })
    .map(Number);
}

/** Waits for processes with `mark`, and kills those that do not end. */
async function clear(mark: string): Promise<void> {
  for (const deadline = performance.now() + STRAY_GRACE_MS; marked(mark).length > 0; await Bun.sleep(20)) {
    if (performance.now() < deadline) continue;
    for (const pid of marked(mark)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // it has ended
      }
    }
  }
}

/** `path` as a shell takes it. */
const quoted = (path: string): string =>
  /^[\w./@+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;

function introduce(copy: string, port: number): string {
  const names = readdirSync(copy).join(", ");
  const [bin, directory] = [quoted(programs), quoted(copy)];
  return `svscan runs the services in ${directory}: ${names}.
Ctrl-C ends them. In another terminal, try:

  ${bin}/tend status ${directory}
  ${bin}/svstat ${directory}/*
  ${bin}/svc -t ${directory}/web        # TERM: it ends, and is started again
  ${bin}/svc -d ${directory}/hello      # down
  ${bin}/svc -u ${directory}/hello      # up
  ${bin}/svc -u ${directory}/offline    # up, though it has a down file
  tail -F ${directory}/hello/log/main/current | ${bin}/tai64nlocal
  curl http://127.0.0.1:${port}/

`;
}

const build = Bun.spawnSync([process.execPath, "--no-install", "scripts/build.ts"], {
  cwd: root,
  stdio: ["ignore", "inherit", "inherit"],
});
if (build.exitCode !== 0) process.exit(build.exitCode);
if (!existsSync(join(programs, "svscan"))) fatal("dist/bin/svscan does not exist");

let stop = () => {}; // Nothing below waits before there is an svscan to stop.
let asked = Number.NEGATIVE_INFINITY;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) {
  process.on(signal, () => {
    const now = performance.now();
    if (now - asked < SAME_SIGNAL_MS) return;
    asked = now;
    stop();
  });
}

const directory = mkdtempSync(join(tmpdir(), "tend-"));
const mark = `TEND_START=${directory}`;
try {
  // Without what a supervisor that ran there has left: fifos cannot be copied.
  const filter = (path: string) => !["supervise", "main"].includes(basename(path));
  cpSync(examples, directory, { recursive: true, filter });
  const port = freePort();
  mkdirSync(join(directory, "web", "env"));
  writeFileSync(join(directory, "web", "env", "PORT"), `${port}\n`);
  process.stdout.write(introduce(directory, port));

  // In a session of its own: a terminal's Ctrl-C would end the services before svscan could stop them in order.
  const svscan = Bun.spawn([join(programs, "svscan"), directory], {
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      PATH: `${programs}:${process.env["PATH"] ?? "/usr/bin:/bin"}`,
      TEND_START: directory,
    },
    detached: true,
  });
  stop = () => svscan.kill("SIGTERM");
  await svscan.exited;
  process.exitCode = svscan.exitCode ?? 1;
} finally {
  await clear(mark);
  rmSync(directory, { recursive: true, force: true });
}
