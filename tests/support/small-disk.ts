// A small tmpfs that nobody else sees: in a mount namespace of its own, reached through /proc.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./until.ts";

export class SmallDisk implements AsyncDisposable {
  private constructor(
    private readonly holder: Bun.Subprocess,
    private readonly mountPoint: string,
  ) {}

  /** Who is in its namespace, and where it is mounted there. */
  get holderPid(): number {
    return this.holder.pid;
  }
  get mountedAt(): string {
    return this.mountPoint;
  }

  /** Whether there can be one: it needs root. */
  static readonly possible: boolean =
    process.getuid?.() === 0 && Bun.spawnSync(["unshare", "-m", "true"]).exitCode === 0;

  /** @param files how many there can be, the directories among them */
  static async make(kilobytes: number, files?: number): Promise<SmallDisk> {
    const mountPoint = mkdtempSync(join(tmpdir(), "tend-disk-"));
    const mount = `mount -t tmpfs -o size=${kilobytes}k${files === undefined ? "" : `,nr_inodes=${files}`} tmpfs '${mountPoint}' && echo ready && exec sleep 1000`;
    const holder = Bun.spawn(["unshare", "-m", "sh", "-c", mount], { stdout: "pipe", stderr: "inherit" });
    const { value } = await holder.stdout.getReader().read();
    if (value === undefined) throw new Error("no small disk");
    await until(() => true, "the disk is there");
    return new SmallDisk(holder, mountPoint);
  }

  /** The path of `name` on it. */
  at(...names: string[]): string {
    return join(`/proc/${this.holder.pid}/root${this.mountPoint}`, ...names);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.holder.kill("SIGKILL");
    await this.holder.exited;
    rmSync(this.mountPoint, { recursive: true, force: true });
  }
}
