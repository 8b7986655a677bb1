// 1000 services that have nothing to do: how often their supervisors wake, what CPU that takes, and what memory.
import { between, launch } from "./support/fleet.ts";
import { footprint, kernelBytesOfService, SETTLED_MS } from "./support/footprint.ts";
import { type Bench, Tally } from "./support/frame.ts";
import { suites } from "./support/suites.ts";

const COUNT = 1000;
/** TEND_BENCH_IDLE is another number of seconds to watch. */
const SECONDS = Number(process.env["TEND_BENCH_IDLE"] ?? 0);

export const rows: Bench = function* (options) {
  const seconds = SECONDS || (options.quick ? 5 : 60);
  const perService = kernelBytesOfService(options);
  const fleets = launch(suites(options, "all"), options.dir, COUNT, "memory");
  Bun.sleepSync(SETTLED_MS);
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
  yield {
    name: `${COUNT} idle services, wake-ups`,
    unit: "1/s",
    better: "less",
    samples: wakeUps.samples,
    must: { value: 0.2 },
    should: { value: 0 },
  };
  yield { name: `${COUNT} idle services, CPU`, unit: "ms/s", better: "less", samples: cpu.samples };
  yield* footprint(fleets, COUNT, perService, {
    "USS and kernel's": { must: { value: 85 }, should: { value: 40 } },
  });
  for (const fleet of fleets) fleet.end();
};
