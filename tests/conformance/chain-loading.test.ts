// What all chain-loading tools have in common: how they look for the program and what it is given; with the C tools and ours.
import { type Case, sameAsC } from "../support/same-script.ts";

/** A use of each that changes nothing the program prints. */
const TOOLS = {
  envdir: "envdir e",
  envuidgid: "envuidgid nobody",
  fghack: "fghack",
  pgrphack: "pgrphack",
  setlock: "setlock lock",
  setuidgid: "setuidgid nobody",
  softlimit: "softlimit -o 50",
} as const;

/** Directories to be searched, relative, since nobody else may enter the temporary directory. */
const PLACES = `
chmod 755 .; mkdir e none good first; printf '#!/bin/sh\\necho good "$0" "$@"\\n' >good/prog; chmod 755 good/prog
: >first/prog; ln -s loop loop; : >plain; mkdir -p asdir/prog
printf 'echo no interpreter named\\n' >first/script; chmod 755 first/script
printf '#!/nonexistent/interpreter\\n' >first/lost; chmod 755 first/lost
with() { P=$1; shift; PATH="$P" say "$@"; }
T=$BIN/
left() { find . -printf '%P %y %m %s %l\\n' | sort; }
`;

const casesOf = (tool: string, use: string): readonly Case[] =>
  (
    [
      ["without arguments says how it is used", `say ${tool}; say ${tool} ''`],
      ["takes no --help or --version", `say ${tool} --help; say ${tool} --version`],
      [
        "runs the program with its arguments, to the byte",
        `say ${use} printf '[%s]' a '' "b c" -x -- "$(printf '\\377\\n\\001x')"`,
      ],
      [
        "ends as the program ends",
        `say ${use} sh -c 'exit 7'; say ${use} sh -c 'kill -9 $$'; say ${use} true; say ${use} false`,
      ],
      [
        "says that the program does not exist",
        `say ${use} nosuch; say ${use} ./nosuch; say ${use} nosuch/x arg`,
      ],
      [
        "says that the program may not be run",
        `say ${use} ./first/prog; say ${use} ./first; say ${use} plain/x; say ${use} ./loop`,
      ],
      ["takes no empty name", `say ${use} ''; with 'none' $T${use} ''`],
      [
        "names what it was given",
        `say ${use} "$(printf 'a\\nb')"; say ${use} ${"x".repeat(300)}; say ${use} 'a: b'`,
      ],
      [
        "has no shell for a script without an interpreter",
        `say ${use} ./first/script; say ${use} ./first/lost`,
      ],
      [
        "looks along PATH, and the name stays as given",
        `with none:good:first $T${use} prog a b; with good $T${use} good/prog`,
      ],
      [
        "passes over a file that may not be run, and a directory",
        `with first:asdir:good $T${use} prog; with asdir:first:none $T${use} prog`,
      ],
      [
        "stops at what is no directory, a loop, or no program",
        `with plain:good $T${use} prog; with loop:good $T${use} prog; with first:good $T${use} script`,
      ],
      [
        "passes over a script whose interpreter is missing",
        `with first $T${use} lost; cp good/prog good/lost; with first:good $T${use} lost`,
      ],
      [
        "takes an empty component of PATH for the working directory",
        `cd good; chmod 755 .; mkdir e; with ":x" $T${use} prog; with "x::y" $T${use} prog; with "" $T${use} prog`,
      ],
      [
        "looks in /bin and /usr/bin where PATH is not set",
        `say env -u PATH $T${use} echo found; say env -u PATH $T${use} nosuch`,
      ],
      [
        "has too long names for no more than that",
        `with ${"d".repeat(300)}:good $T${use} prog; say ${use} ./${"a/".repeat(2500)}x`,
      ],
      [
        "gives on more arguments than fit one page",
        `say ${use} sh -c 'echo $#' $(seq 20000); say ${use} sh -c 'echo \${#1}' sh $(printf %100000s | tr ' ' x)`,
      ],
      ["says that the arguments are too many", `ulimit -s 100; say ${use} true $(seq 8000)`],
    ] as const
  ).map(([title, script]) => [`${tool} ${title}`, `${PLACES}\n${script}\nleft`]);

sameAsC(
  "chain loading",
  Object.entries(TOOLS).flatMap(([tool, use]) => casesOf(tool, use)),
);
