// The memory of supervisors of few services, at rest. idle.ts has that of 1000.
import { launch } from "./support/fleet.ts";
import { footprint, kernelBytesOfService, SETTLED_MS } from "./support/footprint.ts";
import type { Bench } from "./support/frame.ts";
import { suites } from "./support/suites.ts";

const BUDGETS = {
  10: { USS: { must: { value: 20 } }, "private dirty": { must: { value: 6 } } },
} as const;

export const rows: Bench = function* (options) {
  const perService = kernelBytesOfService(options);
  // One after the other: two of ours would share what one alone has for itself.
  for (const count of options.quick ? ([10] as const) : ([1, 10, 100] as const)) {
    const fleets = launch(suites(options, "all"), options.dir, count, "memory");
    Bun.sleepSync(SETTLED_MS);
    yield* footprint(fleets, count, perService, count === 10 ? BUDGETS[count] : {});
    for (const fleet of fleets) fleet.end();
  }
};
