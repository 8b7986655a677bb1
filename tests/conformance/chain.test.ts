// Tools in a row: what the program finds, and what is said when something fails, is that of the C tools one after the other.
import { describe, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { ours, which } from "../support/programs.ts";
import { binOf, runScript, sameAsC } from "../support/same-script.ts";
import { Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const CLEAN = "env -i PATH=P:$PATH A=1 B=2 C=3";
const VARS = "mkdir e f g; echo e1 >e/A; echo e2 >e/X; : >f/B; echo f1 >f/A; : >g/X; echo g1 >g/NEW";

/** Another process of nobody's is there: $! */
const BUSY = `setuidgid nobody sleep 1000 & until_true grep -qs 'Uid:.65534' /proc/$!/status`;

sameAsC("a chain", [
  [
    "edits the environment in order",
    `${VARS}; { say ${CLEAN} envdir e envdir f envdir g env; say ${CLEAN} envdir g envdir f envdir e env; say ${CLEAN} envuidgid nobody envdir e envuidgid daemon env; } | sed s,$BIN,BIN,`,
  ],
  [
    "looks for each tool along the PATH that the one before was given",
    `${VARS}; mkdir p bin; printf '#!/bin/sh\\necho not the tool "$@"\\n' >bin/envdir; chmod 755 bin/envdir; echo $PWD/bin >p/PATH; say envdir p envdir e env; say envdir p envdir e true; say envdir p $BIN/envdir e envdir x`,
  ],
  [
    "stops where an edited PATH has nothing",
    `mkdir p e; echo /nonexistent >p/PATH; say envdir p envdir e true; say envdir p $BIN/envdir e true; say envdir p $BIN/pgrphack $BIN/envdir e $BIN/pgrphack true; say envdir p true`,
  ],
  [
    "has the last PATH removed and finds nothing but in /bin and /usr/bin",
    `mkdir p e; : >p/PATH; say envdir p $BIN/envdir e sh -c 'echo $PATH'`,
  ],
  [
    "sets limits in order, the last one counting",
    "S='grep Max /proc/self/limits'; say softlimit -o 100 -c 0 softlimit -o 50 -s 5000000 $S; say softlimit -m 90000000 softlimit -s 80000000 -p 70 softlimit -a = $S; say softlimit -d 90000000 envdir . softlimit -d 80000000 pgrphack $S",
  ],
  [
    "sets limits of descriptors for the tools after it too",
    "mkdir e; say softlimit -o 4 envdir e true; say softlimit -o 5 envdir e echo fine; say softlimit -o 4 setlock lock sh -c 'echo x'; say softlimit -o 5 setlock lock setlock other true; say softlimit -o 5 setlock lock setlock -x third sh -c 'echo x'; say softlimit -o 4 fghack true; say softlimit -o 5 setlock lock envdir e true",
  ],
  [
    "sets the limit of files for what tools say",
    "say sh -c 'softlimit -f 0 envdir none true 2>out'; stat -c %s out; say sh -c 'softlimit -f 10 envdir none true 2>out2'; stat -c %s out2; say sh -c 'softlimit -f 0 softlimit -f 100 envdir none true 2>out3'; stat -c %s out3",
  ],
  [
    "looks at limits of processes when ids change",
    `${BUSY}; say softlimit -p 0 setuidgid nobody true; say softlimit -p 0 setuidgid nobody envuidgid root setlock lock true; say softlimit -p 0 setuidgid nobody softlimit -p 1000 true; kill $!; ls; say softlimit -p 1000 setuidgid nobody sh -c 'echo x; /bin/echo y'; say setuidgid nobody softlimit -p 0 sh -c '/bin/echo x'`,
  ],
  [
    "changes ids at their turn: locks before and after",
    "chmod 755 .; say setlock mine setuidgid nobody sh -c 'id -u; stat -c %U mine'; say setuidgid nobody setlock yours true; say setuidgid nobody setlock -x yours true; say setlock mine setuidgid nobody setlock -n mine true; ls",
  ],
  [
    "changes ids at their turn: directories of variables",
    "chmod 755 .; mkdir -m 700 e; echo x >e/V; say envdir e setuidgid nobody sh -c 'echo $V'; say setuidgid nobody envdir e sh -c 'echo $V'",
  ],
  [
    "changes ids once",
    "say setuidgid nobody setuidgid daemon id; say setuidgid root setuidgid nobody id -un",
  ],
  [
    "looks for the next tool as the account",
    "chmod 755 .; mkdir -m 700 secret; cp /bin/echo secret/echo; PATH=secret:$PATH say $BIN/setuidgid nobody envdir none echo; PATH=secret say $BIN/setuidgid nobody $BIN/pgrphack echo x",
  ],
  [
    "holds locks in the order of the tools",
    "say setlock a setlock b pgrphack setlock -n c sh -c 'for n in 3 4 5; do readlink /proc/self/fd/$n | sed s,.*/,,; done; setlock -n a true; setlock -n b true; setlock -n c true'",
  ],
  [
    "says the first thing that fails",
    "say envdir none setlock none/x setuidgid nosuch true; say pgrphack setlock none/x envdir none true; say softlimit -c 0 setuidgid nosuch envdir none true; say pgrphack softlimit -c x true; say pgrphack envdir; say pgrphack pgrphack; say setlock lock setlock; ls",
  ],
  [
    "has done what came before the failure",
    "mkdir e; say setlock a envdir e setlock b envdir none setlock c true; ls",
  ],
  [
    "names the tool that could not run the program",
    "say pgrphack envdir . softlimit -c 0 nosuch; say setuidgid nobody pgrphack /etc/shadow",
  ],
  [
    "takes the name of a tool from the path to it, in the parser's line too",
    "mkdir d; ln -s $BIN/softlimit d/softlimit; ln -s $BIN/setlock d/setlock; say pgrphack d/softlimit -z; say pgrphack ./d/setlock -q lock true; say pgrphack $BIN/softlimit -a",
  ],
  [
    "runs another program of a tool's name",
    "mkdir d; printf '#!/bin/sh\\necho mine $0 \"$@\"\\n' >d/setlock; chmod 755 d/setlock; PATH=d:$PATH; say pgrphack setlock -q x; say pgrphack ./d/setlock -q x; : >d/envdir; say pgrphack envdir . echo passed over",
  ],
  [
    "leads a session before and after",
    'say pgrphack setlock lock pgrphack perl -e \'print getpgrp == $$ ? "leads\\n" : "follows\\n"\'',
  ],
  [
    "goes on under fghack, on both sides",
    `${VARS}; say ${CLEAN} envdir e fghack envdir f sh -c 'env; exit 3' | sed s,$BIN,BIN,; say ${CLEAN} setlock lock fghack setuidgid nobody sh -c 'id -u; readlink /proc/self/fd/3 | sed s,.*/,,'; say fghack fghack sh -c 'ls /proc/self/fd | wc -l; exit 9'`,
  ],
  [
    "of limits of memory and fghack works for the program",
    "say softlimit -m 50000000 fghack sh -c 'ulimit -v; ulimit -d; ulimit -s; exit 5'; say softlimit -d 50000000 -p 500 fghack sh -c 'ulimit -d; ulimit -u'; say softlimit -a 50000000 fghack sh -c 'kill -9 $$'",
  ],
  ["of fghack and limits of memory works", "say fghack softlimit -m 50000000 sh -c 'ulimit -v; exit 4'"],
  [
    "may be long",
    `${VARS}; say ${CLEAN} $(for i in $(seq 300); do echo envdir e envdir f; done) env | sed s,$BIN,BIN,; say $(for i in $(seq 2000); do echo pgrphack; done) echo done`,
  ],
  [
    "passes its arguments on, to the byte",
    "mkdir e; say envdir e pgrphack setlock lock softlimit -c 0 printf '[%s]' -x '' -- \"$(printf '\\377\\n')\" 'a b'",
  ],
  [
    "is killed by a limit of memory at its end only",
    "mkdir e; softlimit -a 1 envdir e pgrphack true 2>/dev/null; [ $? -gt 128 ] && echo killed; say softlimit -m 10000000 envdir e setuidgid nobody sh -c 'ulimit -v'",
  ],
]);

/** How often the program that `words` run executed another, and what it printed. */
async function executions(
  box: Sandbox,
  words: readonly string[],
): Promise<{ count: number; stdout: string }> {
  const trace = box.at("trace");
  const { stdout } = await box.run(["strace", "-qq", "-e", "trace=execve", "-o", trace, ...words], {
    env: { PATH: `${binOf("tend")}:/usr/bin:/bin` },
  });
  return { count: (await Bun.file(trace).text()).match(/^execve\(.*= 0$/gm)?.length ?? 0, stdout };
}

describe("tools of this executable in a row", () => {
  test.skipIf(which("strace") === null)("execute nothing but the program", async () => {
    await using box = new Sandbox();
    const dir = box.directory("e");
    const words = [
      ours("softlimit"),
      "-m",
      "50000000",
      "setlock",
      box.at("lock"),
      "envdir",
      dir,
      "/bin/echo",
      "x",
    ];
    // The first tool, and the program.
    expect(await executions(box, words)).toEqual({ count: 2, stdout: "x\n" });
  });

  test.skipIf(which("strace") === null)("execute a copy of this executable: it is another", async () => {
    await using box = new Sandbox();
    copyFileSync(ours("envdir"), box.at("envdir"));
    const words = [ours("pgrphack"), box.at("envdir"), box.directory("e"), "/bin/echo", "x"];
    expect(await executions(box, words)).toEqual({ count: 3, stdout: "x\n" });
  });

  test("run under limits of memory that the runtime could not start with", async () => {
    const { stdout, stderr } = await runScript(
      "tend",
      "mkdir e; echo val >e/VAR; say softlimit -m 8000000 setuidgid nobody envdir e sh -c 'echo $VAR; id -un; ulimit -v'",
    );
    expect({ stdout, stderr }).toEqual({ stdout: "val\nnobody\n7812\nexit 0\n", stderr: "" });
  });

  test("run a service of svscan as an account, with variables and few descriptors", async () => {
    await using box = new Sandbox();
    box.service("scan/s", {
      run: "#!/bin/sh\nexec 2>&1 3>out\nexec setuidgid nobody envdir ./env softlimit -o 250 sh -c 'echo $$ $(id -un) $VAR $(ulimit -n) >&3; exec sleep 100000'\n",
      files: { "env/VAR": "value\n" },
    });
    box.svscan(box.at("scan"), { env: { PATH: `${binOf("tend")}:/usr/bin:/bin` } });
    const pid = await box.up("scan/s");
    const said = await until(async () => {
      const text = await Bun.file(box.at("scan/s/out")).text();
      return text.endsWith("\n") && text;
    }, "the service has said what it is");
    expect(said).toBe(`${pid} nobody value 250\n`);
  });
});
