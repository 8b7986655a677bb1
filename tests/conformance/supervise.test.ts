// supervise: its arguments, what it says when it cannot begin, and its exit codes, with the C program and with ours.
import { expect, test } from "bun:test";
import { haveC } from "../support/programs.ts";
import { runScript, sameAsC } from "../support/same-script.ts";

sameAsC("supervise", [
  ["wants one directory", "say supervise; say supervise a b; say supervise '' ''"],
  ["takes no options", "say supervise -x; say supervise --help; say supervise --version; say supervise --"],
  [
    "says what keeps it from entering",
    "echo >file; ln -s loop loop; say supervise missing; say supervise file; say supervise loop; say supervise ''; say supervise $(printf %256s | tr ' ' x); say supervise $(printf %5000s | tr ' ' x)",
  ],
  [
    "may not enter as another user",
    "service s; chmod 755 .; chmod 700 s; say setuidgid nobody supervise s; chmod 744 s; say setuidgid nobody supervise s",
  ],
  [
    "may not take a directory it cannot write",
    "service s; chmod 755 . s; say setuidgid nobody supervise s; ls s",
  ],
  ["says what keeps it from seeing a down file", "service s; ln -s down s/down; say supervise s; ls s"],
  [
    "says what keeps it from taking the lock",
    "service s; echo >s/supervise; say supervise s; service t; mkdir -p t/supervise/lock; say supervise t; ln -s supervise u; mkdir v; ln -s supervise v/supervise; say supervise v",
  ],
  [
    "makes the directory that a dangling link names",
    "service s; ln -s ../state s/supervise; supervise s & until_ok s; svc -dx s; wait $!; ls state s | grep -Ev 'new|record'; say stat -c %a state",
  ],
  ["makes no more than one level of it", "service s; ln -s deep/er s/supervise; say supervise s; ls s"],
  [
    "says that another supervise runs",
    "service s; supervise s & until_up s; say supervise s; svstat s; svc -dx s; wait $!; echo $?",
  ],
  [
    "has made no more than the lock when another holds it",
    "service s; mkdir s/supervise; exec 5>s/supervise/lock; flock -x 5; say supervise s; ls s/supervise | grep -v record",
  ],
  [
    "says what keeps it from reading control",
    "service s; mkdir s/supervise; ln -s control s/supervise/control; say supervise s; ls s/supervise | grep -v record",
  ],
  [
    "says that control is a directory",
    "service s; mkdir -p s/supervise/control; say supervise s; ls s/supervise | grep -v record",
  ],
  [
    "says what keeps it from reading ok",
    "service s; mkdir s/supervise; ln -s ok s/supervise/ok; say supervise s; ls s/supervise | grep -v record",
  ],
  [
    "accepts an ok that is a directory",
    "service s; touch s/down; mkdir -p s/supervise/ok; supervise s & n=0; until [ -e s/supervise/status ] || [ $n = 200 ]; do sleep 0.02; n=$((n+1)); done; say svok s; say svstat s; svc -x s; wait $!; echo $?",
  ],
  [
    "makes its files with these names, types and modes",
    "service s; supervise s & until_ok s; stat -c '%n %F %a' s/supervise s/supervise/[!rs]* s/supervise/status; svc -dx s; wait $!; echo $?; ls s/supervise | grep -Ev 'new|record'",
  ],
  [
    "lets its umask be",
    "umask 077; service s; supervise s & until_ok s; stat -c '%n %F %a' s/supervise s/supervise/[!rs]* s/supervise/status; svc -dx s; wait $!",
  ],
  [
    "uses a supervise directory that is there, of any mode, also behind a link",
    "service s; mkdir -m 755 d; ln -s ../d s/supervise; supervise s & until_up s; stat -c '%F %a' d; svstat s; svc -dx s; wait $!; echo $?",
  ],
  [
    "starts nothing where there is a down file of any kind",
    "service s 'echo started'; mkdir s/down; supervise s & until_ok s; svstat s; svc -x s; wait $!; echo $?",
  ],
  [
    "takes absolute and dotted paths",
    'service s; supervise "$PWD/s" & until_ok s; svc -dx s; wait $!; echo $?; cd s; supervise . & until_ok .; svc -dx .; wait $!; echo $?; supervise ../s & until_ok .; svc -dx .; wait $!; echo $?',
  ],
  [
    "is ended by TERM, HUP and INT as any program, and leaves the service",
    "service s 'echo $$ >pid; exec sleep 1000'; exec 2>/dev/null; for sig in TERM HUP KILL; do supervise s & p=$!; until_ok s; until [ -s s/pid ]; do sleep 0.02; done; kill -$sig $p; wait $p; echo $?; kill -0 $(cat s/pid) && echo lives; kill -9 $(cat s/pid); rm -f s/pid; done",
  ],
  [
    "says the name it was given when run cannot be executed",
    "mkdir -p s; touch s/down; supervise ./s & until_ok s; svc -o s; sleep 0.1; svc -dx s; wait $!; echo $?",
  ],
  [
    "says that run is not executable",
    "mkdir -p s; touch s/down s/run; supervise s & until_ok s; svc -o s; sleep 0.1; svc -dx s; wait $!; echo $?",
  ],
  [
    "says that run has no interpreter",
    "mkdir -p s; touch s/down; echo '#!/nowhere/sh' >s/run; chmod 755 s/run; supervise s & until_ok s; svc -o s; sleep 0.1; svc -dx s; wait $!; echo $?",
  ],
  [
    "says that run is a directory",
    "mkdir -p s/run; touch s/down; supervise s & until_ok s; svc -o s; sleep 0.1; svc -dx s; wait $!; echo $?",
  ],
  [
    "says that run is no program",
    "mkdir -p s; touch s/down; echo true >s/run; chmod 755 s/run; supervise s & until_ok s; svc -o s; sleep 0.1; svc -dx s; wait $!; echo $?; : >s/run; supervise s & until_ok s; svc -o s; sleep 0.1; svc -dx s; wait $!; echo $?",
  ],
  [
    "starts run with the one word ./run",
    "service s; printf '#!/bin/sh\\necho \"$0 $#\"; exec sleep 1000\\n' >s/run; supervise s & until_ok s; sleep 0.1; svc -dx s; wait $!; echo $?",
  ],
]);

// The C program reads the file from its beginning, byte by byte, and obeys: here it leaves at once.
test("a regular file called control is no source of commands", async () => {
  const before = "service s; touch s/down; mkdir s/supervise; echo x >s/supervise/control";
  if (haveC) {
    const { stdout } = await runScript("C", `${before}; supervise s; echo $?`);
    expect(stdout).toBe("0\n");
  }
  const script = `${before}; supervise s & until_ok s; svstat s; stat -c %F s/supervise/control; svc -x s; wait $!; echo $?`;
  const { stdout } = await runScript("tend", script);
  expect(stdout).toMatch(/^s: down \d+ seconds\nfifo\n0\n$/);
});
