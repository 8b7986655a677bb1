// svstat: each row of its manual, with the C program and with ours; and where ours is right and C is not.
import { expect, test } from "bun:test";
import { runScript, sameAsC } from "../support/same-script.ts";

/** 18 bytes as printf escapes: 2^62+10 plus the seconds, pid, paused, want. */
function status(seconds: bigint, pid: number, paused = 0, want = "u"): string {
  const bytes = new DataView(new ArrayBuffer(18));
  bytes.setBigUint64(0, BigInt.asUintN(64, 4611686018427387914n + seconds));
  bytes.setUint32(12, pid, true);
  bytes.setUint8(16, paused);
  bytes.setUint8(17, want.charCodeAt(0));
  return [...new Uint8Array(bytes.buffer)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}

const now = BigInt(Math.floor(Date.now() / 1000));
const FUTURE = 1n << 40n;

sameAsC("svstat", [
  ["without directories prints nothing", "say svstat"],
  ["takes no options", "say svstat -z; say svstat --help; say svstat --version; say svstat --"],
  [
    "prints a line for each directory, in order",
    "listen s; status s '" + status(now, 5) + "'; fifos t; say svstat t s missing s t",
  ],
  [
    "says what keeps it from entering",
    "echo >plain; ln -s loop loop; say svstat nonexist plain loop '' $(printf %256s | tr ' ' x)",
  ],
  ["says what keeps it from seeing a down file", "mkdir s; ln -s down s/down; say svstat s"],
  [
    "says what keeps it from opening ok",
    "service s; mkdir -p t/supervise/ok u; echo >u/supervise; say svstat s t u",
  ],
  ["says that supervise is not running", "fifos s; status s '" + status(now, 5) + "'; say svstat s"],
  [
    "says what keeps it from opening status",
    "listen s; say svstat s; ln -s status s/supervise/status; say svstat s",
  ],
  [
    "refuses a short status",
    "listen s; for n in 0 1 12 17; do head -c $n /dev/zero >s/supervise/status; say svstat s; done",
  ],
  [
    "ignores bytes after the eighteenth",
    "listen s; status s '" +
      status(now, 5) +
      "more'; say svstat s; status s '" +
      status(now, 0, 0, "d") +
      "\\000'; touch s/down; say svstat s",
  ],
  ...(["u", "d", "\0", "U", "x", "\xff"] as const)
    .flatMap((want) =>
      [0, 1, 2, 255].flatMap((paused) =>
        [0, 1, 4287, 0xffffffff].map(
          (pid) =>
            [
              `reads pid ${pid}, paused ${paused}, want ${want.charCodeAt(0)}`,
              `listen s; status s '${status(now, pid, paused, want)}'; say svstat s; touch s/down; say svstat s`,
            ] as const,
        ),
      ),
    )
    .filter((_, i) => i % 3 === 0 || i < 16),
  [
    "takes any kind of down file",
    "listen s; status s '" +
      status(now, 0) +
      "'; mkdir s/down; say svstat s; rmdir s/down; ln -s nowhere s/down; say svstat s",
  ],
  [
    "prints no age before zero",
    "listen s; status s '" +
      status(FUTURE, 7) +
      "'; say svstat s; status s '" +
      status(-(1n << 62n) - 10n + 1n, 0) +
      "'; say svstat s",
  ],
  ["reads a status that is a fifo as no status", "listen s; mkfifo s/supervise/status; say svstat s"],
  [
    "may not look as another user",
    "listen s; chmod 755 .; chmod 700 s/supervise; say setuidgid nobody svstat s; chmod 700 s; say setuidgid nobody svstat s",
  ],
  ["needs to open the directory it begins in", "listen s; chmod 711 .; say setuidgid nobody svstat s"],
  [
    "needs to return to the directory it began in",
    'listen s; chmod 755 .; mkdir here; chmod 744 here; S=$PWD/s; cd here; say setuidgid nobody svstat "$S" "$S"',
  ],
  [
    "ignores that nobody reads what it prints",
    "fifos s; say sh -c 'svstat s >/dev/full'; say sh -c 'svstat s >&-'",
  ],
]);

test("svstat says that status cannot be read, where the C program prints the directory before it", async () => {
  const { stdout } = await runScript("tend", "listen s; mkdir s/supervise/status; svstat s");
  expect(stdout).toBe("s: unable to read supervise/status: is a directory\n");
});
