// tend log-host - the process in which svscan has the logs of many services written. Nobody else starts it. svscan(8)

import { edenGC } from "bun:jsc";
import { HostedLogs } from "../runtime/hosted-logs.ts";
import { World } from "../runtime/world.ts";
import { AT_FDCWD, O_DIRECTORY, O_RDONLY, openat, umask } from "../sys/files.ts";
import { exit, setName } from "../sys/process.ts";
import { byteString } from "../units/units.ts";
import { put, report, STDERR } from "./program.ts";

export function logHost(): never {
  setName("log-host");
  umask(0o022);
  const world = new World(
    ["SIGTERM", "SIGUSR2"],
    (signal) => (signal === "SIGTERM" ? logs.stop() : logs.replace(() => exit(0))),
    report,
  );
  world.footprint.collectRecent = edenGC;
  world.descriptors.raise();
  const here = openat(AT_FDCWD, ".", O_RDONLY | O_DIRECTORY);
  const alert = (line: Uint8Array) => put(STDERR, `${byteString(line)}\n`);
  const logs = new HostedLogs(world, here, world.executable, alert, () => exit(0));
  world.loop.run();
  exit(0);
}
