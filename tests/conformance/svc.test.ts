// svc: each row of its manual, with the C program and with ours.
import { sameAsC } from "../support/same-script.ts";

sameAsC("svc", [
  ["without directories is silent and succeeds", "say svc; say svc -u; say svc -d --"],
  ["refuses an option it does not have, and sends nothing", "listen s; say svc -uzd s; svc -a s; letters"],
  ["calls itself by argv[0] in the option message", "say bash -c 'exec -a /x/y/svc svc -z s'"],
  ["refuses a colon as an option", "say svc -: s"],
  ["sends letters in order of first appearance, once each", "listen s; say svc -udu -o -xdu s; letters"],
  ["sends all eleven letters in one write", "listen s; say svc -uuudopchaitkx -kkk s; letters"],
  [
    "sends each letter for itself",
    "listen s; for l in u d o p c h a i t k x; do say svc -$l s; letters; done",
  ],
  ["takes no options after the first directory", "listen s; say svc -u s -d; letters"],
  [
    "takes -- and any word that begins so as the end of the options",
    "listen s; say svc -u -- s; letters; say svc -d --x s; letters",
  ],
  [
    "takes a single dash for a directory",
    "listen s; say svc -u - s; letters; listen ./-; say svc -d -; letters",
  ],
  ["opens the fifo even if it has nothing to say", "service s; say svc s; fifos s; say svc s"],
  ["writes nothing without letters", "listen s; svc s; svc -a s; letters"],
  [
    "warns of a directory that is missing or is none, and goes on",
    "echo >file; listen s; say svc -t missing file s ''; letters",
  ],
  [
    "warns of a service that was never supervised",
    "service s; say svc -u s; mkdir s/supervise; say svc -u s",
  ],
  ["warns that supervise is not running", "service s; fifos s; say svc -u s s"],
  [
    "warns of a name that is too long",
    'say svc -u $(printf %256s | tr " " x); say svc -u $(printf %5000s | tr " " x)',
  ],
  [
    "warns of a loop of links",
    "ln -s loop loop; say svc -u loop; mkdir -p s/supervise; ln -s control s/supervise/control; say svc -u s",
  ],
  ["warns of a control that is a directory", "mkdir -p s/supervise/control; say svc -u s"],
  [
    "writes over a control that is a regular file",
    "mkdir -p s/supervise; echo abcdef >s/supervise/control; say svc -ud s; cat s/supervise/control",
  ],
  [
    "warns of an error in writing",
    "mkdir -p s/supervise; ln -s /dev/full s/supervise/control; say svc -ud s s",
  ],
  [
    "waits for room in a full fifo",
    "listen s; head -c 65536 /dev/zero >&3; svc -u s & sleep 0.2; kill -0 $! && echo waits; head -c 65537 <&3 | tail -c 1; wait $!; echo; echo exit $?",
  ],
  [
    "finds each directory from where it began",
    "listen a; mkdir b; say svc -u a b a b/../a; letters; say svc -d b/missing ./a; letters",
  ],
  [
    "takes absolute and dotted paths",
    'listen s; say svc -u "$PWD/s"; letters; cd s; say svc -d .; letters; mkdir sub; cd sub; say svc -t ..; letters',
  ],
  ["has no --help and no --version", "say svc --help; say svc --version; say svc -h; say svc -V"],
  [
    "may not write as another user",
    "listen s; chmod 700 s/supervise; chmod 755 .; say setuidgid nobody svc -u s; chmod 755 s/supervise; chmod 600 s/supervise/*; say setuidgid nobody svc -u s",
  ],
  ["needs to open the directory it begins in", "listen s; chmod 711 .; say setuidgid nobody svc -u s"],
  [
    "needs to return to the directory it began in",
    'listen s; chmod 755 .; mkdir here; chmod 744 here; S=$PWD/s; cd here; say setuidgid nobody svc -u "$S" "$S"',
  ],
  ["writes to no closed standard error", "say sh -c 'svc -u missing 2>&-'"],
]);
