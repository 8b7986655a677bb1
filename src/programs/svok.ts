// svok - checks whether supervise is running. svok(8)
import { ENOENT, ENXIO } from "../sys/errno.ts";
import { AT_FDCWD, chdir, O_NONBLOCK, O_WRONLY, openat } from "../sys/files.ts";
import { exit } from "../sys/process.ts";
import { EXIT, type Program } from "./program.ts";

/** The exit code for "no supervise is running". */
const NOT_RUNNING = 100;

export function svok(program: Program): never {
  const [directory] = program.args;
  if (directory === undefined) program.usage("svok dir");
  program.orFatal(`unable to chdir to ${directory}`, () => chdir(directory));
  program.attempt(
    () => void openat(AT_FDCWD, "supervise/ok", O_WRONLY | O_NONBLOCK),
    (reason) => {
      if (reason.errno === ENOENT || reason.errno === ENXIO) exit(NOT_RUNNING);
      program.fatal(`unable to open ${directory}/supervise/ok`, reason);
    },
  );
  exit(EXIT.ok);
}
