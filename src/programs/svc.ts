// svc - controls services monitored by supervise. svc(8)
import { CONTROL_LETTERS } from "../formats/control.ts";
import { ENXIO, type ErrnoError } from "../sys/errno.ts";
import {
  AT_FDCWD,
  chdir,
  close,
  fchdir,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  openat,
  setNonblocking,
  write,
} from "../sys/files.ts";
import { exit } from "../sys/process.ts";
import type { ByteString } from "../units/units.ts";
import { parseOptions } from "./options.ts";
import { EXIT, type Program, put, STDERR } from "./program.ts";

const HELP =
  "svc options: u up, d down, o once, x exit, p pause, c continue, h hup, a alarm, i interrupt, t term, k kill\n";

export function svc(program: Program): never {
  const { options, operands } = parseOptions(program, Object.keys(CONTROL_LETTERS).join(""), () =>
    put(STDERR, HELP),
  );
  let letters = "";
  for (const { letter } of options) if (!letters.includes(letter)) letters += letter;
  const start = program.orFatal("unable to open current directory", () =>
    openat(AT_FDCWD, ".", O_RDONLY | O_NONBLOCK),
  );
  for (const directory of operands) {
    send(program, directory, letters);
    program.orFatal("unable to set directory", () => fchdir(start));
  }
  exit(EXIT.ok);
}

function send(program: Program, directory: ByteString, letters: ByteString): void {
  let doing = `unable to chdir to ${directory}`;
  const warn = (reason: ErrnoError): void => program.warn(doing, reason);
  program.attempt(() => {
    chdir(directory);
    doing = `unable to control ${directory}`;
    const control = program.attempt(
      () => openat(AT_FDCWD, "supervise/control", O_WRONLY | O_NONBLOCK),
      (reason) => {
        if (reason.errno === ENXIO) program.warn(`${doing}: supervise not running`);
        else warn(reason);
      },
    );
    if (control === undefined) return;
    // A full fifo makes svc wait, not fail.
    setNonblocking(control, false);
    doing = `error writing commands to ${directory}`;
    if (letters !== "") write(control, letters);
    close(control);
  }, warn);
}
