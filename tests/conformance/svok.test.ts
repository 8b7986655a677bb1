// svok: each row of its manual, with the C program and with ours.
import { sameAsC } from "../support/same-script.ts";

sameAsC("svok", [
  ["wants a directory", "say svok"],
  ["ignores further arguments", "listen s; say svok s missing; say svok missing s"],
  ["takes no options", "say svok -s; say svok --help; say svok --version"],
  ["exits 0 while ok has a reader", "listen s; say svok s"],
  [
    "exits 100 for a directory that was never supervised",
    "service s; say svok s; mkdir s/supervise; say svok s",
  ],
  ["exits 100 when nobody reads ok", "fifos s; say svok s"],
  [
    "exits 111 for a directory that is missing, is none, or has no name",
    "echo >file; say svok missing; say svok file; say svok ''",
  ],
  [
    "exits 111 where ok cannot be opened for another reason",
    "mkdir -p s/supervise/ok t; say svok s; echo >t/supervise; say svok t; mkdir -p u/supervise; ln -s ok u/supervise/ok; say svok u",
  ],
  [
    "takes a regular file for a supervise that runs",
    "mkdir -p s/supervise; echo >s/supervise/ok; say svok s",
  ],
  ["exits 111 for a name that is too long", 'say svok $(printf %256s | tr " " x)'],
  [
    "may not look as another user",
    "listen s; chmod 755 .; chmod 700 s/supervise; say setuidgid nobody svok s; chmod 700 s; say setuidgid nobody svok s",
  ],
  [
    "tells a real supervise",
    "service s; supervise s & until_ok s; say svok s; svc -dx s; wait $!; say svok s",
  ],
]);
