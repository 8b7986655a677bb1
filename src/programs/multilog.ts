// multilog - reads a sequence of lines from standard input and appends selected lines to any number of logs. multilog(8)

import { Refused, SHELL } from "../runtime/log-directory.ts";
import { LogMemory } from "../runtime/log-memory.ts";
import { type Hooks, LogWriter } from "../runtime/log-writer.ts";
import { World } from "../runtime/world.ts";
import { AT_FDCWD, umask } from "../sys/files.ts";
import { exit } from "../sys/process.ts";
import { byteString, fd } from "../units/units.ts";
import { EXIT, type Program, put, report, STDERR } from "./program.ts";

export function multilog(program: Program): never {
  umask(0o022);
  const world = new World(
    ["SIGTERM", "SIGALRM"],
    (signal) => (signal === "SIGTERM" ? writer.leave() : writer.rotate()),
    report,
  );
  const hooks: Hooks = {
    alert: (line) => put(STDERR, `${byteString(line)}\n`),
    end: (ending) => {
      if (ending.code === "done") exit(EXIT.ok);
      program.fatal(`unable to write the last ${ending.bytes} bytes`);
    },
    failed: (error) => {
      if (error instanceof Refused) program.fatal(`unable to ${error.doing}`, error.reason);
      program.fatal(error instanceof Error ? error.message : String(error));
    },
  };
  const writer = new LogWriter(world, program.args, fd(0), hooks, {
    at: AT_FDCWD,
    shown: (name) => name,
    memory: (windowSize, roomSize) => new LogMemory(1, windowSize, roomSize),
    frugal: false,
    shell: SHELL,
  });
  writer.start();
  world.loop.run();
  exit(EXIT.ok);
}
