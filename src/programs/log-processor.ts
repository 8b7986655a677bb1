// tend log-processor UID:GID COMMAND - runs a command of a log's script as somebody. The log process starts it.

import { setgid, setgroups, setuid } from "../sys/credentials.ts";
import { environment } from "../sys/environment.ts";
import { ErrnoError } from "../sys/errno.ts";
import { restoreInherited } from "../sys/inherited.ts";
import { execve, exit } from "../sys/process.ts";
import type { ByteString } from "../units/units.ts";
import { put, STDERR } from "./program.ts";

export function logProcessor([ids = "", command = ""]: readonly ByteString[]): never {
  const [uid, gid] = ids.split(":").map(Number);
  try {
    if (uid === undefined || gid === undefined || !Number.isInteger(uid) || !Number.isInteger(gid)) exit(100);
    setgroups([gid]);
    setgid(gid);
    setuid(uid);
    restoreInherited();
    return execve("/bin/sh", ["sh", "-c", command], environment());
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
    put(STDERR, `multilog: fatal: unable to run ${command}: ${error.text}\n`);
    return exit(111);
  }
}
