// svscan - starts and monitors a collection of services. svscan(8)
import { edenGC } from "bun:jsc";
import { delegated, hosted } from "../runtime/begin.ts";
import { ScanDirectory } from "../runtime/scan-directory.ts";
import { Upgrade } from "../runtime/upgrade.ts";
import { World } from "../runtime/world.ts";
import { getenv } from "../sys/environment.ts";
import { AT_FDCWD, chdir, O_DIRECTORY, O_RDONLY, openat } from "../sys/files.ts";
import { exit, setName } from "../sys/process.ts";
import { EXIT, type Program, report } from "./program.ts";

export function svscan(program: Program): never {
  setName(program.name);
  const [directory] = program.args;
  const world = new World(
    ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR2"],
    (signal) => {
      if (signal === "SIGHUP") scan.scanNow();
      else if (signal === "SIGQUIT") exit(EXIT.ok);
      else if (signal === "SIGUSR2") upgrade.begin();
      else scan.stop();
    },
    report,
  );
  world.footprint.collectRecent = edenGC;
  // A new image of a running svscan is there already.
  if (directory !== undefined && !world.handover?.started) {
    program.orFatal(`unable to chdir to ${directory}`, () => chdir(directory));
  }
  const supervisor = getenv("TEND_SUPERVISE");
  const scan = program.orFatal("unable to open current directory", () => {
    const here = openat(AT_FDCWD, ".", O_RDONLY | O_DIRECTORY);
    const begin = supervisor ? delegated(world, supervisor, getenv("PATH"), here) : hosted(world);
    return new ScanDirectory(world, here, begin, () => world.loop.stop());
  });
  const upgrade = new Upgrade(world, scan);
  world.loop.run();
  exit(EXIT.ok);
}
