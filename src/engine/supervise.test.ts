import { describe, expect, test } from "bun:test";
import { rowsOf } from "../../tests/support/transitions.ts";
import type { Command } from "../formats/control.ts";
import { type Asks, CLASSIC } from "../formats/service-files.ts";
import type { Want } from "../formats/status.ts";
import { exhaustive, instant, pid, type Signo, signo } from "../units/units.ts";
import type { Fare } from "./restart-policy.ts";
import { deadlineOf, type Effect, type Event, type Now, type State, statusOf } from "./service-state.ts";
import { step } from "./supervise.ts";
import { noThrottle, type Throttle, throttled } from "./throttle.ts";

/** The moment `ms` milliseconds after the last start; stamps count the same milliseconds. */
const at = (ms: number): Now => ({
  at: instant(ms),
  stamp: { seconds: BigInt(Math.floor(ms / 1000)), nanoseconds: (ms % 1000) * 1e6 },
});
const command = (name: Command): Event => ({ on: "command", command: name });
const PID = pid(42);
const NEW = pid(43);
const FINISH = pid(44);
/** A directory that has a file of ours, but no finish; one that has a finish as well; and one whose finish may take for ever. */
const MODERN: Asks = { ...CLASSIC, modern: true };
const FINISHES: Asks = { ...MODERN, finish: true };
/** One whose service leads a group; and one that kills what is left of it. */
const GROUP: Asks = { ...MODERN, group: true };
const DEADLY_GROUP: Asks = { ...GROUP, finish: true, downSignal: signo(1), timeoutKillMs: 2000 };
/** One whose stop is a HUP, and KILL two seconds later. */
const DEADLY: Asks = { ...MODERN, downSignal: signo(1), timeoutKillMs: 2000 };
const PATIENT: Asks = { ...FINISHES, timeoutFinishMs: 0 };
/** One with scripts for commands. */
const CONTROL: Asks = { ...MODERN, control: true, timeoutKillMs: 2000 };
/** Directories that say how a service is started again. */
const BACKOFF: Asks = { ...MODERN, backoff: { firstMs: 2000, mostMs: 8000, stableMs: 2000 } };
const LIMIT: Asks = { ...MODERN, startLimit: { starts: 1, withinMs: 5000, retryMs: 9000 } };
const ONE_TRY: Asks = { ...MODERN, startLimit: { starts: 1, withinMs: 5000, retryMs: undefined } };
const ON_FAILURE: Asks = { ...MODERN, restart: { after: "on-failure", codes: [3], signals: [] } };
const NEVER: Asks = { ...MODERN, restart: { after: "never", codes: [3], signals: [] } };
const QUEUE: Asks = { ...CLASSIC, startsPerSecond: 1 };
const exited = (code: number) => ({ exited: code });

