// soak.ts - runs svscan on services in pairs with multilog, and kills, stops, commands, upgrades and moves everything at
// random; at the end every line must be there once, and no service may ever have run twice.
//
//   npm run soak -- MINUTES [ --services N ] [ --pause MS ] [ --seed N ]
//
// Default: 200 services, and up to 120 ms between two events. Prints a summary; exit code 0 only if nothing was lost, doubled or left behind.
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  truncateSync,
} from "node:fs";
import { join } from "node:path";
import { ours, root } from "../support/programs.ts";
import { alive, allPids, parentOf, type Running, Sandbox, signal, stat } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const words = process.argv.slice(2);
const option = (name: string, otherwise: number): number => {
  const at = words.indexOf(name);
  return at < 0 ? otherwise : Number(words[at + 1]);
};
const minutes = Number(words[0] ?? 10);
const wanted = option("--services", 200);
const pauseMs = option("--pause", 120);
let seed = option("--seed", Date.now() % 1_000_000);

/** 0 to 1; the same run again with the same seed, as far as the machine is the same. */
function random(): number {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
  return seed / 0x80000000;
}
const pick = <Item>(items: readonly Item[]): Item | undefined => items[Math.floor(random() * items.length)];

// Each line is noted after it was written: what is noted must be in the log. Within an hour a service may get a pid for the second
// time, so its runs are told apart by their place among its starts as well.
const RUN = `#!/bin/sh
echo $$ >> starts
run=$$.$(($(wc -l <starts)))
i=0
while :; do
  for n in 1 2 3; do
    i=$((i+1))
    echo "$run $i"
  done
  echo $i > last.$run
  sleep 2
done
`;
const LOG = `#!/bin/sh
echo $$ >> starts
exec ${ours("multilog")} s40000 n1000 ./main
`;

const build = Bun.spawnSync([process.execPath, "--no-install", "scripts/build.ts"], {
  cwd: root,
  stdio: ["ignore", "inherit", "inherit"],
});
if (build.exitCode !== 0) process.exit(111);

await using box = new Sandbox();
const scan = box.directory("scan");
const gone = box.directory("gone");
let made = 0;
const directories: string[] = [];
function add(): void {
  const name = `s${++made}`;
  // Made elsewhere and moved in whole, as one should.
  renameSync(box.service(`new-${name}`, { run: RUN, log: LOG }), join(scan, name));
  directories.push(join(scan, name));
}
for (let i = 0; i < wanted; i++) add();

const counts = new Map<string, number>();
const wrong: string[] = [];
const did = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);

const started = (directory: string): number[] => {
  const file = join(directory, "starts");
  if (!existsSync(file)) return [];
  return readFileSync(file, "latin1")
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
};
/** Whether `pid` is a process of that directory, and not one that has got the number of one that was, or a thread. */
const lives = (directory: string, pid: number): boolean =>
  alive(pid) && isProcess(pid) && cwd(pid) === directory;
