// What the decisions cost without the kernel: services in virtual time, a simulated day of deaths, commands and failed
// starts, every step checked. CPU time of all of it: state machine, heap of deadlines, the simulated world and its checks.
import { DAY, HOUR, Simulation } from "../tests/support/simulation.ts";
import type { Bench, Row } from "./support/frame.ts";

export const rows: Bench = function* ({ quick }) {
  for (const count of [1000, 10_000, 100_000]) {
    const all = new Simulation(count);
    const before = process.cpuUsage();
    all.pass(quick ? HOUR : DAY);
    all.settle();
    const { user, system } = process.cpuUsage(before);
    const name = `simulation, N=${count}, ${quick ? "an hour" : "a day"}`;
    const row = (what: string, unit: string, value: number): Row => ({
      name: `${name}, ${what}`,
      unit,
      better: "less",
      samples: { tend: [value] },
    });
    yield row("CPU per event", "us", (user + system) / all.steps);
    yield row("events", "1000", all.steps / 1000);
  }
};
