// A process of our own with nothing in it but the layers below the programs: for what changes or shows the process itself,
// or takes signals as events.
import { join } from "node:path";
import { root } from "./programs.ts";
import type { Running, Sandbox, StartOptions } from "./sandbox.ts";

const LAYERS = {
  boot: "sys/boot.ts",
  clock: "sys/clock.ts",
  credentials: "sys/credentials.ts",
  environments: "sys/environment.ts",
  epoll: "sys/epoll.ts",
  errors: "sys/errno.ts",
  files: "sys/files.ts",
  inherited: "sys/inherited.ts",
  limits: "sys/limits.ts",
  lost: "sys/lost-pages.ts",
  memory: "sys/memory.ts",
  processes: "sys/process.ts",
  signals: "sys/signals.ts",
  units: "units/units.ts",
  control: "runtime/control-directory.ts",
  footprints: "runtime/footprint.ts",
  log: "runtime/log-pipe.ts",
  loops: "runtime/loop.ts",
  hosts: "runtime/service-host.ts",
  worlds: "runtime/world.ts",
} as const;

/** A script is run when the runtime has threads already: what they are to leave alone must be blocked before it starts. */
const BLOCKING = ["/usr/bin/env", "--block-signal=CHLD,TERM,INT,HUP,QUIT,ALRM,USR1,USR2"];

let scripts = 0;

/**
 * The command that runs TypeScript `source` under the Bun of the tests. In it, the modules of sys are `boot`, `clock`,
 * `credentials`, `environments`, `epoll`, `errors`, `files`, `inherited`, `limits`, `lost`, `memory`, `processes`, `signals`
 * and `units`, those of runtime `control`, `footprints`, `log`, `loops`, `hosts` and `worlds`, and `say(value)` writes a line
 * of JSON to standard output, a bigint as a decimal string. The signals that a program may take as events are blocked from
 * the start, as boot.ts sees to elsewhere.
 */
export function bareCommand(box: Sandbox, source: string, blocking: readonly string[] = BLOCKING): string[] {
  const imports = Object.entries(LAYERS).map(
    ([name, file]) => `import * as ${name} from ${JSON.stringify(join(root, "src", file))};`,
  );
  const say = `const say = (value: unknown) => {
  const text = JSON.stringify(value, (_, v) => (typeof v === "bigint" ? String(v) : v));
  files.write(units.fd(1), \`\${text}\\n\`);
};`;
  const file = box.file(`.bare-${++scripts}.ts`, `${imports.join("\n")}\n${say}\n${source}\n`);
  return [...blocking, process.execPath, "--no-install", "--no-env-file", file];
}

/** Starts it. */
export const startBare = (box: Sandbox, source: string, options?: StartOptions): Running =>
  box.start(bareCommand(box, source), options);

/** Runs it to its end. @returns what it said. @throws {Error} if its exit code is not 0 */
export async function bare(box: Sandbox, source: string, options?: StartOptions): Promise<unknown[]> {
  const { code, signal, stdout, stderr } = await startBare(box, source, options).ended();
  if (code !== 0) throw new Error(`ended with ${code ?? signal}: ${stderr}`);
  return said(stdout);
}

/** The values that were said so far. */
export const said = (stdout: string): unknown[] =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
