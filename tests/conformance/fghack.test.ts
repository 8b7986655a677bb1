// fghack: each row of its manual, with the C program and with ours.
import { sameAsC } from "../support/same-script.ts";

sameAsC("fghack", [
  ["says how it is used", "say fghack"],
  ["takes no options", "say fghack -x; say fghack -- true"],
  ["exits as the program does", 'for n in 0 1 100 111 255; do say fghack sh -c "exit $n"; done'],
  [
    "says that the program was killed",
    "say fghack sh -c 'kill -9 $$'; say fghack sh -c 'kill $$'; say fghack sh -c 'ulimit -c 0; kill -SEGV $$'",
  ],
  ["says once that the program cannot be run", "say fghack nosuch; say fghack /etc/passwd; say fghack ./"],
  [
    "waits for what the program leaves behind",
    "mkfifo gate; say fghack sh -c '(read x <gate; echo read) & echo started; echo >gate & exit 3'",
  ],
  [
    "waits for a daemon that closes some descriptors",
    "mkfifo gate; say fghack sh -c '(exec 3>&- 4>&- 5>&- 6>&-; read x <gate; echo read) & echo >gate & exit 0'",
  ],
  [
    "does not wait for a daemon that closes all descriptors",
    "say fghack perl -e 'use POSIX; exit 4 if fork; POSIX::close($_) for 0..100; setsid; sleep 1000'",
  ],
  [
    "gives the program 31 descriptors of the pipe, the lowest that are free",
    "say fghack sh -c 'for n in $(seq 3 40); do [ -e /proc/self/fd/$n ] && echo $n $(readlink /proc/self/fd/$n | cut -c1-5); done'",
  ],
  [
    "gives as many as there is room for",
    "say softlimit -o 10 fghack sh -c 'ls /proc/self/fd | wc -l'; say softlimit -o 5 fghack echo two; say softlimit -o 4 fghack echo none",
  ],
  [
    "keeps descriptors as they are",
    ": >a; exec 5<a 7<a; say fghack sh -c 'for n in 3 4 5 6 7 8; do readlink /proc/self/fd/$n | sed \"s,.*/,,; s,:.*,,\"; done'",
  ],
  ["shares standard input, output and errors", "echo in | say fghack sh -c 'cat; echo err >&2'"],
  [
    "is not the program: one process more",
    'say fghack sh -c \'[ $$ = $PPID ] || [ "$(cat /proc/$PPID/comm)" = fghack ] || cut -d " " -f 2 /proc/$PPID/stat\'',
  ],
  [
    "handles no signals: the daemon goes on",
    "mkfifo gate; fghack sh -c 'echo ready >gate; read x <gate; echo survived >out' & P=$!; read x <gate; kill $P; wait $P 2>/dev/null; echo $?; echo >gate; until [ -s out ]; do sleep 0.02; done; cat out",
  ],
  ["cannot fork where there may be no process more", "say setuidgid nobody softlimit -p 0 fghack echo x"],
  [
    "cannot wait where SIGCHLD is ignored",
    "perl -e '$SIG{CHLD} = \"IGNORE\"; exec @ARGV' fghack sh -c 'exit 3'; echo $?",
  ],
]);
