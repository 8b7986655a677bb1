// 1000 services that have nothing to do: how often their supervisors wake, and what CPU that takes.
import { between, launch } from "./support/fleet.ts";
import { type Bench, Tally } from "./support/frame.ts";
import { suites } from "./support/suites.ts";

/** TEND_BENCH_IDLE is another number of seconds to watch. */
const SECONDS = Number(process.env["TEND_BENCH_IDLE"] ?? 0);

export const rows: Bench = function* (options) {
  const seconds = SECONDS || (options.quick ? 10 : 30);
  const fleets = launch(suites(options, "all"), options.dir, 1000);
  // The runtime ends threads that had nothing to do for ten seconds.
  Bun.sleepSync(options.quick ? 12_000 : 20_000);
  // All at the same time: they do not disturb each other, asleep.
  const before = fleets.map((fleet) => fleet.activity());
  Bun.sleepSync(seconds * 1000);
  const after = fleets.map((fleet) => fleet.activity());
  const [wakeUps, cpu] = [new Tally(), new Tally()];
  for (const [i, fleet] of fleets.entries()) {
    const [a, b] = [before[i], after[i]];
    if (a === undefined || b === undefined) continue;
    const { switches, cpuMs } = between(a, b);
    wakeUps.add(fleet.suite.contender, switches / seconds);
    cpu.add(fleet.suite.contender, cpuMs / seconds);
  }
  for (const fleet of fleets) fleet.end();
  const [must, should] = [{ value: 0.2 }, { value: 0 }];
  yield {
    name: "1000 idle services, wake-ups",
    unit: "1/s",
    better: "less",
    samples: wakeUps.samples,
    must,
    should,
  };
  yield { name: "1000 idle services, CPU", unit: "ms/s", better: "less", samples: cpu.samples };
};
