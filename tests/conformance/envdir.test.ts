// envdir: each row of its manual, with the C program and with ours; and where ours is right and C is not.
import { expect, test } from "bun:test";
import { runScript, sameAsC } from "../support/same-script.ts";

/** The environment in the order the program sees it, byte for byte. */
const SHOW = "/usr/bin/env";
const CLEAN = "env -i PATH=/usr/bin A=old UNS=zz EMPTY=q LAST=1";
const shows = (content: string): string => `printf '${content}' >e/V; say $T ${SHOW} | od -c`;
const T = `mkdir e; T="${CLEAN} $BIN/envdir e"`;

sameAsC("envdir", [
  [
    "exits 111 for wrong usage, alone among the tools",
    "say envdir; say envdir e; say envdir e ''; say envdir ''",
  ],
  ["without files changes nothing", `${T}; say $T ${SHOW}`],
  ["takes the first line", `${T}; ${shows("hello\\nsecond\\n")}`],
  ["takes a line without newline", `${T}; ${shows("nonl")}`],
  ["drops blanks at the end", `${T}; ${shows("hello world  \\t \\nsecond\\n")}`],
  ["keeps blanks at the beginning", `${T}; ${shows(" \\t lead\\n")}`],
  ["keeps a carriage return", `${T}; ${shows("x\\r\\n")}`],
  ["sets an empty value for an empty line", `${T}; ${shows("\\n")}`],
  ["sets an empty value for a line of blanks", `${T}; ${shows(" \\t \\n")}`],
  ["sets an empty value for blanks without newline", `${T}; ${shows(" ")}`],
  ["sets an empty value where only a second line has something", `${T}; ${shows("\\nx")}`],
  ["turns NUL into newline", `${T}; ${shows("a\\000b\\n")}`],
  ["keeps NULs at the end, and blanks before them", `${T}; ${shows("a \\000\\000\\n")}`],
  ["takes a NUL alone", `${T}; ${shows("\\000")}`],
  ["keeps every other byte", `${T}; ${shows("\\001\\177\\200\\377\\303\\251\\n")}`],
  ["takes a value with =", `${T}; ${shows("a=b=c\\n")}`],
  [
    "has no limit on the length of a line",
    `${T}; head -c 100000 /dev/zero | tr '\\0' x >e/V; say $T ${SHOW} | wc -c`,
  ],
  [
    "reads past the first line, however much",
    `${T}; { echo one; head -c 1000000 /dev/zero; } >e/V; say $T ${SHOW}`,
  ],
  [
    "says that a value is too long for a program",
    `${T}; head -c 200000 /dev/zero | tr '\\0' x >e/V; say $T ${SHOW}`,
  ],
  ["removes the variable of an empty file", `${T}; : >e/UNS; say $T ${SHOW}`],
  ["removes nothing where there is no such variable", `${T}; : >e/NONE; say $T ${SHOW}`],
  [
    "puts what it replaces at the end, and the last entry in its place",
    `${T}; echo new >e/A; say $T ${SHOW}`,
  ],
  ["replaces the last entry where it is", `${T}; echo new >e/LAST; say $T ${SHOW}`],
  ["removes the last entry", `${T}; : >e/LAST; say $T ${SHOW}`],
  [
    "takes all files in the directory's order",
    `${T}; for n in A B C D E UNS EMPTY LAST; do echo $n$n >e/$n; done; : >e/D; : >e/A; say $T ${SHOW}`,
  ],
  [
    "takes files whose names are prefixes of each other",
    `${T}; for n in X XX XXX; do echo $n >e/$n; done; say env XXXX=1 XX=2 $T ${SHOW}`,
  ],
  ["leaves hidden files alone", `${T}; echo x >e/.HIDDEN; echo x >e/..; echo x >e/.A; say $T ${SHOW}`],
  ["sets what is before = in a name", `${T}; echo val >e/A=M; say $T ${SHOW}`],
  ["sets what is before = in a name even for an empty file", `${T}; : >e/A=M; say $T ${SHOW}`],
  ["takes a name that begins with =", `${T}; echo val >e/=x; : >e/=; say $T ${SHOW} | od -c`],
  [
    "takes any name",
    `${T}; echo 1 >'e/a b'; echo 2 >"e/$(printf '\\377')"; echo 3 >'e/-x'; echo 4 >"e/$(printf 'n\\nl')"; say $T ${SHOW} | od -c`,
  ],
  [
    "says that the directory does not exist",
    "say envdir none true; say envdir '' true; : >f; say envdir f true; ln -s l l; say envdir l true",
  ],
  ["says that a file cannot be read: a directory", `${T}; mkdir e/SUB; say $T true`],
  ["says that a file cannot be read: a loop", `${T}; ln -s L e/L; say $T true`],
  [
    "says that a file cannot be read: not allowed",
    "chmod 755 .; mkdir e; echo x >e/V; chmod 700 e/V; chmod 755 e; say setuidgid nobody envdir e true",
  ],
  [
    "says that the directory may not be entered or read",
    "chmod 755 .; mkdir -m 700 e; say setuidgid nobody envdir e true; chmod 711 e; say setuidgid nobody envdir e true",
  ],
  ["needs to open the directory it begins in", "mkdir e; chmod 711 .; say setuidgid nobody envdir e true"],
  [
    "needs to return to the directory it began in",
    "chmod 755 .; mkdir e b; chmod 744 b; cd b; say setuidgid nobody envdir ../e true",
  ],
  ["reads a fifo that nobody writes to as an empty file", `${T}; mkfifo e/UNS; say $T ${SHOW}`],
  ["does not wait for a writer of a fifo", `${T}; mkfifo e/UNS; exec 3<>e/UNS; say $T ${SHOW}`],
  ["follows links", `${T}; echo there >there; ln -s ../there e/V; ln e/V f; say $T ${SHOW}`],
  ["reads a device", `${T}; ln -s /dev/null e/UNS; say $T ${SHOW}`],
  ["comes back to where it was", "mkdir -p e; cd e; say envdir ../e sh -c 'basename $PWD; pwd | tail -c 3'"],
  [
    "does not look for the program along a PATH it sets",
    "mkdir -p e bin; printf '#!/bin/sh\\necho yes\\n' >bin/foo; chmod 755 bin/foo; echo $PWD/bin >e/PATH; say envdir e foo; say envdir e /usr/bin/env foo; say envdir e envdir e foo",
  ],
  [
    "looks for the program along a PATH it removes",
    "mkdir e; : >e/PATH; say envdir e sh -c 'echo $PATH'; say envdir e envdir e echo found",
  ],
  [
    "replaces only the first of two entries",
    "mkdir e; echo new >e/D; say /usr/bin/perl -e 'exec { $ARGV[0] } @ARGV' true; say env -i D=1 $BIN/envdir e /usr/bin/env",
  ],
  ["works where standard input is closed", `${T}; echo x >e/V; say $T ${SHOW} <&-`],
  [
    "takes many files",
    `${T}; i=0; while [ $i -lt 300 ]; do echo $i >e/V$i; i=$((i+1)); done; say $T ${SHOW} | sort`,
  ],
]);

test("envdir takes a dangling link for no file, where C gives its variable the value of the file before", async () => {
  const { stdout } = await runScript("tend", `${T}; ln -s nowhere e/A; say $T ${SHOW}`);
  expect(stdout).toBe("PATH=/usr/bin\nA=old\nUNS=zz\nEMPTY=q\nLAST=1\nexit 0\n");
});