// The whole matrix. A state is a letter, its want, and what else there is to it:
//
//   N.u  not begun, or ended long ago    J.d  ended just now, started at 0
//   T.u  throttled: waits until 1000     B.u  waits until 4000, after three failures
//   S.u  the start has been asked for    U.u  up as pid 42, started at 0      G  gone
//   F.u  the start of finish has been asked for, pid 42 having ended at 0     L.u  finish runs as pid 44 until 4000
//   V.u  finish runs, for as long as it likes    K.d  up, killed at 4000
//   Q.u  up, leader of a group    Y.u  the same, killed at 4000    Z.u  the same, KILL sent
//   E.u  pid 42 ended at 0, how many are left of its group has been asked    M.u  asked again at 400; killed from 4000 on
//   D.u  as M, and has been asked    W.u  asked again at 400, for as long as it takes; T: who is left has been named, M: the status tells of one
//
//   H.u  it ended early three times in a row: waits until 4000    I.u  it was started too often: waits until 4000
//   A.u  its place in the queue has been asked for    R.u  waits in the queue until 4000
//   O.u  up, ended early twice before and started once since 0; ?: somebody had it end
//
// "1" after the want: failed with exit code 100 of run, "2" with 125 of finish, "3" as it was started too often, "4" as its
// restart file says never.
//
// want: u up, d down, o once; then P paused, X exiting. Events come at 500, `due` at the deadline, `later` at 1500.
// A cell is the state after, with its deadline if it waits, and the effects in their order: s spawn, q ask for a place in the queue, P warn of a pause, {...} scripts and signals of a command, a announce,
// W warn that there was no process, f start finish, ? look who is left, N name them, gX signal X to them, Z warn that it takes too long, ! warn that the service failed, l leave; T TERM, C CONT, S STOP, H HUP (h as down-signal), A ALRM, I INT, K KILL. A dot is "nothing
// changes, nothing is done", an exclamation mark "nothing changes, it is reported".
const EVENTS: { readonly [column: string]: [Event, number?, Asks?] } = {
  begin: [{ on: "begin" }],
  "begin owed": [{ on: "begin", owed: true }],
  u: [command("up")],
  "u later": [command("up"), 1500],
  d: [command("down")],
  o: [command("once")],
  x: [command("exit")],
  p: [command("pause")],
  c: [command("continue")],
  h: [command("hup")],
  a: [command("alarm")],
  i: [command("interrupt")],
  t: [command("term")],
  k: [command("kill")],
  spawned: [{ on: "spawned", pid: NEW }],
  "no process": [{ on: "spawn-failed", why: "no-process", jitter: 0 }],
  "no program": [{ on: "spawn-failed", why: "no-program", jitter: 0 }],
  died: [{ on: "died", pid: PID }],
  "died later": [{ on: "died", pid: PID }, 1500],
  "other died": [{ on: "died", pid: NEW }],
  early: [{ on: "timer" }],
  due: [{ on: "timer" }, Number.NaN],
  "d deadly": [command("down"), 500, DEADLY],
  "begin deadly": [{ on: "begin", owed: true }, 500, DEADLY],
  "spawned deadly": [{ on: "spawned", pid: NEW }, 500, DEADLY],
  "spawned group": [{ on: "spawned", pid: NEW, set: "group" }, 500, GROUP],
  "nobody left": [{ on: "looked", run: PID, left: 0 }, 500, GROUP],
  "nobody finish": [{ on: "looked", run: PID, left: 0 }, 500, DEADLY_GROUP],
  "2 left": [{ on: "looked", run: PID, left: 2 }, 500, GROUP],
  "2 deadly": [{ on: "looked", run: PID, left: 2 }, 500, DEADLY_GROUP],
  "2 left later": [{ on: "looked", run: PID, left: 2 }, 5000, GROUP],
  "died 100": [{ on: "died", pid: PID, how: exited(100) }, 1500],
  "100 modern": [{ on: "died", pid: PID, how: exited(100) }, 1500, MODERN],
  "99 modern": [{ on: "died", pid: PID, how: exited(99) }, 1500, MODERN],
  "died finish": [{ on: "died", pid: PID, how: exited(0) }, 1500, FINISHES],
  "100 finish": [{ on: "died", pid: PID, how: exited(100) }, 1500, FINISHES],
  "f spawned": [{ on: "finish-spawned", pid: FINISH }, 500, FINISHES],
  "f patient": [{ on: "finish-spawned", pid: FINISH }, 500, PATIENT],
  "f failed": [{ on: "finish-failed", why: "no-program" }, 500, FINISHES],
  "f ended": [{ on: "finish-ended", pid: FINISH, how: exited(0) }, 500, FINISHES],
  "f ended later": [{ on: "finish-ended", pid: FINISH, how: undefined }, 1500, FINISHES],
  "f 125": [{ on: "finish-ended", pid: FINISH, how: exited(125) }, 500, FINISHES],
  "d control": [command("down"), 500, CONTROL],
  "h control": [command("hup"), 500, CONTROL],
  "p control": [command("pause"), 500, CONTROL],
  "x control": [command("exit"), 500, CONTROL],
  "withheld p": [{ on: "withheld", script: "p" }, 500, CONTROL],
  "withheld t": [{ on: "withheld", script: "t" }, 500, CONTROL],
  "not wanted": [{ on: "spawn-failed", why: "not-wanted", jitter: 0 }, 500, CONTROL],
  stirred: [{ on: "stirred", run: PID }, 500, GROUP],
  "other stirred": [{ on: "stirred", run: NEW }, 500, GROUP],
  "1 watched": [{ on: "looked", run: PID, left: 1, member: NEW, watched: true }, 500, GROUP],
  "1 watched later": [{ on: "looked", run: PID, left: 1, member: NEW, watched: true }, 3000, DEADLY_GROUP],
  "1 watched late": [{ on: "looked", run: PID, left: 1, member: NEW, watched: true }, 5000, GROUP],
  placed: [{ on: "placed", at: instant(500) }, 500, QUEUE],
  "placed later": [{ on: "placed", at: instant(4000) }, 500, QUEUE],
  "due queue": [{ on: "timer" }, Number.NaN, QUEUE],
  "u queue": [command("up"), 1500, QUEUE],
  "died queue": [{ on: "died", pid: PID, how: exited(1) }, 1500, QUEUE],
  "died backoff": [{ on: "died", pid: PID, how: exited(1) }, 1500, BACKOFF],
  "stable backoff": [{ on: "died", pid: PID, how: exited(1) }, 2500, BACKOFF],
  "died limit": [{ on: "died", pid: PID, how: exited(1) }, 1500, LIMIT],
  "stable limit": [{ on: "died", pid: PID, how: exited(1) }, 5500, LIMIT],
  "died last": [{ on: "died", pid: PID, how: exited(1) }, 1500, ONE_TRY],
  "3 on failure": [{ on: "died", pid: PID, how: exited(3) }, 1500, ON_FAILURE],
  "1 on failure": [{ on: "died", pid: PID, how: exited(1) }, 1500, ON_FAILURE],
  "0 never": [{ on: "died", pid: PID, how: exited(0) }, 1500, NEVER],
  "1 never": [{ on: "died", pid: PID, how: exited(1) }, 1500, NEVER],
  "t backoff": [command("term"), 500, BACKOFF],
  "spawned limit": [{ on: "spawned", pid: NEW }, 500, LIMIT],
  "no program backoff": [{ on: "spawn-failed", why: "no-program", jitter: 0 }, 500, BACKOFF],
  "begin ended": [{ on: "begin", ended: { how: undefined } }, 1500, NEVER],
  "begin paused": [{ on: "begin" }, 1500, BACKOFF],
  "other f": [{ on: "finish-ended", pid: NEW, how: exited(0) }, 500, FINISHES],
};
const COMMANDS = `
      | u               | u later         | d               | o               | x                | p             | c            | h           | a           | i           | t           | k
N.u   | S.u s           | S.u s           | N.d a           | S.o s           | G al             | .             | .            | .           | .           | .           | .           | .
N.d   | S.u s           | S.u s           | N.d a           | S.o s           | G al             | .             | .            | .           | .           | .           | .           | .
N.o   | S.u s           | S.u s           | N.d a           | S.o s           | G al             | .             | .            | .           | .           | .           | .           | .
J.u   | T.u@1000 a      | S.u s           | J.d a           | T.o@1000 a      | G al             | .             | .            | .           | .           | .           | .           | .
J.d   | T.u@1000 a      | S.u s           | J.d a           | T.o@1000 a      | G al             | .             | .            | .           | .           | .           | .           | .
J.o   | T.u@1000 a      | S.u s           | J.d a           | T.o@1000 a      | G al             | .             | .            | .           | .           | .           | .           | .
T.u   | T.u@1000 a      | S.u s           | J.d a           | T.o@1000 a      | G al             | .             | .            | .           | .           | .           | .           | .
T.o   | T.u@1000 a      | S.u s           | J.d a           | T.o@1000 a      | T.oX@1000 a      | .             | .            | .           | .           | .           | .           | .
T.uX  | T.uX@1000 a     | S.uX s          | G al            | T.oX@1000 a     | G al             | .             | .            | .           | .           | .           | .           | .
T.oX  | T.uX@1000 a     | S.uX s          | G al            | T.oX@1000 a     | T.oX@1000 a      | .             | .            | .           | .           | .           | .           | .
B.u   | B.u@1000 a      | S.u s           | J.d a           | B.o@1000 a      | G al             | .             | .            | .           | .           | .           | .           | .
B.o   | B.u@1000 a      | S.u s           | J.d a           | B.o@1000 a      | G al             | .             | .            | .           | .           | .           | .           | .
S.u   | S.u a           | S.u a           | S.d a           | S.o a           | S.uX a           | .             | .            | .           | .           | .           | .           | .
S.d   | S.u a           | S.u a           | S.d a           | S.o a           | S.dX a           | .             | .            | .           | .           | .           | .           | .
S.o   | S.u a           | S.u a           | S.d a           | S.o a           | S.oX a           | .             | .            | .           | .           | .           | .           | .
S.uX  | S.uX a          | S.uX a          | S.dX a          | S.oX a          | S.uX a           | .             | .            | .           | .           | .           | .           | .
S.dX  | S.uX a          | S.uX a          | S.dX a          | S.oX a          | S.dX a           | .             | .            | .           | .           | .           | .           | .
S.oX  | S.uX a          | S.uX a          | S.dX a          | S.oX a          | S.oX a           | .             | .            | .           | .           | .           | .           | .
U.u   | U.u a           | U.u a           | U.d TCa         | U.o a           | U.uX a           | U.uP aS       | U.u aC       | U.u H       | U.u A       | U.u I       | U.u T       | U.u K
U.d   | U.u a           | U.u a           | U.d TCa         | U.o a           | U.dX a           | U.dP aS       | U.d aC       | U.d H       | U.d A       | U.d I       | U.d T       | U.d K
U.o   | U.u a           | U.u a           | U.d TCa         | U.o a           | U.oX a           | U.oP aS       | U.o aC       | U.o H       | U.o A       | U.o I       | U.o T       | U.o K
U.uP  | U.uP a          | U.uP a          | U.d TCa         | U.oP a          | U.uPX a          | U.uP aS       | U.u aC       | U.uP H      | U.uP A      | U.uP I      | U.uP T      | U.uP K
U.dP  | U.uP a          | U.uP a          | U.d TCa         | U.oP a          | U.dPX a          | U.dP aS       | U.d aC       | U.dP H      | U.dP A      | U.dP I      | U.dP T      | U.dP K
U.oP  | U.uP a          | U.uP a          | U.d TCa         | U.oP a          | U.oPX a          | U.oP aS       | U.o aC       | U.oP H      | U.oP A      | U.oP I      | U.oP T      | U.oP K
U.uX  | U.uX a          | U.uX a          | U.dX TCa        | U.oX a          | U.uX a           | U.uPX aS      | U.uX aC      | U.uX H      | U.uX A      | U.uX I      | U.uX T      | U.uX K
U.dX  | U.uX a          | U.uX a          | U.dX TCa        | U.oX a          | U.dX a           | U.dPX aS      | U.dX aC      | U.dX H      | U.dX A      | U.dX I      | U.dX T      | U.dX K
U.oX  | U.uX a          | U.uX a          | U.dX TCa        | U.oX a          | U.oX a           | U.oPX aS      | U.oX aC      | U.oX H      | U.oX A      | U.oX I      | U.oX T      | U.oX K
U.uPX | U.uPX a         | U.uPX a         | U.dX TCa        | U.oPX a         | U.uPX a          | U.uPX aS      | U.uX aC      | U.uPX H     | U.uPX A     | U.uPX I     | U.uPX T     | U.uPX K
U.dPX | U.uPX a         | U.uPX a         | U.dX TCa        | U.oPX a         | U.dPX a          | U.dPX aS      | U.dX aC      | U.dPX H     | U.dPX A     | U.dPX I     | U.dPX T     | U.dPX K
U.oPX | U.uPX a         | U.uPX a         | U.dX TCa        | U.oPX a         | U.oPX a          | U.oPX aS      | U.oX aC      | U.oPX H     | U.oPX A     | U.oPX I     | U.oPX T     | U.oPX K
J.d1  | T.u@1000 a      | S.u s           | J.d a           | T.o@1000 a      | G al             | .             | .            | .           | .           | .           | .           | .
J.d2  | T.u@1000 a      | S.u s           | J.d a           | T.o@1000 a      | G al             | .             | .            | .           | .           | .           | .           | .
F.u   | F.u a           | F.u a           | F.d a           | F.o a           | F.uX a           | .             | .            | .           | .           | .           | .           | .
F.d   | F.u a           | F.u a           | F.d a           | F.o a           | F.dX a           | .             | .            | .           | .           | .           | .           | .
F.o   | F.u a           | F.u a           | F.d a           | F.o a           | F.oX a           | .             | .            | .           | .           | .           | .           | .
F.u1  | F.u a           | F.u a           | F.d a           | F.o a           | F.u1X a          | .             | .            | .           | .           | .           | .           | .
F.uX  | F.uX a          | F.uX a          | F.dX a          | F.oX a          | F.uX a           | .             | .            | .           | .           | .           | .           | .
F.dX  | F.uX a          | F.uX a          | F.dX a          | F.oX a          | F.dX a           | .             | .            | .           | .           | .           | .           | .
F.oX  | F.uX a          | F.uX a          | F.dX a          | F.oX a          | F.oX a           | .             | .            | .           | .           | .           | .           | .
L.u   | L.u@4000 a      | L.u@4000 a      | L.d@4000 a      | L.o@4000 a      | L.uX@4000 a      | .             | .            | .           | .           | .           | .           | L.u@4000 K
L.d   | L.u@4000 a      | L.u@4000 a      | L.d@4000 a      | L.o@4000 a      | L.dX@4000 a      | .             | .            | .           | .           | .           | .           | L.d@4000 K
L.o   | L.u@4000 a      | L.u@4000 a      | L.d@4000 a      | L.o@4000 a      | L.oX@4000 a      | .             | .            | .           | .           | .           | .           | L.o@4000 K
L.u1  | L.u@4000 a      | L.u@4000 a      | L.d@4000 a      | L.o@4000 a      | L.u1X@4000 a     | .             | .            | .           | .           | .           | .           | L.u1@4000 K
L.uX  | L.uX@4000 a     | L.uX@4000 a     | L.dX@4000 a     | L.oX@4000 a     | L.uX@4000 a      | .             | .            | .           | .           | .           | .           | L.uX@4000 K
L.dX  | L.uX@4000 a     | L.uX@4000 a     | L.dX@4000 a     | L.oX@4000 a     | L.dX@4000 a      | .             | .            | .           | .           | .           | .           | L.dX@4000 K
L.oX  | L.uX@4000 a     | L.uX@4000 a     | L.dX@4000 a     | L.oX@4000 a     | L.oX@4000 a      | .             | .            | .           | .           | .           | .           | L.oX@4000 K
V.u   | V.u a           | V.u a           | V.d a           | V.o a           | V.uX a           | .             | .            | .           | .           | .           | .           | V.u K
V.uX  | V.uX a          | V.uX a          | V.dX a          | V.oX a          | V.uX a           | .             | .            | .           | .           | .           | .           | V.uX K
K.u   | K.u@4000 a      | K.u@4000 a      | K.d@4000 TCa    | K.o@4000 a      | K.uX@4000 a      | K.uP@4000 aS  | K.u@4000 aC  | K.u@4000 H  | K.u@4000 A  | K.u@4000 I  | K.u@4000 T  | K.u@4000 K
K.d   | K.u@4000 a      | K.u@4000 a      | K.d@4000 TCa    | K.o@4000 a      | K.dX@4000 a      | K.dP@4000 aS  | K.d@4000 aC  | K.d@4000 H  | K.d@4000 A  | K.d@4000 I  | K.d@4000 T  | K.d@4000 K
K.dP  | K.uP@4000 a     | K.uP@4000 a     | K.d@4000 TCa    | K.oP@4000 a     | K.dPX@4000 a     | K.dP@4000 aS  | K.d@4000 aC  | K.dP@4000 H | K.dP@4000 A | K.dP@4000 I | K.dP@4000 T | K.dP@4000 K
K.dX  | K.uX@4000 a     | K.uX@4000 a     | K.dX@4000 TCa   | K.oX@4000 a     | K.dX@4000 a      | K.dPX@4000 aS | K.dX@4000 aC | K.dX@4000 H | K.dX@4000 A | K.dX@4000 I | K.dX@4000 T | K.dX@4000 K
Q.u   | Q.u a           | Q.u a           | Q.d TCa         | Q.o a           | Q.uX a           | Q.uP aS       | Q.u aC       | Q.u H       | Q.u A       | Q.u I       | Q.u T       | Q.u K
Q.d   | Q.u a           | Q.u a           | Q.d TCa         | Q.o a           | Q.dX a           | Q.dP aS       | Q.d aC       | Q.d H       | Q.d A       | Q.d I       | Q.d T       | Q.d K
Q.dP  | Q.uP a          | Q.uP a          | Q.d TCa         | Q.oP a          | Q.dPX a          | Q.dP aS       | Q.d aC       | Q.dP H      | Q.dP A      | Q.dP I      | Q.dP T      | Q.dP K
Q.uX  | Q.uX a          | Q.uX a          | Q.dX TCa        | Q.oX a          | Q.uX a           | Q.uPX aS      | Q.uX aC      | Q.uX H      | Q.uX A      | Q.uX I      | Q.uX T      | Q.uX K
Y.d   | Y.u@4000 a      | Y.u@4000 a      | Y.d@4000 TCa    | Y.o@4000 a      | Y.dX@4000 a      | Y.dP@4000 aS  | Y.d@4000 aC  | Y.d@4000 H  | Y.d@4000 A  | Y.d@4000 I  | Y.d@4000 T  | Y.d@4000 K
Y.u   | Y.u@4000 a      | Y.u@4000 a      | Y.d@4000 TCa    | Y.o@4000 a      | Y.uX@4000 a      | Y.uP@4000 aS  | Y.u@4000 aC  | Y.u@4000 H  | Y.u@4000 A  | Y.u@4000 I  | Y.u@4000 T  | Y.u@4000 K
Z.d   | Z.u a           | Z.u a           | Z.d TCa         | Z.o a           | Z.dX a           | Z.dP aS       | Z.d aC       | Z.d H       | Z.d A       | Z.d I       | Z.d T       | Z.d K
Z.dX  | Z.uX a          | Z.uX a          | Z.dX TCa        | Z.oX a          | Z.dX a           | Z.dPX aS      | Z.dX aC      | Z.dX H      | Z.dX A      | Z.dX I      | Z.dX T      | Z.dX K
E.u   | E.u a           | E.u a           | E.d a           | E.o a           | E.uX a           | .             | .            | .           | .           | .           | .           | E.u gK
E.d   | E.u a           | E.u a           | E.d a           | E.o a           | E.dX a           | .             | .            | .           | .           | .           | .           | E.d gK
E.o   | E.u a           | E.u a           | E.d a           | E.o a           | E.oX a           | .             | .            | .           | .           | .           | .           | E.o gK
E.u1  | E.u a           | E.u a           | E.d a           | E.o a           | E.u1X a          | .             | .            | .           | .           | .           | .           | E.u1 gK
E.uX  | E.uX a          | E.uX a          | E.dX a          | E.oX a          | E.uX a           | .             | .            | .           | .           | .           | .           | E.uX gK
D.d   | D.u/4000 a      | D.u/4000 a      | D.d/4000 a      | D.o/4000 a      | D.dX/4000 a      | .             | .            | .           | .           | .           | .           | D.d/4000 gK
M.u   | M.u@400/4000 a  | M.u@400/4000 a  | M.d@400/4000 a  | M.o@400/4000 a  | M.uX@400/4000 a  | .             | .            | .           | .           | .           | .           | M.u@400/4000 gK
M.d   | M.u@400/4000 a  | M.u@400/4000 a  | M.d@400/4000 a  | M.o@400/4000 a  | M.dX@400/4000 a  | .             | .            | .           | .           | .           | .           | M.d@400/4000 gK
M.o   | M.u@400/4000 a  | M.u@400/4000 a  | M.d@400/4000 a  | M.o@400/4000 a  | M.oX@400/4000 a  | .             | .            | .           | .           | .           | .           | M.o@400/4000 gK
M.u1  | M.u@400/4000 a  | M.u@400/4000 a  | M.d@400/4000 a  | M.o@400/4000 a  | M.u1X@400/4000 a | .             | .            | .           | .           | .           | .           | M.u1@400/4000 gK
M.uX  | M.uX@400/4000 a | M.uX@400/4000 a | M.dX@400/4000 a | M.oX@400/4000 a | M.uX@400/4000 a  | .             | .            | .           | .           | .           | .           | M.uX@400/4000 gK
M.dX  | M.uX@400/4000 a | M.uX@400/4000 a | M.dX@400/4000 a | M.oX@400/4000 a | M.dX@400/4000 a  | .             | .            | .           | .           | .           | .           | M.dX@400/4000 gK
W.u   | W.u@400 a       | W.u@400 a       | W.d@400 a       | W.o@400 a       | W.uX@400 a       | .             | .            | .           | .           | .           | .           | W.u@400 gK
W.uT  | W.uT@400 a      | W.uT@400 a      | W.dT@400 a      | W.oT@400 a      | W.uXT@400 a      | .             | .            | .           | .           | .           | .           | W.uT@400 gK
W.dX  | W.uX@400 a      | W.uX@400 a      | W.dX@400 a      | W.oX@400 a      | W.dX@400 a       | .             | .            | .           | .           | .           | .           | W.dX@400 gK
H.u   | T.u@1000 a      | S.u s           | J.d a           | T.o@1000 a      | G al             | .             | .            | .           | .           | .           | .           | .
H.o   | T.u@1000 a      | S.u s           | J.d a           | T.o@1000 a      | H.oX@4000 a      | .             | .            | .           | .           | .           | .           | .
H.uX  | T.uX@1000 a     | S.uX s          | G al            | T.oX@1000 a     | G al             | .             | .            | .           | .           | .           | .           | .
I.u   | T.u@1000 a      | S.u s           | J.d a           | T.o@1000 a      | G al             | .             | .            | .           | .           | .           | .           | .
A.u   | T.u@1000 a      | S.u s           | J.d a           | T.o@1000 a      | G al             | .             | .            | .           | .           | .           | .           | .
A.oX  | T.uX@1000 a     | S.uX s          | G al            | T.oX@1000 a     | A.oX a           | .             | .            | .           | .           | .           | .           | .
R.u   | T.u@1000 a      | S.u s           | J.d a           | T.o@1000 a      | G al             | .             | .            | .           | .           | .           | .           | .
R.o   | T.u@1000 a      | S.u s           | J.d a           | T.o@1000 a      | R.oX@4000 a      | .             | .            | .           | .           | .           | .           | .
O.u   | U.u a           | U.u a           | U.d TCa         | U.o a           | O.uX2 a          | O.uP2 aS      | O.u2 aC      | O.u2 H      | O.u2 A      | O.u2 I      | O.u2 T      | O.u2 K
O.d   | U.u a           | U.u a           | U.d TCa         | U.o a           | O.dX2 a          | O.dP2 aS      | O.d2 aC      | O.d2 H      | O.d2 A      | O.d2 I      | O.d2 T      | O.d2 K
J.u3  | T.u@1000 a      | S.u s           | J.d a           | T.o@1000 a      | G al             | .             | .            | .           | .           | .           | .           | .
J.d4  | T.u@1000 a      | S.u s           | J.d a           | T.o@1000 a      | G al             | .             | .            | .           | .           | .           | .           | .
A.uX  | T.uX@1000 a     | S.uX s          | G al            | T.oX@1000 a     | G al             | .             | .            | .           | .           | .           | .           | .
G     | !               | !               | !               | !               | !                | !             | !            | !           | !           | !           | !           | !
`;
const OTHERS = `
      | begin            | begin owed       | spawned  | no process  | no program | died        | died later   | other died | early       | due
N.u   | S.u s            | S.u s            | !        | !           | !          | !           | !            | !          | .           | .
N.d   | N.d a            | N.d a            | !        | !           | !          | !           | !            | !          | .           | .
N.o   | N.o a            | N.o a            | !        | !           | !          | !           | !            | !          | .           | .
J.u   | T.u@1000 a       | T.u@1000 a       | !        | !           | !          | !           | !            | !          | .           | .
J.d   | J.d a            | J.d a            | !        | !           | !          | !           | !            | !          | .           | .
J.o   | J.o a            | J.o a            | !        | !           | !          | !           | !            | !          | .           | .
T.u   | !                | !                | !        | !           | !          | !           | !            | !          | .           | S.u s
T.o   | !                | !                | !        | !           | !          | !           | !            | !          | .           | S.o s
T.uX  | !                | !                | !        | !           | !          | !           | !            | !          | .           | S.uX s
T.oX  | !                | !                | !        | !           | !          | !           | !            | !          | .           | S.oX s
B.u   | !                | !                | !        | !           | !          | !           | !            | !          | .           | S.u s
B.o   | !                | !                | !        | !           | !          | !           | !            | !          | .           | S.o s
S.u   | !                | !                | U.u a    | B.u@1500 aW | T.u@1500 a | !           | !            | !          | .           | .
S.d   | !                | !                | U.d TCa  | J.d a       | J.d a      | !           | !            | !          | .           | .
S.o   | !                | !                | U.o a    | B.o@1500 aW | J.o a      | !           | !            | !          | .           | .
S.uX  | !                | !                | U.uX a   | G al        | G al       | !           | !            | !          | .           | .
S.dX  | !                | !                | U.dX TCa | G al        | G al       | !           | !            | !          | .           | .
S.oX  | !                | !                | U.oX a   | G al        | G al       | !           | !            | !          | .           | .
U.u   | U.u a            | U.u aC           | !        | !           | !          | T.u@1000 a  | S.u s        | !          | .           | .
U.d   | U.d a            | U.d TCa          | !        | !           | !          | J.d a       | J.d a        | !          | .           | .
U.o   | U.o a            | U.o aC           | !        | !           | !          | J.o a       | J.o a        | !          | .           | .
U.uP  | U.uP a           | U.uP aS          | !        | !           | !          | T.u@1000 a  | S.u s        | !          | .           | .
U.dP  | U.dP a           | U.d TCa          | !        | !           | !          | J.d a       | J.d a        | !          | .           | .
U.oP  | U.oP a           | U.oP aS          | !        | !           | !          | J.o a       | J.o a        | !          | .           | .
U.uX  | U.uX a           | U.uX aC          | !        | !           | !          | G al        | G al         | !          | .           | .
U.dX  | U.dX a           | U.dX TCa         | !        | !           | !          | G al        | G al         | !          | .           | .
U.oX  | U.oX a           | U.oX aC          | !        | !           | !          | G al        | G al         | !          | .           | .
U.uPX | U.uPX a          | U.uPX aS         | !        | !           | !          | G al        | G al         | !          | .           | .
U.dPX | U.dPX a          | U.dX TCa         | !        | !           | !          | G al        | G al         | !          | .           | .
U.oPX | U.oPX a          | U.oPX aS         | !        | !           | !          | G al        | G al         | !          | .           | .
J.d1  | J.d1 a           | J.d1 a           | !        | !           | !          | !           | !            | !          | .           | .
J.d2  | J.d2 a           | J.d2 a           | !        | !           | !          | !           | !            | !          | .           | .
F.u   | F.u af           | F.u af           | !        | !           | !          | !           | !            | !          | .           | .
F.d   | F.d af           | F.d af           | !        | !           | !          | !           | !            | !          | .           | .
F.o   | F.o af           | F.o af           | !        | !           | !          | !           | !            | !          | .           | .
F.u1  | F.u1 af          | F.u1 af          | !        | !           | !          | !           | !            | !          | .           | .
F.uX  | F.uX af          | F.uX af          | !        | !           | !          | !           | !            | !          | .           | .
F.dX  | F.dX af          | F.dX af          | !        | !           | !          | !           | !            | !          | .           | .
F.oX  | F.oX af          | F.oX af          | !        | !           | !          | !           | !            | !          | .           | .
L.u   | L.u@4000 a       | L.u@4000 a       | !        | !           | !          | !           | !            | !          | .           | V.u ZK
L.d   | L.d@4000 a       | L.d@4000 a       | !        | !           | !          | !           | !            | !          | .           | V.d ZK
L.o   | L.o@4000 a       | L.o@4000 a       | !        | !           | !          | !           | !            | !          | .           | V.o ZK
L.u1  | L.u1@4000 a      | L.u1@4000 a      | !        | !           | !          | !           | !            | !          | .           | V.u1 ZK
L.uX  | L.uX@4000 a      | L.uX@4000 a      | !        | !           | !          | !           | !            | !          | .           | V.uX ZK
L.dX  | L.dX@4000 a      | L.dX@4000 a      | !        | !           | !          | !           | !            | !          | .           | V.dX ZK
L.oX  | L.oX@4000 a      | L.oX@4000 a      | !        | !           | !          | !           | !            | !          | .           | V.oX ZK
V.u   | V.u a            | V.u a            | !        | !           | !          | !           | !            | !          | .           | .
V.uX  | V.uX a           | V.uX a           | !        | !           | !          | !           | !            | !          | .           | .
K.u   | K.u@4000 a       | K.u@4000 aC      | !        | !           | !          | T.u@1000 a  | S.u s        | !          | .           | U.u K
K.d   | K.d@4000 a       | K.d@4000 TCa     | !        | !           | !          | J.d a       | J.d a        | !          | .           | U.d K
K.dP  | K.dP@4000 a      | K.d@4000 TCa     | !        | !           | !          | J.d a       | J.d a        | !          | .           | U.dP K
K.dX  | K.dX@4000 a      | K.dX@4000 TCa    | !        | !           | !          | G al        | G al         | !          | .           | U.dX K
Q.u   | Q.u a            | Q.u aC           | !        | !           | !          | E.u a?      | E.u a?       | !          | .           | .
Q.d   | Q.d a            | Q.d TCa          | !        | !           | !          | E.d a?      | E.d a?       | !          | .           | .
Q.dP  | Q.dP a           | Q.d TCa          | !        | !           | !          | E.d a?      | E.d a?       | !          | .           | .
Q.uX  | Q.uX a           | Q.uX aC          | !        | !           | !          | E.uX a?     | E.uX a?      | !          | .           | .
Y.d   | Y.d@4000 a       | Y.d@4000 TCa     | !        | !           | !          | E.d/4000 a? | E.d/4000 a?  | !          | .           | Z.d K
Y.u   | Y.u@4000 a       | Y.u@4000 aC      | !        | !           | !          | E.u/4000 a? | E.u/4000 a?  | !          | .           | Z.u K
Z.d   | Z.d a            | Z.d TCa          | !        | !           | !          | E.d/500 a?  | E.d/1500 a?  | !          | .           | .
Z.dX  | Z.dX a           | Z.dX TCa         | !        | !           | !          | E.dX/500 a? | E.dX/1500 a? | !          | .           | .
E.u   | E.u a?           | E.u a?           | !        | !           | !          | !           | !            | !          | .           | .
E.d   | E.d a?           | E.d a?           | !        | !           | !          | !           | !            | !          | .           | .
E.o   | E.o a?           | E.o a?           | !        | !           | !          | !           | !            | !          | .           | .
E.u1  | E.u1 a?          | E.u1 a?          | !        | !           | !          | !           | !            | !          | .           | .
E.uX  | E.uX a?          | E.uX a?          | !        | !           | !          | !           | !            | !          | .           | .
D.d   | D.d/4000 a?      | D.d/4000 a?      | !        | !           | !          | !           | !            | !          | .           | .
M.u   | M.u@400/4000 a?  | M.u@400/4000 a?  | !        | !           | !          | !           | !            | !          | D.u/4000 ?  | D.u/4000 ?
M.d   | M.d@400/4000 a?  | M.d@400/4000 a?  | !        | !           | !          | !           | !            | !          | D.d/4000 ?  | D.d/4000 ?
M.o   | M.o@400/4000 a?  | M.o@400/4000 a?  | !        | !           | !          | !           | !            | !          | D.o/4000 ?  | D.o/4000 ?
M.u1  | M.u1@400/4000 a? | M.u1@400/4000 a? | !        | !           | !          | !           | !            | !          | D.u1/4000 ? | D.u1/4000 ?
M.uX  | M.uX@400/4000 a? | M.uX@400/4000 a? | !        | !           | !          | !           | !            | !          | D.uX/4000 ? | D.uX/4000 ?
M.dX  | M.dX@400/4000 a? | M.dX@400/4000 a? | !        | !           | !          | !           | !            | !          | D.dX/4000 ? | D.dX/4000 ?
W.u   | W.u@400 a?       | W.u@400 a?       | !        | !           | !          | !           | !            | !          | D.u ?       | D.u ?
W.uT  | W.uT@400 a?      | W.uT@400 a?      | !        | !           | !          | !           | !            | !          | D.uT ?      | D.uT ?
W.dX  | W.dX@400 a?      | W.dX@400 a?      | !        | !           | !          | !           | !            | !          | D.dX ?      | D.dX ?
H.u   | !                | !                | !        | !           | !          | !           | !            | !          | .           | S.u s
H.o   | !                | !                | !        | !           | !          | !           | !            | !          | .           | S.o s
H.uX  | !                | !                | !        | !           | !          | !           | !            | !          | .           | S.uX s
I.u   | !                | !                | !        | !           | !          | !           | !            | !          | .           | S.u s
A.u   | !                | !                | !        | !           | !          | !           | !            | !          | .           | .
A.oX  | !                | !                | !        | !           | !          | !           | !            | !          | .           | .
R.u   | !                | !                | !        | !           | !          | !           | !            | !          | .           | S.u s
R.o   | !                | !                | !        | !           | !          | !           | !            | !          | .           | S.o s
O.u   | O.u2 a           | O.u2 aC          | !        | !           | !          | T.u@1000 a  | S.u s        | !          | .           | .
O.d   | O.d2 a           | O.d2 TCa         | !        | !           | !          | J.d a       | J.d a        | !          | .           | .
J.u3  | T.u@1000 a       | T.u@1000 a       | !        | !           | !          | !           | !            | !          | .           | .
J.d4  | J.d a            | J.d a            | !        | !           | !          | !           | !            | !          | .           | .
A.uX  | !                | !                | !        | !           | !          | !           | !            | !          | .           | .
G     | !                | !                | !        | !           | !          | !           | !            | !          | !           | !
`;
const FINISHING = `
      | d deadly        | begin deadly     | spawned deadly | spawned group | nobody left | nobody finish | 2 left        | 2 deadly           | 2 left later       | died 100     | 100 modern    | 99 modern    | died finish  | 100 finish    | f spawned | f patient | f failed   | f ended    | f ended later | f 125   | other f
N.u   | N.d a           | S.u s            | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
N.d   | N.d a           | N.d a            | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
N.o   | N.d a           | N.o a            | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
J.u   | J.d a           | T.u@1000 a       | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
J.d   | J.d a           | J.d a            | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
J.o   | J.d a           | J.o a            | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
T.u   | J.d a           | !                | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
T.o   | J.d a           | !                | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
T.uX  | G al            | !                | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
T.oX  | G al            | !                | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
B.u   | J.d a           | !                | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
B.o   | J.d a           | !                | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
S.u   | S.d a           | !                | U.u a          | Q.u a         | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
S.d   | S.d a           | !                | K.d@2500 hCa   | Q.d TCa       | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
S.o   | S.d a           | !                | U.o a          | Q.o a         | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
S.uX  | S.dX a          | !                | U.uX a         | Q.uX a        | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
S.dX  | S.dX a          | !                | K.dX@2500 hCa  | Q.dX TCa      | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
S.oX  | S.dX a          | !                | U.oX a         | Q.oX a        | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
U.u   | K.d@2500 hCa    | U.u aC           | !              | !             | !           | !             | !             | !                  | !                  | S.u s        | J.d1 a!       | S.u s        | F.u af       | F.u1 af       | !         | !         | !          | !          | !             | !       | !
U.d   | K.d@2500 hCa    | K.d@2500 hCa     | !              | !             | !           | !             | !             | !                  | !                  | J.d a        | J.d a         | J.d a        | F.d af       | F.d1 af       | !         | !         | !          | !          | !             | !       | !
U.o   | K.d@2500 hCa    | U.o aC           | !              | !             | !           | !             | !             | !                  | !                  | J.o a        | J.o a         | J.o a        | F.o af       | F.o1 af       | !         | !         | !          | !          | !             | !       | !
U.uP  | K.d@2500 hCa    | U.uP aS          | !              | !             | !           | !             | !             | !                  | !                  | S.u s        | J.d1 a!       | S.u s        | F.u af       | F.u1 af       | !         | !         | !          | !          | !             | !       | !
U.dP  | K.d@2500 hCa    | K.d@2500 hCa     | !              | !             | !           | !             | !             | !                  | !                  | J.d a        | J.d a         | J.d a        | F.d af       | F.d1 af       | !         | !         | !          | !          | !             | !       | !
U.oP  | K.d@2500 hCa    | U.oP aS          | !              | !             | !           | !             | !             | !                  | !                  | J.o a        | J.o a         | J.o a        | F.o af       | F.o1 af       | !         | !         | !          | !          | !             | !       | !
U.uX  | K.dX@2500 hCa   | U.uX aC          | !              | !             | !           | !             | !             | !                  | !                  | G al         | G al          | G al         | F.uX af      | F.u1X af      | !         | !         | !          | !          | !             | !       | !
U.dX  | K.dX@2500 hCa   | K.dX@2500 hCa    | !              | !             | !           | !             | !             | !                  | !                  | G al         | G al          | G al         | F.dX af      | F.d1X af      | !         | !         | !          | !          | !             | !       | !
U.oX  | K.dX@2500 hCa   | U.oX aC          | !              | !             | !           | !             | !             | !                  | !                  | G al         | G al          | G al         | F.oX af      | F.o1X af      | !         | !         | !          | !          | !             | !       | !
U.uPX | K.dX@2500 hCa   | U.uPX aS         | !              | !             | !           | !             | !             | !                  | !                  | G al         | G al          | G al         | F.uX af      | F.u1X af      | !         | !         | !          | !          | !             | !       | !
U.dPX | K.dX@2500 hCa   | K.dX@2500 hCa    | !              | !             | !           | !             | !             | !                  | !                  | G al         | G al          | G al         | F.dX af      | F.d1X af      | !         | !         | !          | !          | !             | !       | !
U.oPX | K.dX@2500 hCa   | U.oPX aS         | !              | !             | !           | !             | !             | !                  | !                  | G al         | G al          | G al         | F.oX af      | F.o1X af      | !         | !         | !          | !          | !             | !       | !
J.d1  | J.d a           | J.d1 a           | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
J.d2  | J.d a           | J.d2 a           | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
F.u   | F.d a           | F.u af           | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | L.u@5500  | V.u       | T.u@1000 a | !          | !             | !       | !
F.d   | F.d a           | F.d af           | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | L.d@5500  | V.d       | J.d a      | !          | !             | !       | !
F.o   | F.d a           | F.o af           | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | L.o@5500  | V.o       | J.o a      | !          | !             | !       | !
F.u1  | F.d a           | F.u1 af          | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | L.u1@5500 | V.u1      | J.d1 a!    | !          | !             | !       | !
F.uX  | F.dX a          | F.uX af          | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | L.uX@5500 | V.uX      | G al       | !          | !             | !       | !
F.dX  | F.dX a          | F.dX af          | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | L.dX@5500 | V.dX      | G al       | !          | !             | !       | !
F.oX  | F.dX a          | F.oX af          | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | L.oX@5500 | V.oX      | G al       | !          | !             | !       | !
L.u   | L.d@4000 a      | L.u@4000 a       | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | T.u@1000 a | S.u s         | J.d2 a! | !
L.d   | L.d@4000 a      | L.d@4000 a       | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | J.d a      | J.d a         | J.d a   | !
L.o   | L.d@4000 a      | L.o@4000 a       | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | J.o a      | J.o a         | J.o a   | !
L.u1  | L.d@4000 a      | L.u1@4000 a      | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | J.d1 a!    | J.d1 a!       | J.d2 a! | !
L.uX  | L.dX@4000 a     | L.uX@4000 a      | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | G al       | G al          | G al    | !
L.dX  | L.dX@4000 a     | L.dX@4000 a      | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | G al       | G al          | G al    | !
L.oX  | L.dX@4000 a     | L.oX@4000 a      | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | G al       | G al          | G al    | !
V.u   | V.d a           | V.u a            | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | T.u@1000 a | S.u s         | J.d2 a! | !
V.uX  | V.dX a          | V.uX a           | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | G al       | G al          | G al    | !
K.u   | K.d@4000 hCa    | K.u@4000 aC      | !              | !             | !           | !             | !             | !                  | !                  | S.u s        | J.d1 a!       | S.u s        | F.u af       | F.u1 af       | !         | !         | !          | !          | !             | !       | !
K.d   | K.d@4000 hCa    | K.d@4000 hCa     | !              | !             | !           | !             | !             | !                  | !                  | J.d a        | J.d a         | J.d a        | F.d af       | F.d1 af       | !         | !         | !          | !          | !             | !       | !
K.dP  | K.d@4000 hCa    | K.d@4000 hCa     | !              | !             | !           | !             | !             | !                  | !                  | J.d a        | J.d a         | J.d a        | F.d af       | F.d1 af       | !         | !         | !          | !          | !             | !       | !
K.dX  | K.dX@4000 hCa   | K.dX@4000 hCa    | !              | !             | !           | !             | !             | !                  | !                  | G al         | G al          | G al         | F.dX af      | F.d1X af      | !         | !         | !          | !          | !             | !       | !
Q.u   | Y.d@2500 hCa    | Q.u aC           | !              | !             | !           | !             | !             | !                  | !                  | E.u a?       | E.u1 a?       | E.u a?       | E.u a?       | E.u1 a?       | !         | !         | !          | !          | !             | !       | !
Q.d   | Y.d@2500 hCa    | Y.d@2500 hCa     | !              | !             | !           | !             | !             | !                  | !                  | E.d a?       | E.d1 a?       | E.d a?       | E.d a?       | E.d1 a?       | !         | !         | !          | !          | !             | !       | !
Q.dP  | Y.d@2500 hCa    | Y.d@2500 hCa     | !              | !             | !           | !             | !             | !                  | !                  | E.d a?       | E.d1 a?       | E.d a?       | E.d a?       | E.d1 a?       | !         | !         | !          | !          | !             | !       | !
Q.uX  | Y.dX@2500 hCa   | Q.uX aC          | !              | !             | !           | !             | !             | !                  | !                  | E.uX a?      | E.u1X a?      | E.uX a?      | E.uX a?      | E.u1X a?      | !         | !         | !          | !          | !             | !       | !
Y.d   | Y.d@4000 hCa    | Y.d@4000 hCa     | !              | !             | !           | !             | !             | !                  | !                  | E.d/4000 a?  | E.d1/4000 a?  | E.d/4000 a?  | E.d/4000 a?  | E.d1/4000 a?  | !         | !         | !          | !          | !             | !       | !
Y.u   | Y.d@4000 hCa    | Y.u@4000 aC      | !              | !             | !           | !             | !             | !                  | !                  | E.u/4000 a?  | E.u1/4000 a?  | E.u/4000 a?  | E.u/4000 a?  | E.u1/4000 a?  | !         | !         | !          | !          | !             | !       | !
Z.d   | Z.d hCa         | Z.d hCa          | !              | !             | !           | !             | !             | !                  | !                  | E.d/1500 a?  | E.d1/1500 a?  | E.d/1500 a?  | E.d/1500 a?  | E.d1/1500 a?  | !         | !         | !          | !          | !             | !       | !
Z.dX  | Z.dX hCa        | Z.dX hCa         | !              | !             | !           | !             | !             | !                  | !                  | E.dX/1500 a? | E.d1X/1500 a? | E.dX/1500 a? | E.dX/1500 a? | E.d1X/1500 a? | !         | !         | !          | !          | !             | !       | !
E.u   | E.d a           | E.u a?           | !              | !             | T.u@1000 a  | F.u af        | W.u@510 gTgC  | M.u@510/2500 ghgC  | W.uT@5010 gTgCN    | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
E.d   | E.d a           | E.d a?           | !              | !             | J.d a       | F.d af        | W.d@510 gTgC  | M.d@510/2500 ghgC  | W.dT@5010 gTgCN    | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
E.o   | E.d a           | E.o a?           | !              | !             | J.o a       | F.o af        | W.o@510 gTgC  | M.o@510/2500 ghgC  | W.oT@5010 gTgCN    | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
E.u1  | E.d a           | E.u1 a?          | !              | !             | J.d1 a!     | F.u1 af       | W.u1@510 gTgC | M.u1@510/2500 ghgC | W.u1T@5010 gTgCN   | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
E.uX  | E.dX a          | E.uX a?          | !              | !             | G al        | F.uX af       | W.uX@510 gTgC | M.uX@510/2500 ghgC | W.uXT@5010 gTgCN   | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
D.d   | D.d/4000 a      | D.d/4000 a?      | !              | !             | J.d a       | F.d af        | M.d@1500/4000 | M.d@1500/4000      | M.dT@6000/4000 gKN | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
M.u   | M.d@400/4000 a  | M.u@400/4000 a?  | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
M.d   | M.d@400/4000 a  | M.d@400/4000 a?  | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
M.o   | M.d@400/4000 a  | M.o@400/4000 a?  | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
M.u1  | M.d@400/4000 a  | M.u1@400/4000 a? | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
M.uX  | M.dX@400/4000 a | M.uX@400/4000 a? | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
M.dX  | M.dX@400/4000 a | M.dX@400/4000 a? | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
W.u   | W.d@400 a       | W.u@400 a?       | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
W.uT  | W.dT@400 a      | W.uT@400 a?      | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
W.dX  | W.dX@400 a      | W.dX@400 a?      | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
H.u   | J.d a           | !                | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
H.o   | J.d a           | !                | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
H.uX  | G al            | !                | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
I.u   | J.d a           | !                | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
A.u   | J.d a           | !                | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
A.oX  | G al            | !                | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
R.u   | J.d a           | !                | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
R.o   | J.d a           | !                | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
O.u   | K.d@2500 hCa    | O.u2 aC          | !              | !             | !           | !             | !             | !                  | !                  | S.u s        | J.d1 a!       | S.u s        | F.u af       | F.u1 af       | !         | !         | !          | !          | !             | !       | !
O.d   | K.d@2500 hCa    | O.d2 hCa         | !              | !             | !           | !             | !             | !                  | !                  | J.d a        | J.d a         | J.d a        | F.d af       | F.d1 af       | !         | !         | !          | !          | !             | !       | !
J.u3  | J.d a           | T.u@1000 a       | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
J.d4  | J.d a           | J.d a            | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
A.uX  | G al            | !                | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
G     | !               | !                | !              | !             | !           | !             | !             | !                  | !                  | !            | !             | !            | !            | !             | !         | !         | !          | !          | !             | !       | !
`;

