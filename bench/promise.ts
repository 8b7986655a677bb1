// What it costs to be a supervisor that can be killed: taking 1000 services over, becoming a new version in place, and the
// record of every service while nothing happens. "without" is the same svscan where a directory stands in the place of
// each record: it supervises without then, and could adopt a service by its status alone.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ErrnoError } from "../src/sys/errno.ts";
import { AT_FDCWD, close, O_NONBLOCK, O_WRONLY, openat, write } from "../src/sys/files.ts";
import { kill, waitFor } from "../src/sys/process.ts";
import type { Pid } from "../src/units/units.ts";
import { now } from "./support/command.ts";
import { Fleet } from "./support/fleet.ts";
import { type Bench, type Contender, interleave, type Options, Tally } from "./support/frame.ts";
import { suites } from "./support/suites.ts";

/** A service is started at most once a second. */
const APART_MS = 1100;
const PATIENCE_MS = 60_000;

function fleetOf(
  options: Options,
  name: string,
  count: number,
  contender: "tend" | "without",
  exits = false,
) {
  const [ours] = suites(options);
  if (ours === undefined) throw new Error("no svscan");
  const suite = { ...ours, contender: contender as Contender };
  const fleet = new Fleet(
    suite,
    join(options.dir, `${name}-${contender}`),
    count,
    exits ? "exit" : "wait",
    "cpu",
  );
  if (contender === "without")
    for (const service of fleet.names)
      mkdirSync(join(fleet.dir, service, "supervise/record"), { recursive: true });
  return fleet;
}

