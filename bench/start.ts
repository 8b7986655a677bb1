// 1000 services, all started at once: from the exec of the supervisor to the first instruction of the last service.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Fleet } from "./support/fleet.ts";
import { type Bench, interleave, Tally } from "./support/frame.ts";
import { suites } from "./support/suites.ts";

const COUNT = 1000;

export const rows: Bench = async function* (options) {
  const cpu = new Tally();
  const once = (suite: ReturnType<typeof suites>[number]) => () => {
    const dir = join(options.dir, suite.contender);
    const fleet = new Fleet(suite, dir, COUNT);
    const wall = fleet.up();
    const used = fleet.cgroup?.cpuMs;
    if (used !== undefined) cpu.add(suite.contender, used);
    fleet.end();
    for (const path of [dir, `${dir}.fifo`, `${dir}.program`, `${dir}.stderr`])
      rmSync(path, { recursive: true, force: true });
    return wall;
  };
  const measures = Object.fromEntries(suites(options).map((suite) => [suite.contender, once(suite)]));
  const samples = await interleave(options.rounds(8), measures);
  const name = `${COUNT} services all up`;
  const [must, should] = [{ ratio: 1 }, { ratio: 0.6 }];
  yield { name: `${name}, wall`, unit: "ms", better: "less", samples, must, should };
  yield { name: `${name}, CPU with the services'`, unit: "ms", better: "less", samples: cpu.samples };
};