const SCRIPTS = `
      | d control           | h control      | p control        | x control        | withheld p | withheld t | not wanted
N.u   | N.d a               | .              | .                | G al             | .          | .          | !
N.d   | N.d a               | .              | .                | G al             | .          | .          | !
N.o   | N.d a               | .              | .                | G al             | .          | .          | !
J.u   | J.d a               | .              | .                | G al             | .          | .          | !
J.d   | J.d a               | .              | .                | G al             | .          | .          | !
J.o   | J.d a               | .              | .                | G al             | .          | .          | !
T.u   | J.d a               | .              | .                | G al             | .          | .          | !
T.o   | J.d a               | .              | .                | T.oX@1000 a      | .          | .          | !
T.uX  | G al                | .              | .                | G al             | .          | .          | !
T.oX  | G al                | .              | .                | T.oX@1000 a      | .          | .          | !
B.u   | J.d a               | .              | .                | G al             | .          | .          | !
B.o   | J.d a               | .              | .                | G al             | .          | .          | !
S.u   | S.d a               | .              | .                | S.uX a           | .          | .          | S.u s
S.d   | S.d a               | .              | .                | S.dX a           | .          | .          | N.d a
S.o   | S.d a               | .              | .                | S.oX a           | .          | .          | S.o s
S.uX  | S.dX a              | .              | .                | S.uX a           | .          | .          | G al
S.dX  | S.dX a              | .              | .                | S.dX a           | .          | .          | G al
S.oX  | S.dX a              | .              | .                | S.oX a           | .          | .          | G al
U.u   | K.d@2500 {tT C d}a  | U.u {hH}       | U.uP a{pS}       | U.uX a{x}        | .          | .          | !
U.d   | K.d@2500 {tT C d}a  | U.d {hH}       | U.dP a{pS}       | U.dX a{x}        | .          | .          | !
U.o   | K.d@2500 {tT C d}a  | U.o {hH}       | U.oP a{pS}       | U.oX a{x}        | .          | .          | !
U.uP  | K.d@2500 {tT C d}a  | U.uP {hH}      | U.uP a{pS}       | U.uPX a{x}       | U.u a      | .          | !
U.dP  | K.d@2500 {tT C d}a  | U.dP {hH}      | U.dP a{pS}       | U.dPX a{x}       | U.d a      | .          | !
U.oP  | K.d@2500 {tT C d}a  | U.oP {hH}      | U.oP a{pS}       | U.oPX a{x}       | U.o a      | .          | !
U.uX  | K.dX@2500 {tT C d}a | U.uX {hH}      | U.uPX a{pS}      | U.uX a{x}        | .          | .          | !
U.dX  | K.dX@2500 {tT C d}a | U.dX {hH}      | U.dPX a{pS}      | U.dX a{x}        | .          | .          | !
U.oX  | K.dX@2500 {tT C d}a | U.oX {hH}      | U.oPX a{pS}      | U.oX a{x}        | .          | .          | !
U.uPX | K.dX@2500 {tT C d}a | U.uPX {hH}     | U.uPX a{pS}      | U.uPX a{x}       | U.uX a     | .          | !
U.dPX | K.dX@2500 {tT C d}a | U.dPX {hH}     | U.dPX a{pS}      | U.dPX a{x}       | U.dX a     | .          | !
U.oPX | K.dX@2500 {tT C d}a | U.oPX {hH}     | U.oPX a{pS}      | U.oPX a{x}       | U.oX a     | .          | !
J.d1  | J.d a               | .              | .                | G al             | .          | .          | !
J.d2  | J.d a               | .              | .                | G al             | .          | .          | !
F.u   | F.d a               | .              | .                | F.uX a           | .          | .          | !
F.d   | F.d a               | .              | .                | F.dX a           | .          | .          | !
F.o   | F.d a               | .              | .                | F.oX a           | .          | .          | !
F.u1  | F.d a               | .              | .                | F.u1X a          | .          | .          | !
F.uX  | F.dX a              | .              | .                | F.uX a           | .          | .          | !
F.dX  | F.dX a              | .              | .                | F.dX a           | .          | .          | !
F.oX  | F.dX a              | .              | .                | F.oX a           | .          | .          | !
L.u   | L.d@4000 a          | .              | .                | L.uX@4000 a      | .          | .          | !
L.d   | L.d@4000 a          | .              | .                | L.dX@4000 a      | .          | .          | !
L.o   | L.d@4000 a          | .              | .                | L.oX@4000 a      | .          | .          | !
L.u1  | L.d@4000 a          | .              | .                | L.u1X@4000 a     | .          | .          | !
L.uX  | L.dX@4000 a         | .              | .                | L.uX@4000 a      | .          | .          | !
L.dX  | L.dX@4000 a         | .              | .                | L.dX@4000 a      | .          | .          | !
L.oX  | L.dX@4000 a         | .              | .                | L.oX@4000 a      | .          | .          | !
V.u   | V.d a               | .              | .                | V.uX a           | .          | .          | !
V.uX  | V.dX a              | .              | .                | V.uX a           | .          | .          | !
K.u   | K.d@4000 {tT C d}a  | K.u@4000 {hH}  | K.uP@4000 a{pS}  | K.uX@4000 a{x}   | .          | .          | !
K.d   | K.d@4000 {tT C d}a  | K.d@4000 {hH}  | K.dP@4000 a{pS}  | K.dX@4000 a{x}   | .          | .          | !
K.dP  | K.d@4000 {tT C d}a  | K.dP@4000 {hH} | K.dP@4000 a{pS}  | K.dPX@4000 a{x}  | K.d@4000 a | .          | !
K.dX  | K.dX@4000 {tT C d}a | K.dX@4000 {hH} | K.dPX@4000 a{pS} | K.dX@4000 a{x}   | .          | .          | !
Q.u   | Y.d@2500 {tT C d}a  | Q.u {hH}       | Q.uP a{pS}       | Q.uX a{x}        | .          | .          | !
Q.d   | Y.d@2500 {tT C d}a  | Q.d {hH}       | Q.dP a{pS}       | Q.dX a{x}        | .          | .          | !
Q.dP  | Y.d@2500 {tT C d}a  | Q.dP {hH}      | Q.dP a{pS}       | Q.dPX a{x}       | Q.d a      | .          | !
Q.uX  | Y.dX@2500 {tT C d}a | Q.uX {hH}      | Q.uPX a{pS}      | Q.uX a{x}        | .          | .          | !
Y.d   | Y.d@4000 {tT C d}a  | Y.d@4000 {hH}  | Y.dP@4000 a{pS}  | Y.dX@4000 a{x}   | .          | .          | !
Y.u   | Y.d@4000 {tT C d}a  | Y.u@4000 {hH}  | Y.uP@4000 a{pS}  | Y.uX@4000 a{x}   | .          | .          | !
Z.d   | Z.d {tT C d}a       | Z.d {hH}       | Z.dP a{pS}       | Z.dX a{x}        | .          | .          | !
Z.dX  | Z.dX {tT C d}a      | Z.dX {hH}      | Z.dPX a{pS}      | Z.dX a{x}        | .          | .          | !
E.u   | E.d a               | .              | .                | E.uX a           | .          | .          | !
E.d   | E.d a               | .              | .                | E.dX a           | .          | .          | !
E.o   | E.d a               | .              | .                | E.oX a           | .          | .          | !
E.u1  | E.d a               | .              | .                | E.u1X a          | .          | .          | !
E.uX  | E.dX a              | .              | .                | E.uX a           | .          | .          | !
D.d   | D.d/4000 a          | .              | .                | D.dX/4000 a      | .          | .          | !
M.u   | M.d@400/4000 a      | .              | .                | M.uX@400/4000 a  | .          | .          | !
M.d   | M.d@400/4000 a      | .              | .                | M.dX@400/4000 a  | .          | .          | !
M.o   | M.d@400/4000 a      | .              | .                | M.oX@400/4000 a  | .          | .          | !
M.u1  | M.d@400/4000 a      | .              | .                | M.u1X@400/4000 a | .          | .          | !
M.uX  | M.dX@400/4000 a     | .              | .                | M.uX@400/4000 a  | .          | .          | !
M.dX  | M.dX@400/4000 a     | .              | .                | M.dX@400/4000 a  | .          | .          | !
W.u   | W.d@400 a           | .              | .                | W.uX@400 a       | .          | .          | !
W.uT  | W.dT@400 a          | .              | .                | W.uXT@400 a      | .          | .          | !
W.dX  | W.dX@400 a          | .              | .                | W.dX@400 a       | .          | .          | !
H.u   | J.d a               | .              | .                | G al             | .          | .          | !
H.o   | J.d a               | .              | .                | H.oX@4000 a      | .          | .          | !
H.uX  | G al                | .              | .                | G al             | .          | .          | !
I.u   | J.d a               | .              | .                | G al             | .          | .          | !
A.u   | J.d a               | .              | .                | G al             | .          | .          | !
A.oX  | G al                | .              | .                | A.oX a           | .          | .          | !
R.u   | J.d a               | .              | .                | G al             | .          | .          | !
R.o   | J.d a               | .              | .                | R.oX@4000 a      | .          | .          | !
O.u   | K.d@2500 {tT C d}a  | O.u2 {hH}      | O.uP2 a{pS}      | O.uX2 a{x}       | .          | .          | !
O.d   | K.d@2500 {tT C d}a  | O.d2 {hH}      | O.dP2 a{pS}      | O.dX2 a{x}       | .          | .          | !
J.u3  | J.d a               | .              | .                | G al             | .          | .          | !
J.d4  | J.d a               | .              | .                | G al             | .          | .          | !
A.uX  | G al                | .              | .                | G al             | .          | .          | !
G     | !                   | !              | !                | !                | !          | !          | !
`;
const SETS = `
      | stirred     | other stirred | 1 watched        | 1 watched later         | 1 watched late
N.u   | .           | .             | !                | !                       | !
N.d   | .           | .             | !                | !                       | !
N.o   | .           | .             | !                | !                       | !
J.u   | .           | .             | !                | !                       | !
J.d   | .           | .             | !                | !                       | !
J.o   | .           | .             | !                | !                       | !
T.u   | .           | .             | !                | !                       | !
T.o   | .           | .             | !                | !                       | !
T.uX  | .           | .             | !                | !                       | !
T.oX  | .           | .             | !                | !                       | !
B.u   | .           | .             | !                | !                       | !
B.o   | .           | .             | !                | !                       | !
S.u   | .           | .             | !                | !                       | !
S.d   | .           | .             | !                | !                       | !
S.o   | .           | .             | !                | !                       | !
S.uX  | .           | .             | !                | !                       | !
S.dX  | .           | .             | !                | !                       | !
S.oX  | .           | .             | !                | !                       | !
U.u   | .           | .             | !                | !                       | !
U.d   | .           | .             | !                | !                       | !
U.o   | .           | .             | !                | !                       | !
U.uP  | .           | .             | !                | !                       | !
U.dP  | .           | .             | !                | !                       | !
U.oP  | .           | .             | !                | !                       | !
U.uX  | .           | .             | !                | !                       | !
U.dX  | .           | .             | !                | !                       | !
U.oX  | .           | .             | !                | !                       | !
U.uPX | .           | .             | !                | !                       | !
U.dPX | .           | .             | !                | !                       | !
U.oPX | .           | .             | !                | !                       | !
J.d1  | .           | .             | !                | !                       | !
J.d2  | .           | .             | !                | !                       | !
F.u   | .           | .             | !                | !                       | !
F.d   | .           | .             | !                | !                       | !
F.o   | .           | .             | !                | !                       | !
F.u1  | .           | .             | !                | !                       | !
F.uX  | .           | .             | !                | !                       | !
F.dX  | .           | .             | !                | !                       | !
F.oX  | .           | .             | !                | !                       | !
L.u   | .           | .             | !                | !                       | !
L.d   | .           | .             | !                | !                       | !
L.o   | .           | .             | !                | !                       | !
L.u1  | .           | .             | !                | !                       | !
L.uX  | .           | .             | !                | !                       | !
L.dX  | .           | .             | !                | !                       | !
L.oX  | .           | .             | !                | !                       | !
V.u   | .           | .             | !                | !                       | !
V.uX  | .           | .             | !                | !                       | !
K.u   | .           | .             | !                | !                       | !
K.d   | .           | .             | !                | !                       | !
K.dP  | .           | .             | !                | !                       | !
K.dX  | .           | .             | !                | !                       | !
Q.u   | .           | .             | !                | !                       | !
Q.d   | .           | .             | !                | !                       | !
Q.dP  | .           | .             | !                | !                       | !
Q.uX  | .           | .             | !                | !                       | !
Y.d   | .           | .             | !                | !                       | !
Y.u   | .           | .             | !                | !                       | !
Z.d   | .           | .             | !                | !                       | !
Z.dX  | .           | .             | !                | !                       | !
E.u   | .           | .             | W.uM@1000 gTgCa  | M.uTM@5000/5000 ghgCNa  | W.uTM@605000 gTgCNa
E.d   | .           | .             | W.dM@1000 gTgCa  | M.dTM@5000/5000 ghgCNa  | W.dTM@605000 gTgCNa
E.o   | .           | .             | W.oM@1000 gTgCa  | M.oTM@5000/5000 ghgCNa  | W.oTM@605000 gTgCNa
E.u1  | .           | .             | W.u1M@1000 gTgCa | M.u1TM@5000/5000 ghgCNa | W.u1TM@605000 gTgCNa
E.uX  | .           | .             | W.uXM@1000 gTgCa | M.uXTM@5000/5000 ghgCNa | W.uXTM@605000 gTgCNa
D.d   | .           | .             | M.dM@1000/4000 a | M.dTM@4000/4000 Na      | M.dTM@6000/4000 gKNa
M.u   | D.u/4000 ?  | .             | !                | !                       | !
M.d   | D.d/4000 ?  | .             | !                | !                       | !
M.o   | D.o/4000 ?  | .             | !                | !                       | !
M.u1  | D.u1/4000 ? | .             | !                | !                       | !
M.uX  | D.uX/4000 ? | .             | !                | !                       | !
M.dX  | D.dX/4000 ? | .             | !                | !                       | !
W.u   | D.u ?       | .             | !                | !                       | !
W.uT  | D.uT ?      | .             | !                | !                       | !
W.dX  | D.dX ?      | .             | !                | !                       | !
H.u   | .           | .             | !                | !                       | !
H.o   | .           | .             | !                | !                       | !
H.uX  | .           | .             | !                | !                       | !
I.u   | .           | .             | !                | !                       | !
A.u   | .           | .             | !                | !                       | !
A.oX  | .           | .             | !                | !                       | !
R.u   | .           | .             | !                | !                       | !
R.o   | .           | .             | !                | !                       | !
O.u   | .           | .             | !                | !                       | !
O.d   | .           | .             | !                | !                       | !
J.u3  | .           | .             | !                | !                       | !
J.d4  | .           | .             | !                | !                       | !
A.uX  | .           | .             | !                | !                       | !
G     | !           | !             | !                | !                       | !
`;
const RESTARTS = `
      | placed | placed later | due queue   | u queue         | died queue   | died backoff | stable backoff | died limit   | stable limit | died last    | 3 on failure | 1 on failure | 0 never      | 1 never      | t backoff   | spawned limit | no program backoff | begin ended      | begin paused
N.u   | !      | !            | .           | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | N.d4 a!          | S.u s
N.d   | !      | !            | .           | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | N.d a            | N.d a
N.o   | !      | !            | .           | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | N.o a            | N.o a
J.u   | !      | !            | .           | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | J.d4 a!          | S.u s
J.d   | !      | !            | .           | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | J.d a            | J.d a
J.o   | !      | !            | .           | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | J.o a            | J.o a
T.u   | !      | !            | A.u aq      | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | !                | !
T.o   | !      | !            | A.o aq      | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | !                | !
T.uX  | !      | !            | A.uX aq     | S.uX s          | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | !                | !
T.oX  | !      | !            | A.oX aq     | S.uX s          | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | !                | !
B.u   | !      | !            | A.u aq      | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | !                | !
B.o   | !      | !            | A.o aq      | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | !                | !
S.u   | !      | !            | .           | S.u a           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | O.u0 a        | H.u@2500 aP        | !                | !
S.d   | !      | !            | .           | S.u a           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | O.d0? TCa     | J.d a              | !                | !
S.o   | !      | !            | .           | S.u a           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | O.o0 a        | J.o a              | !                | !
S.uX  | !      | !            | .           | S.uX a          | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | O.uX0 a       | G al               | !                | !
S.dX  | !      | !            | .           | S.uX a          | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | O.dX0? TCa    | G al               | !                | !
S.oX  | !      | !            | .           | S.uX a          | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | O.oX0 a       | G al               | !                | !
U.u   | !      | !            | .           | U.u a           | A.u aq       | H.u@3500 aP  | S.u s          | S.u s        | S.u s        | S.u s        | J.d a        | S.u s        | J.d a        | J.d4 a!      | U.u T       | !             | !                  | U.u a            | U.u a
U.d   | !      | !            | .           | U.u a           | J.d a        | J.d a        | J.d a          | J.d a        | J.d a        | J.d a        | J.d a        | J.d a        | J.d a        | J.d a        | U.d T       | !             | !                  | U.d a            | U.d a
U.o   | !      | !            | .           | U.u a           | J.o a        | J.o a        | J.o a          | J.o a        | J.o a        | J.o a        | J.o a        | J.o a        | J.o a        | J.o a        | U.o T       | !             | !                  | U.o a            | U.o a
U.uP  | !      | !            | .           | U.uP a          | A.u aq       | H.u@3500 aP  | S.u s          | S.u s        | S.u s        | S.u s        | J.d a        | S.u s        | J.d a        | J.d4 a!      | U.uP T      | !             | !                  | U.uP a           | U.uP a
U.dP  | !      | !            | .           | U.uP a          | J.d a        | J.d a        | J.d a          | J.d a        | J.d a        | J.d a        | J.d a        | J.d a        | J.d a        | J.d a        | U.dP T      | !             | !                  | U.dP a           | U.dP a
U.oP  | !      | !            | .           | U.uP a          | J.o a        | J.o a        | J.o a          | J.o a        | J.o a        | J.o a        | J.o a        | J.o a        | J.o a        | J.o a        | U.oP T      | !             | !                  | U.oP a           | U.oP a
U.uX  | !      | !            | .           | U.uX a          | G al         | G al         | G al           | G al         | G al         | G al         | G al         | G al         | G al         | G al         | U.uX T      | !             | !                  | U.uX a           | U.uX a
U.dX  | !      | !            | .           | U.uX a          | G al         | G al         | G al           | G al         | G al         | G al         | G al         | G al         | G al         | G al         | U.dX T      | !             | !                  | U.dX a           | U.dX a
U.oX  | !      | !            | .           | U.uX a          | G al         | G al         | G al           | G al         | G al         | G al         | G al         | G al         | G al         | G al         | U.oX T      | !             | !                  | U.oX a           | U.oX a
U.uPX | !      | !            | .           | U.uPX a         | G al         | G al         | G al           | G al         | G al         | G al         | G al         | G al         | G al         | G al         | U.uPX T     | !             | !                  | U.uPX a          | U.uPX a
U.dPX | !      | !            | .           | U.uPX a         | G al         | G al         | G al           | G al         | G al         | G al         | G al         | G al         | G al         | G al         | U.dPX T     | !             | !                  | U.dPX a          | U.dPX a
U.oPX | !      | !            | .           | U.uPX a         | G al         | G al         | G al           | G al         | G al         | G al         | G al         | G al         | G al         | G al         | U.oPX T     | !             | !                  | U.oPX a          | U.oPX a
J.d1  | !      | !            | .           | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | J.d a            | J.d1 a
J.d2  | !      | !            | .           | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | J.d a            | J.d2 a
F.u   | !      | !            | .           | F.u a           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | F.u af           | F.u af
F.d   | !      | !            | .           | F.u a           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | F.d af           | F.d af
F.o   | !      | !            | .           | F.u a           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | F.o af           | F.o af
F.u1  | !      | !            | .           | F.u a           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | F.u1 af          | F.u1 af
F.uX  | !      | !            | .           | F.uX a          | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | F.uX af          | F.uX af
F.dX  | !      | !            | .           | F.uX a          | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | F.dX af          | F.dX af
F.oX  | !      | !            | .           | F.uX a          | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | F.oX af          | F.oX af
L.u   | !      | !            | V.u ZK      | L.u@4000 a      | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | L.u@4000 a       | L.u@4000 a
L.d   | !      | !            | V.d ZK      | L.u@4000 a      | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | L.d@4000 a       | L.d@4000 a
L.o   | !      | !            | V.o ZK      | L.u@4000 a      | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | L.o@4000 a       | L.o@4000 a
L.u1  | !      | !            | V.u1 ZK     | L.u@4000 a      | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | L.u1@4000 a      | L.u1@4000 a
L.uX  | !      | !            | V.uX ZK     | L.uX@4000 a     | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | L.uX@4000 a      | L.uX@4000 a
L.dX  | !      | !            | V.dX ZK     | L.uX@4000 a     | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | L.dX@4000 a      | L.dX@4000 a
L.oX  | !      | !            | V.oX ZK     | L.uX@4000 a     | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | L.oX@4000 a      | L.oX@4000 a
V.u   | !      | !            | .           | V.u a           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | V.u a            | V.u a
V.uX  | !      | !            | .           | V.uX a          | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | V.uX a           | V.uX a
K.u   | !      | !            | U.u K       | K.u@4000 a      | A.u aq       | H.u@3500 aP  | S.u s          | S.u s        | S.u s        | S.u s        | J.d a        | S.u s        | J.d a        | J.d4 a!      | K.u@4000 T  | !             | !                  | K.u@4000 a       | K.u@4000 a
K.d   | !      | !            | U.d K       | K.u@4000 a      | J.d a        | J.d a        | J.d a          | J.d a        | J.d a        | J.d a        | J.d a        | J.d a        | J.d a        | J.d a        | K.d@4000 T  | !             | !                  | K.d@4000 a       | K.d@4000 a
K.dP  | !      | !            | U.dP K      | K.uP@4000 a     | J.d a        | J.d a        | J.d a          | J.d a        | J.d a        | J.d a        | J.d a        | J.d a        | J.d a        | J.d a        | K.dP@4000 T | !             | !                  | K.dP@4000 a      | K.dP@4000 a
K.dX  | !      | !            | U.dX K      | K.uX@4000 a     | G al         | G al         | G al           | G al         | G al         | G al         | G al         | G al         | G al         | G al         | K.dX@4000 T | !             | !                  | K.dX@4000 a      | K.dX@4000 a
Q.u   | !      | !            | .           | Q.u a           | E.u a?       | E.u a?       | E.u a?         | E.u a?       | E.u a?       | E.u a?       | E.u a?       | E.u a?       | E.u a?       | E.u a?       | Q.u T       | !             | !                  | Q.u a            | Q.u a
Q.d   | !      | !            | .           | Q.u a           | E.d a?       | E.d a?       | E.d a?         | E.d a?       | E.d a?       | E.d a?       | E.d a?       | E.d a?       | E.d a?       | E.d a?       | Q.d T       | !             | !                  | Q.d a            | Q.d a
Q.dP  | !      | !            | .           | Q.uP a          | E.d a?       | E.d a?       | E.d a?         | E.d a?       | E.d a?       | E.d a?       | E.d a?       | E.d a?       | E.d a?       | E.d a?       | Q.dP T      | !             | !                  | Q.dP a           | Q.dP a
Q.uX  | !      | !            | .           | Q.uX a          | E.uX a?      | E.uX a?      | E.uX a?        | E.uX a?      | E.uX a?      | E.uX a?      | E.uX a?      | E.uX a?      | E.uX a?      | E.uX a?      | Q.uX T      | !             | !                  | Q.uX a           | Q.uX a
Y.d   | !      | !            | Z.d K       | Y.u@4000 a      | E.d/4000 a?  | E.d/4000 a?  | E.d/4000 a?    | E.d/4000 a?  | E.d/4000 a?  | E.d/4000 a?  | E.d/4000 a?  | E.d/4000 a?  | E.d/4000 a?  | E.d/4000 a?  | Y.d@4000 T  | !             | !                  | Y.d@4000 a       | Y.d@4000 a
Y.u   | !      | !            | Z.u K       | Y.u@4000 a      | E.u/4000 a?  | E.u/4000 a?  | E.u/4000 a?    | E.u/4000 a?  | E.u/4000 a?  | E.u/4000 a?  | E.u/4000 a?  | E.u/4000 a?  | E.u/4000 a?  | E.u/4000 a?  | Y.u@4000 T  | !             | !                  | Y.u@4000 a       | Y.u@4000 a
Z.d   | !      | !            | .           | Z.u a           | E.d/1500 a?  | E.d/1500 a?  | E.d/2500 a?    | E.d/1500 a?  | E.d/5500 a?  | E.d/1500 a?  | E.d/1500 a?  | E.d/1500 a?  | E.d/1500 a?  | E.d/1500 a?  | Z.d T       | !             | !                  | Z.d a            | Z.d a
Z.dX  | !      | !            | .           | Z.uX a          | E.dX/1500 a? | E.dX/1500 a? | E.dX/2500 a?   | E.dX/1500 a? | E.dX/5500 a? | E.dX/1500 a? | E.dX/1500 a? | E.dX/1500 a? | E.dX/1500 a? | E.dX/1500 a? | Z.dX T      | !             | !                  | Z.dX a           | Z.dX a
E.u   | !      | !            | .           | E.u a           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | E.u a?           | E.u a?
E.d   | !      | !            | .           | E.u a           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | E.d a?           | E.d a?
E.o   | !      | !            | .           | E.u a           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | E.o a?           | E.o a?
E.u1  | !      | !            | .           | E.u a           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | E.u1 a?          | E.u1 a?
E.uX  | !      | !            | .           | E.uX a          | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | E.uX a?          | E.uX a?
D.d   | !      | !            | .           | D.u/4000 a      | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | D.d/4000 a?      | D.d/4000 a?
M.u   | !      | !            | D.u/4000 ?  | M.u@400/4000 a  | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | M.u@400/4000 a?  | M.u@400/4000 a?
M.d   | !      | !            | D.d/4000 ?  | M.u@400/4000 a  | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | M.d@400/4000 a?  | M.d@400/4000 a?
M.o   | !      | !            | D.o/4000 ?  | M.u@400/4000 a  | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | M.o@400/4000 a?  | M.o@400/4000 a?
M.u1  | !      | !            | D.u1/4000 ? | M.u@400/4000 a  | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | M.u1@400/4000 a? | M.u1@400/4000 a?
M.uX  | !      | !            | D.uX/4000 ? | M.uX@400/4000 a | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | M.uX@400/4000 a? | M.uX@400/4000 a?
M.dX  | !      | !            | D.dX/4000 ? | M.uX@400/4000 a | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | M.dX@400/4000 a? | M.dX@400/4000 a?
W.u   | !      | !            | D.u ?       | W.u@400 a       | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | W.u@400 a?       | W.u@400 a?
W.uT  | !      | !            | D.uT ?      | W.uT@400 a      | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | W.uT@400 a?      | W.uT@400 a?
W.dX  | !      | !            | D.dX ?      | W.uX@400 a      | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | W.dX@400 a?      | W.dX@400 a?
H.u   | !      | !            | A.u aq      | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | !                | !
H.o   | !      | !            | A.o aq      | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | !                | !
H.uX  | !      | !            | A.uX aq     | S.uX s          | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | !                | !
I.u   | !      | !            | A.u aq      | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | !                | !
A.u   | S.u s  | R.u@4000     | .           | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | !                | !
A.oX  | S.oX s | R.oX@4000    | .           | S.uX s          | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | !                | !
R.u   | !      | !            | S.u s       | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | !                | !
R.o   | !      | !            | S.o s       | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | !                | !
O.u   | !      | !            | .           | U.u a           | A.u aq       | H.u@9500 a   | S.u s          | I.u@10500 aP | S.u s        | J.d3 a!      | J.d a        | S.u s        | J.d a        | J.d4 a!      | O.u2? T     | !             | !                  | O.u2 a           | O.u2 a
O.d   | !      | !            | .           | U.u a           | J.d a        | J.d a        | J.d a          | J.d a        | J.d a        | J.d a        | J.d a        | J.d a        | J.d a        | J.d a        | O.d2? T     | !             | !                  | O.d2? a          | O.d2? a
J.u3  | !      | !            | .           | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | J.d4 a!          | S.u s
J.d4  | !      | !            | .           | S.u s           | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | J.d a            | J.d a
A.uX  | S.uX s | R.uX@4000    | .           | S.uX s          | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | .           | !             | !                  | !                | !
G     | !      | !            | !           | !               | !            | !            | !              | !            | !            | !            | !            | !            | !            | !            | !           | !             | !                  | !                | !
`;

