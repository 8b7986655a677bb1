// envuidgid: each row of its manual, with the C program and with ours.
import { sameAsC } from "../support/same-script.ts";

const CLEAN = "env -i PATH=/usr/bin";

sameAsC("envuidgid", [
  ["says how it is used", "say envuidgid; say envuidgid nobody; say envuidgid ''"],
  ["adds GID, then UID", `say ${CLEAN} A=1 $BIN/envuidgid nobody env`],
  ["replaces GID and UID, in djb's order", `say ${CLEAN} A=1 UID=5 B=2 GID=9 C=3 $BIN/envuidgid nobody env`],
  ["replaces UID where it is last", `say ${CLEAN} GID=9 A=1 UID=5 $BIN/envuidgid daemon env`],
  ["replaces an empty UID, not UIDS", `say ${CLEAN} UIDS=1 UID= XUID=2 $BIN/envuidgid root env`],
  [
    "knows the accounts of the system",
    "for a in root daemon bin sys nobody www-data; do say envuidgid $a sh -c 'echo $UID:$GID' </dev/null; say envuidgid $a env | grep ID=; done",
  ],
  [
    "says that an account is unknown",
    "say envuidgid nosuchaccount env; say envuidgid 0 env; say envuidgid '' env; say envuidgid 'a b' env; say envuidgid \"$(printf '\\377\\n')\" env",
  ],
  [
    "needs no privileges and changes no ids",
    "say setuidgid nobody envuidgid root sh -c 'id -u; env | grep ID='",
  ],
  [
    "says that the program does not exist, after the account",
    "say envuidgid nosuchaccount nosuch; say envuidgid nobody nosuch",
  ],
]);
