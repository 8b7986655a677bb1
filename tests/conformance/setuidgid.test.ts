// setuidgid: each row of its manual, with the C program and with ours. They need root: without it both refuse.
import { sameAsC } from "../support/same-script.ts";

sameAsC("setuidgid", [
  ["says how it is used", "say setuidgid; say setuidgid nobody; say setuidgid ''"],
  [
    "sets user, group and the group alone as supplementary groups",
    "for a in nobody daemon www-data; do say setuidgid $a id; say setuidgid $a grep -E '^(Uid|Gid|Groups)' /proc/self/status; done",
  ],
  [
    "takes all capabilities from a root that becomes another",
    "say setuidgid nobody grep Cap /proc/self/status; say setuidgid root grep Cap /proc/self/status",
  ],
  ["leaves the environment alone", "say env -i A=1 HOME=/x USER=y $BIN/setuidgid nobody env"],
  [
    "says that an account is unknown",
    "say setuidgid nosuchaccount id; say setuidgid 0 id; say setuidgid '' id; say setuidgid 65534 id; say setuidgid \"$(printf '\\377\\n')\" id",
  ],
  [
    "is refused to anybody but root, even for the account it has",
    "say setuidgid nobody setuidgid nobody true; say setuidgid nobody setuidgid root true",
  ],
  [
    "runs nothing when it is refused",
    "chmod 777 .; say setuidgid nobody setuidgid root touch done; say setuidgid nobody sh -c 'setuidgid root touch done'; ls",
  ],
  [
    "looks for the program as the account",
    "chmod 755 .; mkdir -m 700 secret; cp /bin/echo secret; PATH=secret say $BIN/setuidgid nobody echo x; PATH=secret:/bin say $BIN/setuidgid nobody echo found; say setuidgid nobody ./secret/echo",
  ],
  [
    "may not run what the account may not",
    "chmod 755 .; cp /bin/echo mine; chmod 700 mine; say setuidgid nobody ./mine; say setuidgid root ./mine x",
  ],
  ["becomes root again", "say setuidgid root id"],
  [
    "opens files as the account",
    "chmod 777 .; umask 077; : >mine; say setuidgid nobody sh -c 'cat mine; : >yours; stat -c %U:%G yours'",
  ],
]);
