// svscan with services whose logs the log process writes.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { logged } from "./log-dir.ts";
import type { Sandbox } from "./sandbox.ts";
import { until } from "./until.ts";

/** A service that counts, as fast as it can or with pauses, until there is a file `stop`; then it says how far it came. */
export const counter = (most = 4_000_000, pause = ""): string => `#!/usr/bin/awk -f
BEGIN {
  for (i = 1; !stop && i < ${most}; i++) {
    print i, "a line of the service, of some length"
    if (i % ${pause === "" ? 1000 : 10} == 0) { fflush(); stop = (getline line < "stop") > 0 }
    close("stop")
    ${pause}
  }
  print i - 1 > "last"
  close("last")
  system("sleep 100000")
}
`;
/** A pause after each ten lines, for \`counter\`. */
export const GENTLY = 'if (i % 10 == 0) system("sleep 0.01")';

/** The pid of the log process; 0 if there is none. */
export const logHost = (box: Sandbox, scan = "scan"): number =>
  box.status(`${scan}/.tend-log-host`)?.pid ?? 0;

/** The log of a counter that was told to stop, once all of it is written. @throws {Error} if it is not every number once */
export async function counted(box: Sandbox, service: string): Promise<number> {
  box.file(`${service}/stop`, "now\n");
  const last = await until(() => {
    const path = box.at(service, "last");
    return existsSync(path) && (readFileSync(path, "utf8").trim() || undefined);
  }, `${service} has stopped counting`);
  const main = box.at(service, "log/main");
  const end = ` ${last} a line of the service, of some length\n`;
  await until(() => {
    const current = readFileSync(join(main, "current"), "latin1");
    // What was just finished is in the last of the old logs.
    const old = readdirSync(main).filter((name) => name.startsWith("@"));
    const text = current === "" ? readFileSync(join(main, old.sort().at(-1) ?? ""), "latin1") : current;
    if (!text.endsWith(end))
      throw new Error(`the log ends with ${JSON.stringify(text.slice(-100))}, not ${end}`);
    return true;
  }, `all of ${service} is written`);
  // A file that is finished just now is in neither place for who looks at the old ones first.
  return until(() => {
    let count = 0;
    for (const line of logged(main).split("\n").slice(0, -1)) {
      count++;
      if (
        !/^@[0-9a-f]{24} /.test(line) ||
        line.slice(26) !== `${count} a line of the service, of some length`
      )
        throw new Error(`${service}: line ${count} is ${JSON.stringify(line.slice(0, 200))}`);
    }
    if (count !== Number(last)) throw new Error(`${service}: ${count} lines of ${last}`);
    return count;
  }, `every line of ${service} is there once`);
}
