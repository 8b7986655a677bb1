// 1000 services, all started at once: from the exec of the supervisor to the first instruction of the last service.
import { join } from "node:path";
import { Fleet, orLeaveOut } from "./support/fleet.ts";
import { type Bench, interleave, Tally } from "./support/frame.ts";
import { suites } from "./support/suites.ts";

const COUNT = 1000;

export const rows: Bench = async function* (options) {
  const cpu = new Tally();
  let round = 0;
  const once = (suite: ReturnType<typeof suites>[number]) => () => {
    // A directory of its own each time, removed at the very end: ext4 without a journal does not give the inodes of what
    // was just deleted to new files, and looks for others one by one.
    const fleet = new Fleet(suite, join(options.dir, `${round++}-${suite.contender}`), COUNT);
    const wall = orLeaveOut(suite, () => fleet.up());
    const used = fleet.cgroup?.cpuMs;
    if (wall !== undefined && used !== undefined) cpu.add(suite.contender, used);
    fleet.end();
    return wall ?? [];
  };
  const measures = Object.fromEntries(suites(options).map((suite) => [suite.contender, once(suite)]));
  const samples = await interleave(options.rounds(8), measures);
  const name = `${COUNT} services all up`;
  const [must, should] = [{ ratio: 1 }, { ratio: 0.6 }];
  yield { name: `${name}, wall`, unit: "ms", better: "less", samples, must, should };
  yield { name: `${name}, CPU with the services'`, unit: "ms", better: "less", samples: cpu.samples };
};
