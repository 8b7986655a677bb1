// Fifos for tests.

/** Makes a fifo. */
export function mkfifoSync(path: string): void {
  if (Bun.spawnSync(["mkfifo", path]).exitCode !== 0) throw new Error(`unable to make the fifo ${path}`);
}
