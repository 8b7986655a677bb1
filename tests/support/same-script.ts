// The same sh script run twice, once with the C programs first in PATH and once with ours, each in a directory of its
// own. What a run shows is compared after pids, seconds and the directory's own name have been made alike.
import { describe, expect, test } from "bun:test";
import { dirname } from "node:path";
import { haveC, ours, theirs } from "./programs.ts";
import { type Ended, Sandbox } from "./sandbox.ts";

export type Suite = "C" | "tend";

/** The directory of a suite's programs. */
export const binOf = (suite: Suite): string => dirname(suite === "C" ? theirs("svc") : ours("svc"));

/**
 * What every script may use: `say` runs a command and prints its exit code, `service NAME [COMMAND]` makes a service
 * directory, `fifos NAME` what a supervise leaves in one, `listen NAME` stands in for a supervise that holds both fifos
 * (3 is its control), `status NAME ESCAPES` writes a status file, `until_ok NAME` waits for a supervise, `until_up NAME`
 * for its service.
 */
const PRELUDE = `
umask 022
say() { "$@"; echo "exit $?"; }
service() { mkdir -p -- "$1" && printf '#!/bin/sh\\n%s\\n' "\${2:-exec sleep 1000}" >"$1/run" && chmod 755 "$1/run"; }
fifos() { mkdir -p -- "$1/supervise" && mkfifo -- "$1/supervise/ok" "$1/supervise/control"; }
listen() { fifos "$1" && exec 3<>"$1/supervise/control" 4<>"$1/supervise/ok"; }
letters() { dd bs=4096 count=1 <&3 2>/dev/null; echo; }
status() { printf "$2" >"$1/supervise/status"; }
until_true() { n=0; until "$@"; do n=$((n+1)); [ $n -lt 500 ] || return 1; sleep 0.02; done; }
until_ok() { until_true svok "$1" 2>/dev/null; }
is_up() { svstat "$1" | grep -aq ': up'; }
until_up() { until_true is_up "$1"; }
`;

/** Runs `script` with one suite, in a directory that it finds empty. */
export async function runScript(suite: Suite, script: string): Promise<Ended> {
  await using box = new Sandbox();
  const directory = box.directory("here");
  const { code, signal, stdout, stderr } = await box.run(["/bin/sh", "-c", `${PRELUDE}\n${script}`], {
    cwd: directory,
    env: { PATH: `${binOf(suite)}:/usr/bin:/bin`, BIN: binOf(suite), LC_ALL: "C" },
  });
  const text = (shown: string) => shown.replaceAll(directory, "HERE");
  return { code, signal, stdout: text(stdout), stderr: text(stderr) };
}

/** Seconds of a living thing: two runs need not show the same number, and no clock is off by thirty years. */
const SECONDS = /\b\d{1,9} seconds/g;
const PID = /\(pid \d+\)/g;

/** What two runs must have in common. */
export function alike(ended: Ended): Ended {
  const same = (text: string) => text.replace(SECONDS, "N seconds").replace(PID, "(pid N)");
  return { ...ended, stdout: same(ended.stdout), stderr: same(ended.stderr) };
}

/** A title that a man page could hold, and the script. */
export type Case = readonly [title: string, script: string];

/** One test for each case: the C programs and ours show the same. */
export function sameAsC(subject: string, cases: readonly Case[]): void {
  describe(subject, () => {
    for (const [title, script] of cases) {
      (haveC ? test.concurrent : test.skip)(title, async () => {
        const [c, ours] = await Promise.all([runScript("C", script), runScript("tend", script)]);
        expect(alike(ours)).toEqual(alike(c));
        // A script that does not run would be the same in both.
        expect(c.stdout).not.toBe("");
      });
    }
  });
}