const WANTS: { readonly [letter: string]: Want } = { u: "up", d: "down", o: "once" };
const letterOf = (want: Want): string => want[0] as string;
const backingOff: Throttle = { last: instant(0), pauseMs: 4000, failures: 3 };

const unhurt: Fare = { early: 0, starts: 0, from: instant(0), limited: false };
const backedOff: Fare = { ...unhurt, early: 3, until: instant(4000), why: "backoff" };
const limited: Fare = { ...unhurt, starts: 5, limited: true, until: instant(4000), why: "limit" };

/** The state that a row's name stands for. */
function stateOf(name: string): State {
  const [letter, traits = ""] = name.split(".");
  const base = {
    want: WANTS[traits[0] ?? "u"] as Want,
    exiting: traits.includes("X"),
    since: at(0).stamp,
    throttle: throttled(instant(0)),
    ...(traits.includes("1") ? { failed: "run-100" as const } : {}),
    ...(traits.includes("2") ? { failed: "finish-125" as const } : {}),
  };
  const emptying = {
    ...base,
    ...{ at: "emptying" as const, run: PID, how: exited(0), set: "cgroup" as const, from: instant(0) },
    ...{ next: instant(400), pauseMs: 100, told: traits.includes("T") },
  };
  const finishing = { ...base, at: "finishing" as const, run: PID, how: exited(0), until: undefined };
  switch (letter) {
    case "N":
      return { ...base, at: "down", throttle: noThrottle };
    case "J":
      return { ...base, at: "down" };
    case "T":
      return { ...base, at: "waiting", until: instant(1000) };
    case "B":
      return { ...base, at: "waiting", until: instant(4000), throttle: backingOff };
    case "H":
      return { ...base, at: "waiting", until: instant(4000), why: "backoff", fare: backedOff };
    case "I":
      return { ...base, at: "waiting", until: instant(4000), why: "limit", fare: limited };
    case "A":
      return { ...base, at: "waiting", until: undefined, why: "queue" };
    case "R":
      return { ...base, at: "waiting", until: instant(4000), why: "queue" };
    case "O":
      return { ...base, at: "up", pid: PID, paused: false, fare: { ...unhurt, early: 2, starts: 1 } };
    case "S":
      return { ...base, at: "starting", throttle: noThrottle };
    case "Q":
      return { ...base, at: "up", pid: PID, paused: traits.includes("P"), set: "group" };
    case "Y":
      return { ...base, at: "up", pid: PID, paused: false, set: "group", killAt: instant(4000) };
    case "Z":
      return { ...base, at: "up", pid: PID, paused: false, set: "group", killed: true };
    case "E":
      return { ...emptying, next: undefined, pauseMs: 0 };
    case "D":
      return { ...emptying, next: undefined, pauseMs: 640, killAt: instant(4000) };
    case "M":
      return { ...emptying, killAt: instant(4000) };
    case "W":
      return emptying;
    case "K":
      return { ...base, at: "up", pid: PID, paused: traits.includes("P"), killAt: instant(4000) };
    case "U":
      return { ...base, at: "up", pid: PID, paused: traits.includes("P") };
    case "F":
      return { ...finishing, finish: undefined };
    case "L":
      return { ...finishing, finish: FINISH, until: instant(4000) };
    case "V":
      return { ...finishing, finish: FINISH };
    case "G":
      return { ...base, at: "gone" };
    default:
      throw new Error(`no such state: ${name}`);
  }
}

