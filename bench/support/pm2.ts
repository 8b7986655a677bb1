// pm2, which is not in Debian: from the npm registry, into a directory of its own, the first time it is wanted. It is no
// dependency of the project. TEND_BENCH_PM2=0 leaves it out.
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

const VERSION = "7.0.4";
const INSTALL_MS = 180_000;

export type Pm2 = {
  readonly node: string;
  /** The directory of its programs. */
  readonly bin: string;
  readonly version: string;
};

let found: { readonly pm2: Pm2 | undefined } | undefined;

/** Undefined, and said once, where it cannot be had. */
export function pm2(): Pm2 | undefined {
  if (process.env["TEND_BENCH_PM2"] === "0") return undefined;
  found ??= { pm2: find() };
  return found.pm2;
}

/** The version of the one that was asked for. */
export const pm2Version = (): string | undefined => found?.pm2?.version;

function find(): Pm2 | undefined {
  const directory = join(import.meta.dirname, `../../.cache/bench/pm2-${VERSION}`);
  const bin = join(directory, "node_modules/pm2/bin");
  const node = Bun.which("node");
  if (node === null) return undefined;
  if (!existsSync(join(bin, "pm2-runtime"))) {
    const npm = Bun.which("npm");
    if (npm === null) return undefined;
    mkdirSync(directory, { recursive: true });
    const options = ["--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
    const { exitCode } = Bun.spawnSync(
      [npm, "install", "--prefix", directory, ...options, `pm2@${VERSION}`],
      {
        cwd: directory,
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
        timeout: INSTALL_MS,
      },
    );
    if (exitCode !== 0) {
      process.stderr.write(`bench: warning: unable to install pm2 ${VERSION}: left out\n`);
      return undefined;
    }
  }
  return { node, bin, version: VERSION };
}
