// pgrphack: each row of its manual, with the C program and with ours.
import { sameAsC } from "../support/same-script.ts";

/** Whether the program leads a session and a group, and has a terminal. */
const SHOW = `perl -e 'print getpgrp == $$ ? "leads" : "follows", " ", syscall(124, 0) == $$ ? "session" : "none", "\\n"'`;

sameAsC("pgrphack", [
  ["says how it is used", "say pgrphack"],
  ["leads a session and a group of its own, in the same process", `say pgrphack ${SHOW}; say ${SHOW}`],
  [
    "stays as it is where it leads a group already",
    `say pgrphack pgrphack ${SHOW}; say setsid -w pgrphack ${SHOW}`,
  ],
  [
    "keeps its pid",
    "sh -c 'echo $$ >pid; exec pgrphack sh -c \"echo \\$\\$\"' >now; cmp pid now && echo same",
  ],
  ["takes no options", "say pgrphack -x; say pgrphack -- true"],
]);
