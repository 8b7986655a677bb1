// The supervisors' memory, without the services': what is private to them, and what the kernel keeps for them.
import { join } from "node:path";
import { Cgroup } from "./support/cgroup.ts";
import { endTree, start } from "./support/command.ts";
import { Fleet, launch } from "./support/fleet.ts";
import { type Bench, type Contender, type Options, type Row, Tally } from "./support/frame.ts";
import { suites } from "./support/suites.ts";

const MB = 1e6;

/** What the kernel keeps for one process of the static program, in bytes: it is not the supervisor's. */
function kernelBytesOfService(options: Options): number | undefined {
  const cgroup = Cgroup.make(`tend-bench.${process.pid}.services`, "memory");
  if (cgroup === undefined) return undefined;
  const count = 200;
  const suite = { contender: "limit" as Contender, supervisor: () => [], tell: () => [] };
  const fleet = new Fleet(suite, join(options.dir, "services"), 0);
  const script = `i=0; while [ $i -lt ${count} ]; do "$0" & i=$((i+1)); done; wait`;
  const root = start(cgroup.around(["/bin/sh", "-c", script, `${fleet.dir}.program`]));
  fleet.starts(count);
  Bun.sleepSync(200);
  const bytes = cgroup.kernelBytes;
  endTree(root);
  fleet.end();
  cgroup.remove();
  return bytes === undefined ? undefined : bytes / count;
}

export const rows: Bench = function* (options) {
  const perService = kernelBytesOfService(options);
  for (const count of [1, 100, 1000]) {
    const fleets = launch(suites(options, "all"), options.dir, count, "memory");
    Bun.sleepSync(options.quick ? 2000 : 5000);
    const [uss, dirty, rss, kernel, all] = [new Tally(), new Tally(), new Tally(), new Tally(), new Tally()];
    for (const fleet of fleets) {
      const { contender } = fleet.suite;
      const bytes = fleet.memory();
      uss.add(contender, bytes.uss / MB);
      dirty.add(contender, bytes.dirty / MB);
      rss.add(contender, bytes.rss / MB);
      const inKernel = fleet.cgroup?.kernelBytes;
      if (inKernel === undefined || perService === undefined) continue;
      const own = Math.max(0, inKernel - count * perService);
      kernel.add(contender, own / MB);
      all.add(contender, (own + bytes.uss) / MB);
    }
    for (const fleet of fleets) fleet.end();
    const row = (what: string, { samples }: Tally): Row => ({
      name: `memory, N=${count}, ${what}`,
      unit: "MB",
      better: "less",
      samples,
    });
    yield row("USS", uss);
    yield row("private dirty", dirty);
    yield row("RSS", rss);
    yield row("kernel's", kernel);
    const budgets = count === 1000 ? { must: { value: 85 }, should: { value: 40 } } : {};
    yield { ...row("USS and kernel's", all), ...budgets };
  }
};