function isProcess(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/status`, "latin1").includes(`\nTgid:\t${pid}\n`);
  } catch {
    return false;
  }
}
function cwd(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "";
  }
}

/** The processes that were started there and live; not those that one of them started, which may have got such a number. */
function copies(directory: string): number[] {
  const there = [...new Set(started(directory))].filter((pid) => lives(directory, pid));
  return there.filter((pid) => !there.includes(parentOf(pid)));
}

/** The process that was started there last, if it lives. */
function current(directory: string): number | undefined {
  const pid = started(directory).at(-1);
  return pid !== undefined && lives(directory, pid) ? pid : undefined;
}

/** What `ps` would tell of a process. */
function describe(pid: number): string {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0").join(" ").trim();
    const { state, parent, session } = stat(pid);
    return `${pid} ${state} parent ${parent} session ${session} "${words}"`;
  } catch {
    return `${pid} gone`;
  }
}

function checkCopies(directory: string): void {
  for (const part of [directory, join(directory, "log")]) {
    const there = copies(part);
    if (there.length > 1)
      wrong.push(
        `${part}: ${there.length} copies: ${there.map(describe).join("; ")}; started last: ${started(part).slice(-5).join(" ")}`,
      );
  }
}

let svscan: Running = box.svscan(scan);
const samples: { readonly descriptors: number; readonly kB: number; readonly services: number }[] = [];
function sample(): void {
  const { pid } = svscan;
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
    const kB = Number(/^Private_Dirty:\s+(\d+)/m.exec(rollup)?.[1]);
    samples.push({ descriptors: readdirSync(`/proc/${pid}/fd`).length, kB, services: directories.length });
  } catch {
    // It was killed meanwhile.
  }
}

async function again(): Promise<void> {
  await svscan.ended();
  svscan = box.svscan(scan);
}

const svc = (letters: string, ...paths: string[]): void => {
  Bun.spawnSync([ours("svc"), letters, ...paths], { stderr: "ignore" });
  did("svc");
};

const SIGUSR2 = 12;
function blocks(pid: number, signo: number): boolean {
  try {
    const [, mask = "0"] = /^SigBlk:\s*(\w+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? [];
    return ((BigInt(`0x${mask}`) >> BigInt(signo - 1)) & 1n) === 1n;
  } catch {
    return false;
  }
}

/** What may happen, and how often compared with the others. */
const events: readonly [number, () => unknown][] = [
  [
    6,
    async () => {
      did("kill -9 svscan");
      svscan.signal("SIGKILL");
      await Bun.sleep(random() * 300);
      await again();
    },
  ],
  [
    3,
    () => {
      // Before it takes it as an event, it would end it, as it ends any program.
      if (!blocks(svscan.pid, SIGUSR2)) return;
      did("SIGUSR2");
      svscan.signal("SIGUSR2");
    },
  ],
  [
    2,
    async () => {
      did("SIGSTOP svscan");
      svscan.signal("SIGSTOP");
      await Bun.sleep(random() * 500);
      if (random() < 0.5) svscan.signal("SIGCONT");
      else {
        did("kill -9 svscan");
        svscan.signal("SIGKILL");
        await again();
      }
    },
  ],
  [
    20,
    () => {
      const pid = current(join(pick(directories) ?? "", "log"));
      if (pid === undefined) return;
      did("kill -9 logger");
      signal(pid, "SIGKILL");
    },
  ],
  [
    20,
    () => {
      const pid = current(pick(directories) ?? "");
      if (pid === undefined) return;
      did("kill -9 service");
      signal(pid, "SIGKILL");
    },
  ],
  [
    4,
    () => {
      const directory = pick(directories) ?? "";
      const pids = [current(directory), current(join(directory, "log"))];
      did("kill -9 service, logger and svscan");
      for (const pid of pids) if (pid !== undefined) signal(pid, "SIGKILL");
      svscan.signal("SIGKILL");
      return again();
    },
  ],
  [
    40,
    () =>
      svc(
        pick(["-u", "-d", "-o", "-t", "-p", "-c", "-k", "-pc", "-du", "-u", "-u"]) ?? "-u",
        pick(directories) ?? "",
      ),
  ],
  [
    2,
    () => {
      const pid = current(join(pick(directories) ?? "", "log"));
      if (pid === undefined) return;
      did("SIGSTOP logger");
      signal(pid, "SIGSTOP");
      // Nobody else can have its number before it has ended.
      setTimeout(() => alive(pid) && stat(pid).state === "T" && signal(pid, "SIGCONT"), random() * 2000);
    },
  ],
  [
    2,
    async () => {
      const record = join(pick(directories) ?? "", pick(["", "log"]) ?? "", "supervise/record");
      if (!existsSync(record)) return;
      did("record cut short");
      truncateSync(record, 0);
      // Both at once, a record that is gone and a supervisor killed before it sees that, is more than is promised.
      const whole = () => !existsSync(record) || statSync(record).size > 0;
      await until(whole, `${record} is made anew`).catch((error) => wrong.push(String(error)));
    },
  ],
  [2, add],
  [
    2,
    async () => {
      const directory = pick(directories);
      if (directory === undefined || directories.length < wanted / 2) return;
      did("removed");
      directories.splice(directories.indexOf(directory), 1);
      const away = join(gone, directory.split("/").at(-1) ?? "");
      renameSync(directory, away);
      // As the manual page says: from where it is now. Asked until it is heard, for svscan may be killed at any time.
      removed.push(away);
    },
  ],
];
const removed: string[] = [];
const total = events.reduce((sum, [weight]) => sum + weight, 0);

await until(
  () => directories.every((directory) => started(directory).length > 0),
  "all services are up",
  120_000,
);
const end = performance.now() + minutes * 60_000;
for (let round = 0; performance.now() < end; round++) {
  let at = random() * total;
  const event = events.find(([weight]) => {
    at -= weight;
    return at < 0;
  });
  await event?.[1]();
  await Bun.sleep(random() * pauseMs);
  const directory = pick(directories);
  if (directory !== undefined) checkCopies(directory);
  if (round % 20 === 0) sample();
}

// Everything that is left is stopped in order; what was moved away is stopped where it is now.
for (const directory of directories) svc("-uc", directory);
await Bun.sleep(2000);
for (const directory of [...directories, ...removed]) checkCopies(directory);
sample();
for (const directory of removed) {
  for (const part of [directory, join(directory, "log")]) {
    if (!existsSync(part)) continue;
    // One that an earlier svscan left has no supervisor, for its name is gone. Where svscan has it yet, this one exits.
    box.supervise(part);
    await until(() => Bun.spawnSync([ours("svok"), part]).exitCode === 0, `${part} has a supervisor`, 60_000);
    svc("-dx", part);
  }
}
svscan.signal("SIGTERM");
const stopped = await svscan.ended(120_000);
if (stopped.code !== 0) wrong.push(`svscan ended with ${stopped.signal ?? stopped.code}`);
await until(
  () => removed.every((directory) => copies(directory).length === 0),
  "what was removed ends",
  30_000,
).catch((error) => wrong.push(String(error)));

let lines = 0;
let services = 0;
for (const directory of [...directories, ...removed]) {
  for (const pid of copies(directory)) wrong.push(`${directory}: ${pid} is left`);
  const main = join(directory, "log/main");
  if (!existsSync(main)) continue;
  services++;
  const files = readdirSync(main)
    .filter((name) => name.startsWith("@"))
    .sort();
  const log = [...files, "current"]
    .filter((name) => existsSync(join(main, name)))
    .map((name) => readFileSync(join(main, name), "latin1"))
    .join("");
  const last = new Map<string, number>();
  for (const line of log.split("\n").slice(0, -1)) {
    lines++;
    const [run = "", number] = line.split(" ");
    const expected = (last.get(run) ?? 0) + 1;
    if (Number(number) !== expected) wrong.push(`${directory}: "${line}" where ${expected} is due`);
    last.set(run, Number(number));
  }
  if (removed.includes(directory)) continue;
  for (const name of readdirSync(directory)) {
    if (!name.startsWith("last.")) continue;
    const noted = Number(readFileSync(join(directory, name), "latin1"));
    if (noted > (last.get(name.slice(5)) ?? 0))
      wrong.push(`${directory}: ${name} is ${noted}, the log ends with ${last.get(name.slice(5))}`);
  }
}

const left = allPids().filter((pid) => {
  try {
    return stat(pid).state !== "Z" && cwd(pid).startsWith(scan);
  } catch {
    return false;
  }
});
if (left.length > 0) wrong.push(`${left.length} processes are left`);

const third = Math.max(1, Math.floor(samples.length / 3));
const median = (of: readonly number[]): number =>
  of.toSorted((a, b) => a - b)[Math.floor(of.length / 2)] ?? 0;
const share = (part: typeof samples): string =>
  `${median(part.map(({ descriptors, services }) => descriptors / services)).toFixed(2)} descriptors a service, ${median(part.map(({ kB }) => kB))} kB private dirty`;
process.stdout.write(
  [
    `${minutes} minutes, ${services} services in pairs, ${lines} lines`,
    ...[...counts].map(([what, count]) => `${what}: ${count}`),
    `svscan, first third: ${share(samples.slice(0, third))}`,
    `svscan, last third: ${share(samples.slice(-third))}`,
    `wrong: ${wrong.length}`,
    ...wrong.slice(0, 50).map((text) => `  ${text}`),
    "",
  ].join("\n"),
);
box.clear();
process.exit(wrong.length === 0 && lines > 0 ? 0 : 1);
