// svstat - prints the status of services monitored by supervise. svstat(8)
import { decodeStatus, STATUS_SIZE } from "../formats/status.ts";
import { wallTime } from "../sys/clock.ts";
import { ENXIO } from "../sys/errno.ts";
import {
  AT_FDCWD,
  chdir,
  close,
  existsat,
  fchdir,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  openat,
  read,
} from "../sys/files.ts";
import { exit } from "../sys/process.ts";
import type { ByteString } from "../units/units.ts";
import { EXIT, type Program, put, STDOUT } from "./program.ts";

/** Output is collected up to this many bytes. */
const BUFFER = 65536;

export function svstat(program: Program): never {
  const start = program.orFatal("unable to open current directory", () =>
    openat(AT_FDCWD, ".", O_RDONLY | O_NONBLOCK),
  );
  let lines = "";
  for (const directory of program.args) {
    lines += `${directory}: ${describe(program)(directory)}\n`;
    if (lines.length >= BUFFER) {
      put(STDOUT, lines);
      lines = "";
    }
    program.orFatal("unable to set directory", () => fchdir(start));
  }
  put(STDOUT, lines);
  exit(EXIT.ok);
}

const describe =
  (program: Program) =>
  (directory: ByteString): ByteString => {
    let doing = "chdir";
    return program.attempt(
      () => {
        chdir(directory);
        doing = "stat down";
        const normallyUp = !existsat(AT_FDCWD, "down");
        doing = "open supervise/ok";
        close(openat(AT_FDCWD, "supervise/ok", O_WRONLY | O_NONBLOCK));
        doing = "open supervise/status";
        const file = openat(AT_FDCWD, "supervise/status", O_RDONLY | O_NONBLOCK);
        doing = "read supervise/status";
        try {
          const bytes = read(file, STATUS_SIZE);
          return bytes.length < STATUS_SIZE
            ? `unable to ${doing}: bad format`
            : sentence(bytes.slice(), normallyUp);
        } finally {
          close(file);
        }
      },
      (reason) =>
        doing === "open supervise/ok" && reason.errno === ENXIO
          ? "supervise not running"
          : `unable to ${doing}: ${reason.text}`,
    );
  };

/** What a status says, in svstat's words. */
function sentence(bytes: Uint8Array, normallyUp: boolean): ByteString {
  const { since, pid, paused, want } = decodeStatus(bytes);
  const age = wallTime().seconds - since.seconds;
  // The C program's difference passes through a double, which shows in absurd labels only.
  const seconds = age < 0n ? 0n : BigInt(Number(age));
  const up = pid !== 0;
  let said = `${up ? `up (pid ${pid})` : "down"} ${seconds} seconds`;
  if (up && !normallyUp) said += ", normally down";
  if (!up && normallyUp) said += ", normally up";
  if (up && paused) said += ", paused";
  if (!up && want === "up") said += ", want up";
  if (up && want === "down") said += ", want down";
  return said;
}
