// A control group of our own around one supervisor and all it starts: exact CPU time and kernel memory. cgroups(7), both
// versions. Needs the right to make one (root); without it those figures are not measured.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = "/sys/fs/cgroup";

/** Where this process is in the hierarchy of `controller`: the directory whose children it may make. */
function here(controller: string): string {
  for (const line of readFileSync("/proc/self/cgroup", "utf8").split("\n")) {
    const [, controllers = "", path = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers.split(",").includes(controller)) return join(ROOT, controller, path);
    if (controllers === "" && existsSync(join(ROOT, "cgroup.controllers"))) return join(ROOT, path);
  }
  return join(ROOT, controller);
}

export class Cgroup {
  private static readonly made = new Set<Cgroup>();
  private static count = 0;

  private constructor(private readonly directory: string) {}

  /**
   * Makes one that counts CPU time or memory (to count memory takes time); undefined where that cannot be done. Nobody had its
   * name before: one that was left is there for a moment longer.
   */
  static make(name: string, what: "cpu" | "memory"): Cgroup | undefined {
    const directory = join(here(what === "cpu" ? "cpuacct" : "memory"), `${name}.${++Cgroup.count}`);
    try {
      mkdirSync(directory);
      const group = new Cgroup(directory);
      Cgroup.made.add(group);
      return group;
    } catch {
      return undefined;
    }
  }

  /** `argv`, run inside of it. */
  around(argv: readonly string[]): string[] {
    return ["/bin/sh", "-c", 'echo 0 >"$0/cgroup.procs"; exec "$@"', this.directory, ...argv];
  }

  /** Milliseconds of CPU that everything in it has used, ended processes included. */
  get cpuMs(): number {
    const old = join(this.directory, "cpuacct.usage");
    if (existsSync(old)) return Number(readFileSync(old, "utf8")) / 1e6;
    const [, usec] = /^usage_usec (\d+)/m.exec(readFileSync(join(this.directory, "cpu.stat"), "utf8")) ?? [];
    return Number(usec) / 1e3;
  }

  /** Bytes that the kernel holds for it: stacks, page tables, descriptors, inodes and the like. */
  get kernelBytes(): number | undefined {
    const old = join(this.directory, "memory.kmem.usage_in_bytes");
    if (existsSync(old)) return Number(readFileSync(old, "utf8"));
    const stat = join(this.directory, "memory.stat");
    const [, bytes] = existsSync(stat) ? (/^kernel (\d+)/m.exec(readFileSync(stat, "utf8")) ?? []) : [];
    return bytes === undefined ? undefined : Number(bytes);
  }

  /** Asks the kernel to give back what it only keeps because nobody needs the room: files, and names it has looked up. */
  reclaim(): void {
    const [old, now] = [join(this.directory, "memory.force_empty"), join(this.directory, "memory.reclaim")];
    try {
      if (existsSync(old)) writeFileSync(old, "0");
      else if (existsSync(now)) writeFileSync(now, "1G");
    } catch {
      // It gave back less than was asked for.
    }
  }

  /** Removes those that a benchmark which failed has left. */
  static removeAll(): void {
    for (const group of Cgroup.made) group.remove();
  }

  /** To be called when everything in it has ended. */
  remove(): void {
    Cgroup.made.delete(this);
    // The last process may be on its way out.
    for (let tries = 0; tries < 100 && existsSync(this.directory); tries++) {
      try {
        rmdirSync(this.directory);
      } catch {
        Bun.sleepSync(10);
      }
    }
  }
}
