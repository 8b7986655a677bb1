// Signals by name and by number, as people write them in files: TERM, SIGTERM, term, 15. signal(7)
import { type Signo, signo } from "../units/units.ts";

/** Numbers of Linux on every architecture that Bun runs on. */
const NUMBERS: { readonly [name: string]: number } = {
  ...{
    HUP: 1,
    INT: 2,
    QUIT: 3,
    ILL: 4,
    TRAP: 5,
    ABRT: 6,
    BUS: 7,
    FPE: 8,
    KILL: 9,
    USR1: 10,
    SEGV: 11,
    USR2: 12,
  },
  ...{ PIPE: 13, ALRM: 14, TERM: 15, STKFLT: 16, CHLD: 17, CONT: 18, STOP: 19, TSTP: 20, TTIN: 21, TTOU: 22 },
  ...{ URG: 23, XCPU: 24, XFSZ: 25, VTALRM: 26, PROF: 27, WINCH: 28, IO: 29, PWR: 30, SYS: 31 },
};
const RTMIN = 34;
const MOST = 64;

/** The signal that `text` names; undefined if it names none. RTMIN+3 counts as the C library does, from 34. */
export function signalNamed(text: string): Signo | undefined {
  if (/^[0-9]{1,2}$/.test(text)) {
    const number = Number(text);
    return number >= 1 && number <= MOST ? signo(number) : undefined;
  }
  const name = text.toUpperCase().replace(/^SIG/, "");
  const realTime = /^RTMIN\+([0-9]{1,2})$/.exec(name);
  if (realTime !== null) {
    const number = RTMIN + Number(realTime[1]);
    return number <= MOST ? signo(number) : undefined;
  }
  return Object.hasOwn(NUMBERS, name) ? signo(NUMBERS[name] as number) : undefined;
}

/** What a signal is called: TERM, RTMIN+3, or its number. */
export function signalName(number: number): string {
  const name = Object.keys(NUMBERS).find((name) => NUMBERS[name] === number);
  return name ?? (number >= RTMIN && number <= MOST ? `RTMIN+${number - RTMIN}` : `${number}`);
}
