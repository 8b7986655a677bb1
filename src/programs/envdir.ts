// envdir - runs a program with variables from the files of a directory. envdir(8)
import { decodeVariable, isVariable } from "../formats/env-dir.ts";
import { ENOENT } from "../sys/errno.ts";
import {
  AT_FDCWD,
  chdir,
  close,
  fchdir,
  O_NONBLOCK,
  O_RDONLY,
  openat,
  readdir,
  readFile,
} from "../sys/files.ts";
import { exit } from "../sys/process.ts";
import type { ByteString, Fd } from "../units/units.ts";
import type { Chain, Command } from "./chain.ts";
import { EXIT, type Program, put, STDERR } from "./program.ts";

export function envdir(program: Program, chain: Chain): Command {
  const [directory, child, ...args] = program.args;
  if (directory === undefined || child === undefined) {
    // Alone among the tools it calls this temporary.
    put(STDERR, "envdir: usage: envdir dir child\n");
    return exit(EXIT.failure);
  }
  const start = program.orFatal("unable to switch to current directory", openHere);
  program.orFatal(`unable to switch to directory ${directory}`, () => chdir(directory));
  const names = program.orFatal(`unable to read directory ${directory}`, namesHere);
  for (const name of names) {
    if (!isVariable(name)) continue;
    program.attempt(
      () => chain.setenv(name, decodeVariable(readFile(name))),
      (reason) => {
        // Removed meanwhile, or a link that leads nowhere: no such variable. The C program gives it the value of the one before.
        if (reason.errno !== ENOENT) program.fatal(`unable to read ${directory}/${name}`, reason);
      },
    );
  }
  program.orFatal("unable to switch to starting directory", () => fchdir(start));
  close(start);
  return [child, ...args];
}

const openHere = (): Fd => openat(AT_FDCWD, ".", O_RDONLY | O_NONBLOCK);

function namesHere(): ByteString[] {
  const here = openHere();
  try {
    return readdir(here);
  } finally {
    close(here);
  }
}
