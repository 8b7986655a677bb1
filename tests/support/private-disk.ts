// A small file system of a test's own, in a mount namespace of its own: nobody else sees it, and it is gone with the last
// process in it. Needs root; elsewhere `canMount` is false.
import { spawnSync } from "node:child_process";
import { alive, type Running, type Sandbox } from "./sandbox.ts";
import { until } from "./until.ts";

const ENTER = ["unshare", "--mount", "--propagation", "private"] as const;

/** Whether this user may mount in a namespace of their own. */
export const canMount: boolean =
  process.getuid?.() === 0 &&
  spawnSync(ENTER[0], [...ENTER.slice(1), "/bin/sh", "-c", "mount -t tmpfs none /mnt"]).status === 0;

export class PrivateDisk {
  private constructor(
    private readonly box: Sandbox,
    private readonly keeper: Running,
    /** Where it is for those inside. */
    readonly inside: string,
  ) {}

  /** @param options of mount(8) for tmpfs, as `size=64k` */
  static async make(box: Sandbox, options: string): Promise<PrivateDisk> {
    const inside = box.directory("disk");
    const script = `mount -t tmpfs -o ${options} none "$0" && echo mounted && exec sleep 100000`;
    const keeper = box.start([...ENTER, "/bin/sh", "-c", script, inside]);
    await until(() => keeper.stdout === "mounted\n" || !alive(keeper.pid), "the disk is mounted");
    return new PrivateDisk(box, keeper, inside);
  }

  /** Where it is for the test. */
  get path(): string {
    return `/proc/${this.keeper.pid}/root${this.inside}`;
  }

  /** Starts a program in it, the disk its working directory. */
  start(...words: string[]): Running {
    const enter = ["nsenter", "--mount", `--target=${this.keeper.pid}`, "/bin/sh", "-c"];
    return this.box.start([...enter, 'cd "$0" && exec "$@"', this.inside, ...words]);
  }

  /** Changes how it is mounted, as `remount,ro`. */
  async remount(options: string): Promise<void> {
    const { code, stderr } = await this.start("mount", "-o", `remount,${options}`, this.inside).ended();
    if (code !== 0) throw new Error(stderr);
  }

  /** Takes all the room there is. */
  async fill(): Promise<void> {
    await this.start("/bin/sh", "-c", "cat /dev/zero >fill").ended();
  }
}