/** CPU milliseconds that a process has used, all its threads. */
const cpuMs = (process: Pid): number => {
  const fields = readFileSync(`/proc/${process}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

/** CPU milliseconds of the main thread, to the microsecond. */
const mainMs = (process: Pid): number =>
  Number(readFileSync(`/proc/${process}/schedstat`, "utf8").split(" ")[0]) / 1e6;

/** Writes to the control fifo of a service. @returns false while nobody listens */
function told(directory: string, letter: string): boolean {
  try {
    const control = openat(AT_FDCWD, join(directory, "supervise/control"), O_WRONLY | O_NONBLOCK);
    write(control, letter);
    close(control);
    return true;
  } catch (error) {
    if (error instanceof ErrnoError) return false;
    throw error;
  }
}

const stateOf = (process: Pid): string =>
  readFileSync(`/proc/${process}/stat`, "latin1").split(") ")[1]?.[0] ?? "";

/** Waits until `fact`, looking again and again. @returns the milliseconds that took */
function until(fact: () => boolean): number {
  const before = now();
  while (!fact()) {
    if (now() - before > PATIENCE_MS) throw new Error("it does not come");
    Bun.sleepSync(0.2);
  }
  return now() - before;
}

/** The process of the last service in order of their names, which is the last that svscan takes. */
const lastOf = (fleet: Fleet) => {
  const directory = join(fleet.dir, fleet.names.toSorted().at(-1) ?? "");
  const status = readFileSync(join(directory, "supervise/status"));
  return { directory, process: status.readUInt32LE(12) as Pid };
};

/** The milliseconds until each service answers, and then the last one obeys. */
function untilAllObey(fleet: Fleet, began: number): number {
  for (const name of fleet.names) until(() => told(join(fleet.dir, name), "c"));
  const { directory, process } = lastOf(fleet);
  told(directory, "p");
  until(() => stateOf(process) === "T");
  const ms = now() - began;
  told(directory, "c");
  until(() => stateOf(process) !== "T");
  return ms;
}

/** How long a command waits at most while svscan becomes a new image: one after the other is sent to the last service. */
function longestWait(fleet: Fleet, svscan: Pid): { readonly ms: number; readonly deaf: boolean } {
  const { directory, process } = lastOf(fleet);
  let [ms, deaf] = [0, false];
  kill(svscan, "SIGUSR2");
  // It asks the program for its version first.
  for (const end = now() + 1500; now() < end; ) {
    for (const [letter, stopped] of [
      ["p", true],
      ["c", false],
    ] as const) {
      deaf ||= !told(directory, letter);
      ms = Math.max(
        ms,
        until(() => (stateOf(process) === "T") === stopped),
      );
      Bun.sleepSync(1);
    }
  }
  return { ms, deaf };
}

export const rows: Bench = async function* (options) {
  for (const count of [1, 1000]) {
    const [adoption, adoptionCpu, upgrade, deaf] = [new Tally(), new Tally(), new Tally(), new Tally()];
    const fleet = fleetOf(options, `${count}`, count, "tend");
    fleet.up();
    Bun.sleepSync(APART_MS);
    for (let round = 0; round < options.rounds(12); round++) {
      const { ms, deaf: once } = longestWait(fleet, fleet.supervisors[0] as Pid);
      upgrade.add("tend", ms);
      deaf.add("tend", once ? 1 : 0);
      const [before] = fleet.supervisors;
      kill(before as Pid, "SIGKILL");
      waitFor(before as Pid);
      adoption.add("tend", untilAllObey(fleet, fleet.begin()));
      adoptionCpu.add("tend", cpuMs(fleet.supervisors[0] as Pid));
    }
    fleet.end();
    const row = { unit: "ms", better: "less" } as const;
    const must = { value: 1000 };
    yield {
      ...row,
      name: `N=${count}, exec of svscan to all adopted and obeying`,
      samples: adoption.samples,
      must,
    };
    yield { ...row, name: `N=${count}, the same, svscan's CPU`, samples: adoptionCpu.samples };
    yield {
      ...row,
      name: `N=${count}, upgrade, longest wait of a command`,
      samples: upgrade.samples,
      must: { value: 50 },
    };
    yield {
      ...row,
      unit: "",
      name: `N=${count}, upgrade, commands that nobody would take`,
      samples: deaf.samples,
      must: { value: 0 },
    };
  }

  const pair = (["tend", "without"] as const).map((who) => fleetOf(options, "restarts", 1000, who));
  for (const fleet of pair) fleet.up();
  Bun.sleepSync(2 * APART_MS);
  const cost = new Tally();
  const samples = await interleave(
    options.rounds(400),
    Object.fromEntries(
      pair.map((fleet) => [
        fleet.suite.contender,
        () => {
          const svscan = fleet.supervisors[0] as Pid;
          const before = mainMs(svscan);
          const ms = fleet.restart(fleet.services[0] as Pid);
          Bun.sleepSync(15);
          cost.add(fleet.suite.contender, (mainMs(svscan) - before) * 1000);
          return ms;
        },
      ]),
    ),
  );
  const memory = new Tally();
  for (const fleet of pair) memory.add(fleet.suite.contender, fleet.memory().uss / 1e6);
  for (const fleet of pair) fleet.end();
  yield { name: "restart, N=1000", unit: "ms", better: "less", samples };
  yield {
    name: "svscan's CPU for a death and a start, N=1000",
    unit: "us",
    better: "less",
    samples: cost.samples,
  };
  yield { name: "memory, N=1000, USS", unit: "MB", better: "less", samples: memory.samples };

  const storm = new Tally();
  for (let round = 0; round < options.rounds(8); round++) {
    for (const who of ["tend", "without"] as const) {
      const fleet = fleetOf(options, `storm${round}`, 1000, who, true);
      fleet.up();
      fleet.startsIn(2500);
      const svscan = fleet.supervisors[0] as Pid;
      const cpu = mainMs(svscan);
      const starts = fleet.startsIn(3000);
      storm.add(who, ((mainMs(svscan) - cpu) * 1000) / starts);
      fleet.end();
    }
  }
  const name = "1000 instant-exit services, svscan's CPU per start";
  yield { name, unit: "us", better: "less", samples: storm.samples };
};
