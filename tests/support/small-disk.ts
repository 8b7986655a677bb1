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

  /** Whether there can be one: it needs root. */
  static readonly possible: boolean =
    process.getuid?.() === 0 && Bun.spawnSync(["unshare", "-m", "true"]).exitCode === 0;

  static async make(kilobytes: number): Promise<SmallDisk> {
    const mountPoint = mkdtempSync(join(tmpdir(), "tend-disk-"));
    const mount = `mount -t tmpfs -o size=${kilobytes}k tmpfs '${mountPoint}' && echo ready && exec sleep 1000`;
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
