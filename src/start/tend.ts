// `tend` under its own name, without the name of a program: what there is.
import "../sys/boot.ts";

import { programs, SUMMARIES } from "../programs/names.ts";
import { EXIT, put, STDERR, STDOUT } from "../programs/program.ts";
import { exit } from "../sys/process.ts";
import { called, takeNoSignals } from "./start.ts";

declare const TEND_VERSION: string;

function help(): string {
  const width = Math.max(...programs.map((name) => name.length));
  return [
    `tend ${TEND_VERSION}: daemontools in one executable`,
    "usage: tend program [ arg ... ]",
    "",
    ...programs.map((name) => `  ${name.padEnd(width)}  ${SUMMARIES[name]}`),
    "",
    "       tend status [ --json ] [ directory ... ]",
    "",
  ].join("\n");
}

takeNoSignals();
const [word] = called.args;
switch (word) {
  case "--version":
    put(STDOUT, `tend ${TEND_VERSION}\n`);
    break;
  case undefined:
  case "--help":
    put(STDOUT, help());
    break;
  default:
    put(STDERR, `tend: fatal: no program called ${word}; tend --help lists them\n`);
    exit(EXIT.usage);
}
exit(EXIT.ok);
