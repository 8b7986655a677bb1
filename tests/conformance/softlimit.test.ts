// softlimit: each row of its manual, with the C program and with ours.
import { type Case, sameAsC } from "../support/same-script.ts";

const SHOW = "/usr/bin/grep Max /proc/self/limits";
/** What each option sets stays small enough to matter and large enough to run grep. */
const each: readonly Case[] = ["a", "c", "d", "f", "l", "m", "o", "p", "r", "s", "t"].map((letter) => [
  `-${letter} sets a soft limit`,
  `say softlimit -${letter} 50000000 ${SHOW}; say softlimit -${letter}49999999 ${SHOW}; say softlimit -${letter} = ${SHOW}
   say softlimit -${letter} 18446744073709551615 ${SHOW}; say softlimit -${letter} 60000000 -${letter} 50000000 ${SHOW}`,
]);
const bad: readonly Case[] = [
  "12k",
  "-1",
  " 5",
  "x",
  "0x10",
  "1 ",
  "1.5",
  "==",
  "=5",
  "+1",
  "-",
  "--",
  "\\0015",
].map((value) => [
  `takes '${value}' for no number`,
  `for o in a c m o t; do say softlimit -$o "$(printf '%b' '${value}')" echo ran; done`,
]);

sameAsC("softlimit", [
  ["says how it is used", "say softlimit; say softlimit -o 5; say softlimit --; say softlimit -o5 --"],
  [
    "has no other options",
    "say softlimit -z; say softlimit -o 5 -z 6 true; say softlimit -zo5 true; say softlimit -: true; say softlimit -A 5 true",
  ],
  [
    "needs an argument for an option",
    "say softlimit -a; say softlimit -o 5 -t; for o in c d f l m o p r s; do say softlimit -$o; done",
  ],
  [
    "names itself as it was called in the parser's line alone",
    "ln -s $BIN/softlimit softlimit; say ./softlimit -z; say $BIN/softlimit -z; say $BIN/../bin/softlimit -a x true",
  ],
  [
    "looks at each option before the next",
    "say softlimit -o x -z true; say softlimit -z -o x true; say softlimit -o 5 -o true; say softlimit -o 5 -a true",
  ],
  [
    "stops at the first word that is no option",
    `say softlimit echo -o 5; say softlimit -o 50 echo -z; say softlimit -- echo a; say softlimit --foo echo b; say softlimit -o 50 -- ${SHOW}`,
  ],
  ["takes a lone dash for the program", "say softlimit -; say softlimit -o 50 - x"],
  [
    "takes a word that begins with a dash as an argument",
    "say softlimit -o -a true; say softlimit -a -o 5 true",
  ],
  ["takes an empty word for 0", `say softlimit -c '' ${SHOW}; say softlimit -c 5 -c '' ${SHOW}`],
  [
    "counts modulo 2^64",
    `say softlimit -c 18446744073709551616 ${SHOW}; say softlimit -c 18446744073709551621 ${SHOW}; say softlimit -c 36893488147419103300 ${SHOW}`,
  ],
  ["takes leading zeros", `say softlimit -c 0000000000000000000000000000000000000000000000000012 ${SHOW}`],
  [
    "lowers a value to the hard limit",
    `ulimit -c 1000; say softlimit -c 99999999 ${SHOW}; say softlimit -c = ${SHOW}; ulimit -n 100; say softlimit -o 500 ${SHOW}; say softlimit -o = ${SHOW}`,
  ],
  ["does not change a hard limit", `ulimit -Hn 300; say softlimit -o 200 -m 90000000 -t 77 ${SHOW}`],
  [
    "-m sets data, stack, locked memory and address space, in any order with their own options",
    `say softlimit -m 80000000 -s 70000000 ${SHOW}; say softlimit -s 70000000 -d 60000000 -m 80000000 ${SHOW}; say softlimit -a 90000000 -m 80000000 -a 85000000 -l 5000 ${SHOW}`,
  ],
  [
    "-o takes effect",
    "say softlimit -o 5 sh -c ': 3</ 4</ 5</'; say softlimit -o 6 sh -c 'echo fine 3</ 4</'",
  ],
  [
    "-f takes effect",
    "say softlimit -f 10 sh -c 'head -c 20 /dev/zero >file'; stat -c %s file; say softlimit -f 0 sh -c 'echo x >other'; stat -c %s other",
  ],
  ["-p 0 is enough to run a program", "say softlimit -p 0 echo x"],
  ["-c 0 is set", `ulimit -Sc unlimited; say softlimit -c 0 ${SHOW}`],
  [
    "-a 1 and other limits that no program can start under kill it at exec",
    "say softlimit -a 1 /bin/true; say softlimit -m 1 /bin/true; say softlimit -a 100000 /bin/true",
  ],
  [
    "-m 2000000 is too little for a program with shared libraries, and 10000000 enough",
    "say softlimit -m 2000000 /bin/true; say softlimit -m 10000000 /bin/echo fine",
  ],
  [
    "-s is looked at for the size of the arguments",
    "say softlimit -s 400000 sh -c 'echo $#' $(seq 10000); say softlimit -s 200000 true $(seq 30000)",
  ],
  [
    "goes on to find programs after one that cannot be run",
    `mkdir a b; : >a/prog; printf '#!/bin/sh\\necho ran\\n' >b/prog; chmod 755 b/prog; PATH=a:b say $BIN/softlimit -a 90000000 -m 80000000 prog; PATH=a say $BIN/softlimit -m 1 prog; PATH=a:none say $BIN/softlimit -m 1 nosuch`,
  ],
  [
    "says what it could not run under any limit",
    "say softlimit -m 1 nosuch; say softlimit -a 0 -s 0 -d 0 nosuch; say softlimit -p 0 -t 1 -o 0 nosuch; say softlimit -s 1000 ./nosuch",
  ],
  [
    "-f 0 cuts off what it says itself",
    "say sh -c 'softlimit -f 0 nosuch 2>file'; stat -c %s file; say sh -c 'softlimit -f 0 -z 2>file'; stat -c %s file",
  ],
  ...each,
  ...bad,
]);
