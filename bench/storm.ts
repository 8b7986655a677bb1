// 1000 services that exit at once, each started once a second for ever: CPU per start, of the supervisors, the kernel and
// the services together.
import { join } from "node:path";
import { waitFor } from "../src/sys/process.ts";
import { now, start } from "./support/command.ts";
import { Fleet } from "./support/fleet.ts";
import { type Bench, type Options, Tally } from "./support/frame.ts";
import { writeStaticProgram } from "./support/static-program.ts";
import { suites } from "./support/suites.ts";

/** What the kernel takes: spawn and wait, with nobody in between. One after the other, so time is CPU. */
function limit(options: Options): number[] {
  const program = join(options.dir, "exits");
  writeStaticProgram(program, undefined, "exit");
  return Array.from({ length: options.rounds(400) }, () => {
    const before = now();
    waitFor(start([program]));
    return now() - before;
  });
}

export const rows: Bench = function* (options) {
  const slice = options.quick ? 2000 : 4000;
  const [cost, rate] = [new Tally(), new Tally()];
  for (const ms of limit(options)) cost.add("limit", ms);
  // One suite at a time: two storms at once would be two for the price of one scheduler.
  for (let round = 0; round < options.rounds(4); round++) {
    for (const suite of suites(options)) {
      const fleet = new Fleet(suite, join(options.dir, `${round}-${suite.contender}`), 1000, "exit");
      if (fleet.cgroup !== undefined) {
        fleet.up();
        fleet.startsIn(2500);
        const [cpu, began] = [fleet.cgroup.cpuMs, now()];
        const count = fleet.startsIn(slice);
        const ms = now() - began;
        cost.add(suite.contender, (fleet.cgroup.cpuMs - cpu) / count);
        rate.add(suite.contender, (count / ms) * 1000);
      }
      fleet.end();
    }
  }
  const [must, should] = [{ ratio: 0.6 }, { ratio: 0.3 }];
  const name = "1000 instant-exit services";
  yield { name: `${name}, CPU per start`, unit: "ms", better: "less", samples: cost.samples, must, should };
  yield { name: `${name}, starts`, unit: "1/s", better: "more", samples: rate.samples };
};
