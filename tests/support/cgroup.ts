// Control groups in tests: whether there can be any, and who is in one.
import { existsSync, readdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ownCgroup } from "../../src/runtime/cgroups.ts";
import { until } from "./until.ts";

/** The directory in which a supervisor makes the cgroups of its services; undefined where it cannot. */
export function cgroupParent(): string | undefined {
  if (process.getuid?.() !== 0) return undefined;
  try {
    return ownCgroup();
  } catch {
    return undefined;
  }
}

/** The cgroup of the process, below the mount. */
export const cgroupOfPid = (pid: number): string =>
  readFileSync(`/proc/${pid}/cgroup`, "latin1")
    .split("\n")
    .find((line) => line.startsWith("0::"))
    ?.slice(3) ?? "";

/** The directory of the cgroup that a supervisor makes for a service directory. */
export function cgroupOfService(parent: string, directory: string): string {
  const { dev, ino } = statSync(directory, { bigint: true });
  const major = (dev >> 8n) & 0xfffn;
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xfff00n);
  return join(parent, `tend-${major}-${minor}-${ino}`);
}

/** Removes the cgroup of a service whose supervisor was killed, with those in it, once their processes are gone. */
export async function removeCgroup(path: string): Promise<void> {
  await until(() => {
    if (!existsSync(path)) return true;
    for (const entry of readdirSync(path, { withFileTypes: true, recursive: true }).reverse())
      if (entry.isDirectory()) rmdirSync(join(entry.parentPath, entry.name));
    rmdirSync(path);
    return true;
  }, `${path} is removed`);
}
