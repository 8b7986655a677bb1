// setlock: each row of its manual, with the C program and with ours, and with one against the other.
import { describe, expect, test } from "bun:test";
import { haveC } from "../support/programs.ts";
import { type Case, runScript, sameAsC } from "../support/same-script.ts";

const LEFT = "find . -printf '%P %y %m %s\\n' | sort";
/** Somebody else holds the lock until this shell ends; 9 is the lock. */
const HELD = ": >held; exec 9<held; flock -x 9";
/** Until somebody waits for it. */
const WAITING = `until_true grep -q -- "-> FLOCK .*:$(stat -c %i held) " /proc/locks`;

const clusters: readonly Case[] = [
  "",
  "-n",
  "-N",
  "-x",
  "-X",
  "-nx",
  "-xn",
  "-nN",
  "-Nn",
  "-nX",
  "-xX -n",
  "-Xx -n",
  "-n -x -X",
  "-x -n -N -n",
].map((options) => [
  `setlock ${options} on a free, a busy and an impossible file`.replace("  ", " "),
  `${HELD}; say setlock ${options} free echo ran; ${
    /N$/.test(options) || !options.includes("n") ? "exec 9>&-" : ":"
  }; say setlock ${options} held echo ran; say setlock ${options} none/file echo ran; ${LEFT}`,
]);

sameAsC("setlock", [
  [
    "says how it is used",
    "say setlock; say setlock file; say setlock -n file; say setlock -nx; say setlock --; ls",
  ],
  [
    "has no other options",
    "say setlock -z file true; say setlock -nzx file true; say setlock -n -: file true; ls",
  ],
  [
    "stops at the first word that is no option",
    "say setlock file -x echo; say setlock -- file echo a; say setlock --foo file echo b; say setlock -n - echo c; ls",
  ],
  [
    "makes the file, for its owner alone",
    `say setlock file true; ${LEFT}; umask 0; say setlock file2 true; umask 777; say setlock file3 true; ${LEFT}`,
  ],
  [
    "leaves what is in the file",
    "echo content >file; say setlock file cat file; say setlock -n file true; cat file",
  ],
  [
    "says what it could not open",
    'mkdir d; mkfifo f; ln -s l l; : >p; for x in d f l p/x none/x \'\' ; do say setlock "$x" true; say setlock -x "$x" echo ran; done',
  ],
  ["makes the file that a dangling link names", `ln -s there file; say setlock file true; ${LEFT}`],
  [
    "says what it may not open",
    "chmod 755 .; : >file; chmod 600 file; say setlock file true; say setuidgid nobody setlock file true; say setuidgid nobody setlock -x file echo ran; say setuidgid nobody setlock other true",
  ],
  [
    "holds the lock while the program runs",
    "say setlock lock sh -c 'setlock -n lock echo one'; say setlock lock sh -c 'setlock -nx lock echo one'; say setlock -n lock echo free",
  ],
  [
    "holds two locks",
    "say setlock a setlock b sh -c 'setlock -n a true; setlock -n b true; setlock -n c echo free'",
  ],
  ["is locked out by itself", "say setlock a setlock -n a echo ran; say setlock a setlock -nx a echo ran"],
  [
    "leaves the lock with what the program leaves",
    "mkfifo gate; setlock lock sh -c '(read x <gate) & echo left'; say setlock -n lock echo busy; echo >gate; say setlock lock echo free",
  ],
  [
    "gives the lock the lowest free descriptor, open in the program",
    "say setlock lock sh -c 'readlink /proc/self/fd/3 | sed s,.*/,,'; say setlock a setlock b sh -c 'for n in 3 4; do readlink /proc/self/fd/$n | sed s,.*/,,; done'; say setlock lock sh -c 'grep flags /proc/self/fdinfo/3'",
  ],
  [
    "runs the program although it says nothing of a failure to open",
    "say setlock -x lock nosuch; say setlock -x lock ./nosuch",
  ],
  [
    "waits until the lock is free",
    `${HELD}; (exec 9<&-; exec setlock held echo later) & ${WAITING}; echo first; exec 9<&-; wait; say setlock -n held echo free`,
  ],
  [
    "ends by a signal while it waits",
    `${HELD}; setlock held echo ran 9<&- & ${WAITING}; kill $!; wait $! 2>/dev/null; echo $?`,
  ],
  [
    "locks a file that is open for reading only elsewhere, and one that is written",
    "exec 8>>lock 7<lock; say setlock -n lock echo free",
  ],
  ...clusters,
]);

describe.skipIf(!haveC)("setlock of one suite", () => {
  for (const [suite, other] of [
    ["tend", "/usr/bin/setlock"],
    ["C", undefined],
  ] as const) {
    test(`respects a lock of the other's: ${suite}`, async () => {
      const { ours } = await import("../support/programs.ts");
      const { stdout, stderr } = await runScript(
        suite,
        `say ${other ?? ours("setlock")} lock sh -c 'setlock -n lock echo ran; setlock -nx lock echo ran; setlock other echo ran'`,
      );
      expect(stdout).toBe("ran\nexit 0\n");
      expect(stderr).toBe("setlock: fatal: unable to lock lock: temporary failure\n");
    });
  }
});