/** What a state is called in a cell. */
function nameOf(state: State): string {
  const { throttle, want, exiting } = state;
  const failure =
    state.failed === undefined
      ? ""
      : { "run-100": "1", "finish-125": "2", "start-limit": "3", "restart-never": "4" }[state.failed];
  const traits =
    letterOf(want) + failure + (state.at === "up" && state.paused ? "P" : "") + (exiting ? "X" : "");
  switch (state.at) {
    case "down":
      return `${throttle.last === undefined ? "N" : "J"}.${traits}`;
    case "waiting":
      if (state.why !== undefined) {
        const place = state.until === undefined ? "A" : "R";
        const letters = { backoff: "H", limit: "I", queue: place };
        return `${letters[state.why]}.${traits}${state.until === undefined ? "" : `@${state.until}`}`;
      }
      return `${throttle.failures === 0 ? "T" : "B"}.${traits}@${state.until}`;
    case "starting":
      return `S.${traits}`;
    case "up":
      if (state.fare !== undefined) return `O.${traits}${state.fare.early}${state.again ? "?" : ""}`;
      if (state.killed) return `Z.${traits}`;
      if (state.killAt === undefined) return `${state.set ? "Q" : "U"}.${traits}`;
      return `${state.set ? "Y" : "K"}.${traits}@${state.killAt}`;
    case "emptying": {
      const told = (state.told ? "T" : "") + (state.member === undefined ? "" : "M");
      const kill = state.killAt === undefined ? "" : `/${state.killAt}`;
      if (state.next === undefined) return `${state.pauseMs === 0 ? "E" : "D"}.${traits}${told}${kill}`;
      return `${state.killAt === undefined ? "W" : "M"}.${traits}${told}@${state.next}${kill}`;
    }
    case "finishing":
      if (state.finish === undefined) return `F.${traits}`;
      return state.until === undefined ? `V.${traits}` : `L.${traits}@${state.until}`;
    case "gone":
      return "G";
    default:
      return exhaustive(state);
  }
}

