// A service is killed: how long until its successor runs. And what svc takes to stop one, and to start one.
import { join } from "node:path";
import { epollAdd, epollCreate, epollWait } from "../src/sys/epoll.ts";
import { close } from "../src/sys/files.ts";
import { kill, pidfdOpen, waitFor } from "../src/sys/process.ts";
import type { Pid } from "../src/units/units.ts";
import { now, start } from "./support/command.ts";
import { Fleet, launch } from "./support/fleet.ts";
import {
  type Bench,
  type Contender,
  interleave,
  type Options,
  type Samples,
  Tally,
} from "./support/frame.ts";
import type { Start } from "./support/reports.ts";
import { suites } from "./support/suites.ts";

/** A service is started at most once a second: what is measured is that it may be. */
const APART_MS = 1100;
/** What a supervisor still does after a restart, or its client, is over then, and does not disturb the next one's. */
const AFTERMATH_MS = 100;

/** Takes `measure` of every fleet, in rounds whose beginnings are `apartMs` apart. */
async function inRounds(
  fleets: readonly Fleet[],
  rounds: number,
  apartMs: number,
  measure: (fleet: Fleet) => number,
): Promise<Samples> {
  const last = new Map<Fleet, number>();
  const once = (fleet: Fleet) => () => {
    const wait = (last.get(fleet) ?? now()) + apartMs - now();
    if (apartMs > 0) Bun.sleepSync(Math.max(wait, AFTERMATH_MS));
    last.set(fleet, now());
    return measure(fleet);
  };
  return await interleave(
    rounds,
    Object.fromEntries(fleets.map((fleet) => [fleet.suite.contender, once(fleet)])),
  );
}

/** Milliseconds until `service` has ended, from before `act`. */
function untilGone(service: Pid, act: () => void): number {
  const watch = pidfdOpen(service);
  const epoll = epollCreate();
  epollAdd(epoll, watch);
  const before = now();
  act();
  while (epollWait(epoll, 5000).length === 0) if (now() - before > 5000) throw new Error("still there");
  const after = now();
  close(epoll);
  close(watch);
  return after - before;
}

/** What the kernel takes: kill, wait, spawn, with nobody in between. */
function limit(options: Options): number[] {
  const suite = {
    contender: "limit" as Contender,
    supervisor: () => [join(options.dir, "limit.program")],
    tell: () => [],
  };
  const fleet = new Fleet(suite, join(options.dir, "limit"), 0);
  const samples: number[] = [];
  let child = start(suite.supervisor());
  fleet.starts(1);
  for (let i = 0; i < options.rounds(200); i++) {
    const before = now();
    kill(child, "SIGKILL");
    waitFor(child);
    child = start(suite.supervisor());
    samples.push((fleet.starts(1)[0] as Start).at - before);
  }
  kill(child, "SIGKILL");
  waitFor(child);
  fleet.end();
  return samples;
}

export const rows: Bench = async function* (options) {
  const fastest = limit(options);
  const single = launch(suites(options, "all"), options.dir, 1);

  const restarts = await inRounds(single, options.rounds(32), APART_MS, (fleet) =>
    fleet.restart(fleet.services[0] as Pid),
  );
  yield {
    name: "restart, kill -9 to first instruction, N=1",
    unit: "ms",
    better: "less",
    samples: { ...restarts, limit: fastest },
    must: { ratio: 0.7 },
    should: { ratio: 0.5 },
  };

  const ups = new Tally();
  const family = single.filter(({ suite }) => suite.configure === undefined);
  const gone = await inRounds(family, options.rounds(16), APART_MS, (fleet) => {
    const { suite, dir } = fleet;
    const directory = join(dir, "s0");
    const service = fleet.services[0] as Pid;
    let client: Pid | undefined;
    const down = untilGone(service, () => {
      client = start(suite.tell(directory, "down"));
    });
    waitFor(client as Pid);
    fleet.forget(service);
    Bun.sleepSync(20); // The supervisor has seen it as well.
    const before = now();
    const other = start(suite.tell(directory, "up"));
    const [next] = fleet.starts(1);
    waitFor(other);
    ups.add(suite.contender, (next as Start).at - before);
    return down;
  });
  yield { name: "svc -d, exec of svc to service gone, N=1", unit: "ms", better: "less", samples: gone };
  yield {
    name: "svc -u, exec of svc to first instruction, N=1",
    unit: "ms",
    better: "less",
    samples: ups.samples,
  };
  for (const fleet of single) fleet.end();

  const many = launch(suites(options), options.dir, 1000);
  Bun.sleepSync(2 * APART_MS);
  const samples = await inRounds(many, options.rounds(200), 0, (fleet) => {
    const [victim] = fleet.services;
    return fleet.restart(victim as Pid);
  });
  yield {
    name: "restart, kill -9 to first instruction, N=1000",
    unit: "ms",
    better: "less",
    samples,
    must: { ratio: 1 },
    should: { ratio: 0.6 },
  };
  for (const fleet of many) fleet.end();
};
