// Names that no administrator would give: every program takes them as they are and prints them raw, as the C programs do.
import { sameAsC } from "../support/same-script.ts";

const names: readonly (readonly [what: string, shell: string])[] = [
  ["a newline", "'a\nb'"],
  ["255 bytes", "$(printf %255s | tr ' ' n)"],
  ["a leading dash", "./-dash"],
  ["no UTF-8", "$(printf 'a\\377\\300\\200b')"],
  ["cut UTF-8", "$(printf 'x\\342\\202')"],
  ["UTF-8", "naïve-服务"],
  ["a space, quotes and a dollar", "' $x \"y\" '"],
  ["a percent sign and a backslash", "'%s\\n%n'"],
  ["control characters", "$(printf 'a\\001\\033[31mb\\177')"],
];

sameAsC(
  "a name with",
  names.map(([what, shell]) => [
    what,
    `N=${shell}; say svok "$N"; say svstat "$N"; say svc -u "$N"; say supervise "$N"
     mkdir -- "$N"; say svok "$N"; say svstat "$N"; say svc -u "$N"; touch "$N/down"
     supervise "$N" & p=$!; until_ok "$N"; say svstat "$N"; say supervise "$N"
     svc -o "$N"; sleep 0.1; say svc -dx "$N"; wait $p; echo $?; say svstat "$N"; say svc -u "$N"; say svok "$N"`,
  ]),
);

sameAsC("a dash at the front of a name", [
  [
    "is an option to svc, unless it comes after --",
    "listen ./-dash; say svc -u -dash; say svc -u -- -dash; letters",
  ],
  [
    "is nothing special to svok, svstat and supervise",
    "service ./-s; supervise -s & until_up -s; say svok -s; svstat -s; svc -dx -- -s; wait $!; echo $?",
  ],
]);