const SIGNAL_LETTERS = {
  SIGTERM: "T",
  SIGCONT: "C",
  SIGSTOP: "S",
  SIGHUP: "H",
  SIGALRM: "A",
  SIGINT: "I",
  SIGABRT: "B",
  SIGKILL: "K",
} as const;

const signalLetter = (signal: Signo | keyof typeof SIGNAL_LETTERS): string =>
  typeof signal === "number" ? "h" : SIGNAL_LETTERS[signal];

function letter(effect: Effect, after: State): string {
  switch (effect.do) {
    case "spawn":
      return "s";
    case "announce":
      return "a";
    case "leave":
      return "l";
    case "report":
      return "r";
    case "control":
      if (after.at !== "up" || after.pid !== effect.pid) return "{?}";
      return `{${effect.steps
        .map(({ script, signal }) => `${script ?? ""}${signal === undefined ? "" : signalLetter(signal)}`)
        .join(" ")}}`;
    case "queue":
      return after.at === "waiting" && after.until === undefined ? "q" : "q?";
    case "warn-pause":
      return after.fare?.why === effect.why ? "P" : "P?";
    case "warn-no-process":
      return after.at === "waiting" && after.until === effect.retry ? "W" : `W@${effect.retry}`;
    case "look":
      return after.at === "emptying" && after.run === effect.run ? "?" : "??";
    case "warn-left":
      return after.at === "emptying" && after.run === effect.run ? "N" : "N?";
    case "kill-set":
      if (after.at !== "emptying" || after.run !== effect.run) return "g?";
      return `g${typeof effect.signal === "number" ? "h" : SIGNAL_LETTERS[effect.signal]}`;
    case "kill-script":
      return "k";
    case "kill-helper":
      return after.at === "finishing" && after.finish === effect.pid ? "K" : `kill(${effect.pid})`;
    case "check":
    case "warn-check-slow":
    case "warn-condemned":
      return `${effect.do}?`; // readiness.test.ts
    case "finish":
      if (after.at !== "finishing" || after.run !== effect.run || after.how !== effect.how) return "f?";
      return "f";
    case "warn-finish-slow":
      return "Z";
    case "warn-failed":
      return effect.why === after.failed ? "!" : "!?";
    case "kill":
      if (after.at === "finishing" && after.finish === effect.pid)
        return typeof effect.signal === "number" ? "h" : SIGNAL_LETTERS[effect.signal];
      if (after.at !== "up" || after.pid !== effect.pid) return `kill(${effect.pid})`;
      return typeof effect.signal === "number" ? "h" : SIGNAL_LETTERS[effect.signal];
    default:
      return exhaustive(effect);
  }
}

