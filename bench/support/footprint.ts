// The memory of supervisors, without the services': what is private to them, and what the kernel keeps for them.
import { join } from "node:path";
import { Cgroup } from "./cgroup.ts";
import { endTree, start } from "./command.ts";
import { Fleet } from "./fleet.ts";
import { type Budget, type Contender, type Options, type Row, Tally } from "./frame.ts";

const MB = 1e6;

/** Ours gives back what it needed for its start after twelve seconds; the runtime ends threads that had nothing to do then. */
export const SETTLED_MS = 14_500;

/** What the kernel keeps for one process of the static program, in bytes: it is not the supervisor's. */
export function kernelBytesOfService(options: Options): number | undefined {
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

type Figure = "USS" | "private dirty" | "RSS" | "kernel's" | "USS and kernel's";
export type Budgets = { readonly [figure in Figure]?: { readonly must?: Budget; readonly should?: Budget } };

/**
 * The memory of each of `fleets`, all of the same size.
 * @param perService what the kernel keeps for each of the services
 */
export function footprint(
  fleets: readonly Fleet[],
  count: number,
  perService: number | undefined,
  budgets: Budgets,
): Row[] {
  const tallies = { USS: new Tally(), "private dirty": new Tally(), RSS: new Tally() };
  const [kernel, all] = [new Tally(), new Tally()];
  for (const fleet of fleets) {
    const { contender } = fleet.suite;
    const { uss, dirty, rss } = fleet.memory();
    tallies.USS.add(contender, uss / MB);
    tallies["private dirty"].add(contender, dirty / MB);
    tallies.RSS.add(contender, rss / MB);
    const inKernel = fleet.cgroup?.kernelBytes;
    if (inKernel === undefined || perService === undefined) continue;
    const own = Math.max(0, inKernel - count * perService);
    kernel.add(contender, own / MB);
    all.add(contender, (own + uss) / MB);
  }
  const figures: { readonly [figure in Figure]: Tally } = {
    ...tallies,
    "kernel's": kernel,
    "USS and kernel's": all,
  };
  return Object.entries(figures).map(([figure, { samples }]) => ({
    name: `memory, N=${count}, ${figure}`,
    unit: "MB",
    better: "less",
    samples,
    ...budgets[figure as Figure],
  }));
}
