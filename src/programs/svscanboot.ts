// svscanboot - starts svscan in the right way when the system starts. svscanboot(8)
import { tellControl } from "../runtime/begin.ts";
import { Kept } from "../runtime/keep.ts";
import { World } from "../runtime/world.ts";
import { environmentOf } from "../sys/environment.ts";
import { epollAdd, epollCreate, epollWait } from "../sys/epoll.ts";
import { EACCES, ENOENT, EPERM, ESRCH, errnoOf, unless } from "../sys/errno.ts";
import {
  AT_FDCWD,
  close,
  dup2,
  existsat,
  O_DIRECTORY,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  openat,
  pipe,
  readdir,
  readFile,
  statat,
  writableNow,
} from "../sys/files.ts";
import { exit, getpid, killAll, pidfdOpen, pidfdSendSignal, setName } from "../sys/process.ts";
import { type ByteString, type Fd, later, type Pid, pid } from "../units/units.ts";
import { EXIT, type Program, put, STDERR, STDIN, STDOUT } from "./program.ts";

const PATH = "/command:/usr/local/bin:/usr/local/sbin:/bin:/sbin:/usr/bin:/usr/sbin:/usr/X11R6/bin";
const DIRECTORIES = ["/service", "/etc/service"] as const;
const TITLE = ["service", "errors:", ".".repeat(400)] as const;
/** How long readproctitle may take to see the end of its input, in milliseconds: another may hold the pipe for ever. */
const TITLE_GRACE_MS = 1000;
/** What is left as pid 1 stops: how long it has after SIGTERM, and how often is looked whether it is gone, in ms. */
const REST_GRACE_MS = 5000;
const REST_POLL_MS = 20;
/** How long the end of a killed svscan is waited for, in milliseconds. */
const SCANNER_GRACE_MS = 1000;

export function svscanboot(program: Program): never {
  setName(program.name);
  const directory = program.args[0] ?? defaultDirectory();
  let errors: Fd | undefined;
  const world = new World(
    ["SIGTERM", "SIGINT", "SIGHUP"],
    (signal) => {
      if (signal === "SIGHUP") svscan.signal("SIGHUP");
      else stop();
    },
    // To where the errors of all services go.
    (line) => {
      if (errors !== undefined && writableNow(errors)) put(errors, `${program.name}: ${line}\n`);
    },
    environmentOf([`PATH=${PATH}`]),
  );
  program.orFatal("unable to open /dev/null", discardOutput);
  endLeftScanners(directory);
  endLeftServices(directory);
  const [input, output] = program.orFatal("unable to create pipe", pipe);
  errors = output;
  // Both ends stay open here: nobody gets SIGPIPE, and no byte is lost, while readproctitle is away.
  const title = new Kept(world, ["readproctitle", ...TITLE], [{ do: "dup2", from: input, to: STDIN }]);
  const svscan = new Kept(
    world,
    ["svscan", directory],
    [
      { do: "dup2", from: output, to: STDOUT },
      { do: "dup2", from: output, to: STDERR },
    ],
  );
  world.settled();
  let stopping = false;
  const stop = (): void => {
    svscan.signal("SIGTERM");
    if (stopping) return;
    stopping = true;
    svscan.letGo(() => {
      close(output);
      close(input);
      errors = undefined;
      let finished = false;
      const finish = (): void => {
        if (finished) return;
        finished = true;
        if (getpid() === 1) endTheRest(world);
        else world.loop.stop();
      };
      world.loop.at(later(world.now().at, TITLE_GRACE_MS), finish);
      title.letGo(finish);
    });
  };
  world.loop.run();
  exit(EXIT.ok);
}

/** The first of the usual places that is there. */
const defaultDirectory = (): ByteString => DIRECTORIES.find(isThere) ?? DIRECTORIES[0];

function isThere(path: ByteString): boolean {
  try {
    return existsat(AT_FDCWD, path);
  } catch (error) {
    errnoOf(error);
    return false;
  }
}

/** The standard descriptors are /dev/null, whatever they were. @throws {ErrnoError} */
function discardOutput(): void {
  for (const [standard, flags] of [
    [STDIN, O_RDONLY],
    [STDOUT, O_WRONLY],
    [STDERR, O_WRONLY],
  ] as const) {
    const file = openat(AT_FDCWD, "/dev/null", flags);
    dup2(file, standard);
    close(file);
  }
}

/**
 * Kills each svscan that is at work on `directory`, because an svscanboot before this one was killed: two would fight, and
 * the new one takes over what this one leaves.
 */
function endLeftScanners(directory: ByteString): void {
  const epoll = epollCreate();
  try {
    const { identity } = statat(AT_FDCWD, directory);
    const processes = openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY);
    const pids = readdir(processes).filter((name) => /^\d+$/.test(name));
    close(processes);
    for (const name of pids)
      unless([ENOENT, ESRCH, EACCES, EPERM], () => endScanner(pid(Number(name)), identity, epoll));
  } catch (error) {
    // svscan will say what is wrong with the directory.
    errnoOf(error);
  }
  close(epoll);
}

function endScanner(process: Pid, identity: string, epoll: Fd): void {
  if (readFile(`/proc/${process}/comm`) !== "svscan\n") return;
  const pidfd = pidfdOpen(process);
  try {
    if (statat(AT_FDCWD, `/proc/${process}/cwd`).identity !== identity) return;
    pidfdSendSignal(pidfd, "SIGKILL");
    // Its locks are free when it is gone.
    epollAdd(epoll, pidfd);
    epollWait(epoll, SCANNER_GRACE_MS);
  } finally {
    close(pidfd);
  }
}

/**
 * What `svc -dx` on every service and its logger does: supervisors that a dead svscan left behind end with their services,
 * and do not keep the new one from them.
 */
function endLeftServices(directory: ByteString): void {
  try {
    const open = openat(AT_FDCWD, directory, O_RDONLY | O_NONBLOCK | O_DIRECTORY);
    const services = readdir(open)
      .filter((name) => !name.startsWith("."))
      .sort()
      .map((name) => `${directory}/${name}`);
    close(open);
    for (const service of [...services, ...services.map((path) => `${path}/log`)])
      tellControl(`${service}/supervise/control`, "dx");
  } catch (error) {
    // svscan will say what is wrong with the directory.
    errnoOf(error);
  }
}

/** As pid 1: what is left of the services, and of everything else, gets SIGTERM, and some time. */
function endTheRest(world: World): void {
  const { loop } = world;
  const deadline = later(world.now().at, REST_GRACE_MS);
  const look = (): void => {
    // Signal 0 would do; a second SIGCONT harms nobody.
    const left = unless([ESRCH], () => killAll("SIGCONT"));
    const { at } = world.now();
    if (left && at < deadline) loop.at(later(at, REST_POLL_MS), look);
    else loop.stop();
  };
  unless([ESRCH], () => killAll("SIGTERM"));
  look();
}
