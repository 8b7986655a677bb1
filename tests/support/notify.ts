// Sending datagrams as sd_notify(3) does. Bun has no such sockets; perl is part of every Debian.
import { which } from "./programs.ts";

/** Whether datagrams can be sent. */
export const canNotify = which("perl") !== null;

/** A perl program: sends each of its arguments to $NOTIFY_SOCKET; exit code 1 if one could not be. */
export const SENDER = `use Socket;
socket(S, PF_UNIX, SOCK_DGRAM, 0) or die;
my $to = $ENV{NOTIFY_SOCKET}; $to =~ s/^@/\\0/;
# Without the zeros with which sockaddr_un() fills the address.
my $address = pack("S", AF_UNIX) . $to;
for (@ARGV) { defined send(S, $_, 0, $address) or exit 1 }
`;

/** The words of a command that sends `messages` to the abstract address `name`, or to that of its environment. */
export const notifyWords = (messages: readonly string[], name?: string): string[] => [
  ...(name === undefined ? [] : ["env", `NOTIFY_SOCKET=@${name}`]),
  "perl",
  "-e",
  SENDER,
  ...messages,
];
