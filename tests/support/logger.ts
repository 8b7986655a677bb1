// A multilog that runs beside the test.
import { ours } from "./programs.ts";
import { until } from "./until.ts";

export class Logger implements Disposable {
  private readonly child: Bun.Subprocess<number, "ignore", "pipe">;
  private said = "";
  private readonly listening: Promise<void>;

  constructor(cwd: string, script: readonly string[], stdin: number, env: Record<string, string> = {}) {
    this.child = Bun.spawn([ours("multilog"), ...script], {
      cwd,
      stdin,
      stdout: "ignore",
      stderr: "pipe",
      env: { ...process.env, ...env },
    });
    this.listening = this.listen();
  }

  private async listen(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const piece of this.child.stderr) this.said += decoder.decode(piece);
  }

  get pid(): number {
    return this.child.pid;
  }
  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }
  signal(name: "SIGTERM" | "SIGALRM" | "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    this.child.kill(name);
  }
  /** What it has said, once there is a line of it. */
  async firstWords(): Promise<string> {
    await until(() => this.said.includes("\n"), "multilog says something");
    return this.said;
  }
  async ended(): Promise<{ code: number | null; stderr: string }> {
    await this.child.exited;
    await this.listening;
    return { code: this.child.exitCode, stderr: this.said };
  }
  [Symbol.dispose](): void {
    if (this.running) this.child.kill("SIGKILL");
  }
}
