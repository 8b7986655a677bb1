// What a program is given that is run through a chain-loading tool: all that /proc/self shows of it, through the C tool and
// through ours, byte for byte.
import { describe, expect, test } from "bun:test";
import { haveC, ours, theirs, which } from "../support/programs.ts";
import { Sandbox } from "../support/sandbox.ts";

/** Each tool in a use that shows; what it does to the program must be the same too. */
const TOOLS: { readonly [title: string]: readonly string[] } = {
  envdir: ["envdir", "e"],
  envuidgid: ["envuidgid", "daemon"],
  fghack: ["fghack"],
  pgrphack: ["pgrphack"],
  setlock: ["setlock", "lock"],
  setuidgid: ["setuidgid", "nobody"],
  softlimit: ["softlimit", "-o", "64", "-c", "0"],
  "softlimit of memory": ["softlimit", "-m", "100000000", "-p", "1000"],
  "a chain": ["setlock", "lock", "envdir", "e", "softlimit", "-o", "64", "pgrphack", "setuidgid", "nobody"],
};

/** The state that a program may be started in; each runs `"$@"`. */
const STATES: { readonly [title: string]: string } = {
  "as it is": 'exec "$@"',
  "with more descriptors": ': >open; exec 3<open 5>open 8>>open 12<>open 40</dev/null; exec "$@"',
  "with another umask": 'umask 0123; exec "$@"',
  "in another directory": 'mkdir -p d/e; cd d; exec "$@"',
  "with limits": 'ulimit -c 0; ulimit -Ss 4096; ulimit -n 1000; ulimit -St 1000; exec "$@"',
  "with an environment of any bytes": `exec perl -e '%ENV = ("PATH" => $ENV{PATH}, "B\\377\\303" => "\\377\\200\\n", "" => "x", "E" => ""); exec { $ARGV[0] } @ARGV' "$@"`,
  "with an empty environment": 'exec env -i "$@"',
  "with ignored signals": `exec perl -e '$SIG{$_} = "IGNORE" for qw(HUP INT QUIT TERM USR1 USR2 ALRM TSTP TTIN TTOU WINCH); exec { $ARGV[0] } @ARGV' "$@"`,
  "with blocked signals": `exec perl -e 'use POSIX; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(1, 2, 3, 10, 12, 14, 15, 17, 20, 34)); exec { $ARGV[0] } @ARGV' "$@"`,
  "at another priority, on one processor": 'exec nice -n 5 taskset -c 0 "$@"',
  "leading a session": 'exec setsid -w "$@"',
};

/** Prints what /proc shows; names that hold a pid, addresses and times are left out. */
const SHOW = [
  "/usr/bin/perl",
  "-e",
  `
  sub slurp { open my $f, "<", $_[0] or return "$!"; local $/; my $t = <$f>; $t }
  $dir = "/proc/self";
  # Perl opens its own: the numbers are those that were open at its start.
  for (sort { $a <=> $b } grep { /^\\d+$/ } map { s,.*/,,r } glob("$dir/fd/*")) {
    my $to = readlink "$dir/fd/$_" or next;
    next if $to =~ m{^/proc/};
    $to =~ s/\\[\\d+\\]/[N]/; $to =~ s,.*/,,;
    my ($flags) = slurp("$dir/fdinfo/$_") =~ /flags:\\s*(\\d+)/;
    print "fd $_ $to $flags\\n";
  }
  print "env ", join("|", split /\\0/, slurp("$dir/environ"), -1), "\\n";
  print "cmdline ", join("|", (split /\\0/, slurp("$dir/cmdline"), -1)[0, 1]), "\\n";
  print slurp("$dir/limits");
  print grep { !/^(Vm|Rss|Hugetlb|voluntary|nonvoluntary|Pid|Tgid|PPid|Ngid|NS|FDSize|SigQ|Cpus_allowed_list|Mems)/ } map { "$_\\n" } split /\\n/, slurp("$dir/status");
  print "cwd ", readlink("$dir/cwd") =~ s,.*/,,r, " root ", readlink("$dir/root"), " umask ", umask, "\\n";
  print "$_ ", slurp("$dir/$_") for qw(cgroup timerslack_ns personality oom_score_adj coredump_filter loginuid);
  my @stat = split / /, slurp("$dir/stat") =~ s/.*\\) //sr;
  print "leads ", $stat[2] == $$ ? "group " : "", $stat[3] == $$ ? "session " : "", "terminal $stat[4] nice $stat[16] policy $stat[38]\\n";
  # The pid it would have without the tool.
  print "pid ", $$ == $ENV{STARTED} ? "same" : "other", "\\n" if exists $ENV{STARTED};
  `,
];

const NAMES = new Set(["envdir", "envuidgid", "fghack", "pgrphack", "setlock", "setuidgid", "softlimit"]);

async function shown(
  program: (name: string) => string,
  tools: readonly string[],
  state: string,
): Promise<string> {
  await using box = new Sandbox();
  const here = box.directory("here");
  box.file("here/e/ADDED", "by envdir\n");
  box.file("here/d/e/ADDED", "by envdir\n");
  const chain = tools.map((word) => (NAMES.has(word) ? program(word) : word));
  const script = `chmod 777 . d; export STARTED=$$; ${state}`;
  const { code, stdout, stderr } = await box.run(["/bin/bash", "-c", script, "bash", ...chain, ...SHOW], {
    cwd: here,
    env: { PATH: "/usr/bin:/bin", OLDPWD: undefined, PWD: undefined },
  });
  return `${stdout}\n${stderr}\n${code}`
    .replaceAll(/STARTED=\d+/g, "STARTED=N")
    .replaceAll(/TEND_TEST_SANDBOX=[\d-]+/g, "MARK")
    .replaceAll(box.path, "BOX");
}

describe.skipIf(!haveC)("a program that is run through", () => {
  for (const [tool, words] of Object.entries(TOOLS)) {
    for (const [title, state] of Object.entries(STATES)) {
      test.concurrent(`${tool}, ${title}, finds itself as in C`, async () => {
        const [c, tend] = await Promise.all([shown(theirs, words, state), shown(ours, words, state)]);
        expect(tend).toBe(c);
        expect(c).toContain("Max open files");
      });
    }
  }
});

test.skipIf(!haveC || which("script") === null)(
  "a program in the background of a script, on a terminal, does not end by the terminal's SIGINT",
  async () => {
    await using box = new Sandbox();
    const ignored = async (program: (name: string) => string): Promise<string> => {
      const inner = `${program("setlock")} lock grep SigIgn /proc/self/status & wait`;
      return (await box.run(["script", "-qec", `sh -c '${inner}'`, "/dev/null"])).stdout;
    };
    const [c, tend] = [await ignored(theirs), await ignored(ours)];
    expect(c).toMatch(/SigIgn:\s*0+6\b/);
    expect(tend).toBe(c);
  },
);
