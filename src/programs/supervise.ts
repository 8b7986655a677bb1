// supervise - starts and monitors a service. supervise(8)
import { ServiceHost } from "../runtime/service-host.ts";
import { World } from "../runtime/world.ts";
import { ErrnoError } from "../sys/errno.ts";
import { AT_FDCWD } from "../sys/files.ts";
import { exit } from "../sys/process.ts";
import { EXIT, type Program, report } from "./program.ts";

export function supervise(program: Program): never {
  const [directory] = program.args;
  if (directory === undefined || program.args.length !== 1) program.usage("supervise dir");
  // Signals other than SIGCHLD end supervise and leave the service running, as in C.
  const world = new World([], () => {}, report);
  try {
    new ServiceHost(world, {
      at: AT_FDCWD,
      path: directory,
      title: directory,
      pipes: () => [],
      pipe: () => undefined,
      others: () => [],
      onLeave: () => world.loop.stop(),
    });
  } catch (error) {
    // The message is whole: `unable to VERB OBJECT: reason`.
    if (error instanceof ErrnoError) program.fatal(error.message);
    throw error;
  }
  world.loop.run();
  exit(EXIT.ok);
}