function cell(before: State, event: Event, now: Now, asks?: Asks): string {
  const { state, effects } = step(before, event, now, asks);
  const [only] = effects;
  if (state === before && effects.length === 0) return ".";
  if (state === before && effects.length === 1 && only?.do === "report" && only.event === event) return "!";
  return `${nameOf(state)} ${effects.map((effect) => letter(effect, state)).join("")}`.trim();
}

/** What happens in each column of the row `name`. */
function rowOf(name: string): { [column: string]: string } {
  const state = stateOf(name);
  const deadline = deadlineOf(state) ?? 1000;
  return Object.fromEntries(
    Object.entries(EVENTS).map(([column, [event, when = 500, asks]]) => [
      column,
      cell(state, event, at(Number.isNaN(when) ? deadline : when), asks),
    ]),
  );
}

describe("the state machine", () => {
  const others = rowsOf(OTHERS);
  const finishing = rowsOf(FINISHING);
  const restarts = rowsOf(RESTARTS);
  const sets = rowsOf(SETS);
  const scripts = rowsOf(SCRIPTS);
  for (const [name, commands] of rowsOf(COMMANDS)) {
    test(`in the state ${name} every event does what the table says`, () => {
      const expected = {
        ...{ ...commands, ...others.get(name) },
        ...{ ...finishing.get(name), ...restarts.get(name), ...sets.get(name), ...scripts.get(name) },
      };
      expect(Object.keys(expected).sort()).toEqual(Object.keys(EVENTS).sort());
      expect(rowOf(name)).toEqual(expected);
    });
  }

  test("what is told of readiness changes nothing where nobody asks", () => {
    const events: Event[] = [
      { on: "notified", said: { ready: true, extendMs: 1000 } },
      { on: "check-started", pid: NEW },
      { on: "check-failed" },
      { on: "check-ended", pid: NEW, how: exited(0) },
    ];
    for (const name of rowsOf(COMMANDS).keys())
      for (const event of events)
        expect(cell(stateOf(name), event, at(500), DEADLY)).toBe(name === "G" ? "!" : ".");
  });

  test("in every cell the time changes with the pid, and only then", () => {
    for (const name of rowsOf(COMMANDS).keys()) {
      for (const [event, when = 500, asks] of Object.values(EVENTS)) {
        const before = stateOf(name);
        const now = at(Number.isNaN(when) ? 4000 : when);
        const { state } = step(before, event, now, asks);
        const changed = statusOf(state).pid !== statusOf(before).pid;
        expect(state.since).toEqual(changed ? now.stamp : before.since);
      }
    }
  });

  test("in every cell a status that changed is announced, unless a start is under way that will be", () => {
    for (const name of rowsOf(COMMANDS).keys()) {
      for (const [event, when = 500, asks] of Object.values(EVENTS)) {
        const before = stateOf(name);
        const { state, effects } = step(before, event, at(Number.isNaN(when) ? 4000 : when), asks);
        if (Bun.deepEquals(statusOf(state), statusOf(before)) || state.at === "starting") continue;
        expect(effects).toContainEqual({ do: "announce" });
      }
    }
  });

  test("finish for which there is no process is tried again a second later; k passes it over", () => {
    const failed = step(stateOf("F.u"), { on: "finish-failed", why: "no-process" }, at(500), FINISHES);
    expect([failed.state.at, failed.effects, deadlineOf(failed.state)]).toEqual([
      "finishing",
      [],
      instant(1500),
    ]);
    expect(step(failed.state, { on: "timer" }, at(1499), FINISHES).effects).toEqual([]);
    const again = step(failed.state, { on: "timer" }, at(1500), FINISHES);
    expect(again.effects).toEqual([{ do: "finish", run: PID, how: exited(0) }]);
    expect(deadlineOf(again.state)).toBeUndefined();
    const killed = step(failed.state, { on: "command", command: "kill" }, at(1000), FINISHES);
    expect([killed.state.at, killed.effects]).toEqual(["starting", [{ do: "spawn" }]]);
  });

  test("k while control/u runs ends that, and nothing where there is none", () => {
    const kill = { on: "command", command: "kill" } as const;
    const effects = (asks: Asks) => step(stateOf("S.u"), kill, at(500), asks).effects;
    expect(effects({ ...MODERN, control: true })).toEqual([{ do: "kill-script" }]);
    expect(effects(MODERN)).toEqual([]);
  });

  test("u does not wait for the pause after failed starts, even if d came in between", () => {
    const { state } = step(stateOf("B.u"), { on: "command", command: "down" }, at(3900));
    expect(step(state, { on: "command", command: "up" }, at(3900)).state.at).toBe("starting");
  });

  test("the first pause after a failed start is one second, with any jitter", () => {
    for (const jitter of [0, 0.5, 1]) {
      const { state } = step(stateOf("S.u"), { on: "spawn-failed", why: "no-process", jitter }, at(500));
      expect(deadlineOf(state)).toBe(instant(1500));
    }
  });
});
