// Rows of COMPATIBILITY.md about the programs that run another: what the runtime's start costs them.
import { expect, test } from "bun:test";
import { haveC } from "../support/programs.ts";
import { runScript } from "../support/same-script.ts";

const cases: readonly [title: string, script: string, c: string, tend: string][] = [
  [
    "an ignored SIGPIPE or SIGXFSZ gets its default action",
    `exec perl -e '$SIG{$_} = "IGNORE" for qw(PIPE XFSZ HUP); exec @ARGV' pgrphack grep SigIgn /proc/self/status`,
    "SigIgn:\t0000000001001001\n",
    "SigIgn:\t0000000000000001\n",
  ],
  [
    "a soft limit of descriptors that the process set itself is lost, the parent's is passed on",
    "ulimit -Sn 400; (ulimit -Sn 300; exec pgrphack sh -c 'ulimit -Sn')",
    "300\n",
    "400\n",
  ],
  [
    "fghack after limits of memory says in softlimit's name what keeps it from running a program",
    "softlimit -m 9000000 fghack nosuch 2>&1",
    "fghack: fatal: unable to run nosuch: file does not exist\n",
    "softlimit: fatal: unable to run nosuch: file does not exist\n",
  ],
];

for (const [title, script, c, tend] of cases) {
  test(title, async () => {
    expect((await runScript("tend", script)).stdout).toBe(tend);
    if (haveC) expect((await runScript("C", script)).stdout).toBe(c);
  });
}

test("the runtime's start is time that softlimit -t counts", async () => {
  // Clock ticks (1/100 s) of a chain begun a hundred times over: its start is some milliseconds, C's is none to speak of.
  const script =
    "i=0; while [ $i -lt 100 ]; do i=$((i+1)); pgrphack true; done; cut -d' ' -f16-17 /proc/$$/stat";
  const ticks = async (suite: "tend" | "C") =>
    (await runScript(suite, script)).stdout
      .trim()
      .split(" ")
      .map(Number)
      .reduce((a, b) => a + b, 0);
  const ours = await ticks("tend");
  expect(ours).toBeGreaterThan(10);
  if (haveC) expect(await ticks("C")).toBeLessThan(ours);
});
