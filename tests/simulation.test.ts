// What a supervisor decides for very many services, in virtual time; bench/simulate.ts does it for more of them.
import { expect, test } from "bun:test";
import { HOUR, Simulation } from "./support/simulation.ts";

for (const seed of [1, 2, 3]) {
  test(`a thousand services are supervised rightly for an hour of deaths, commands and failed starts (${seed})`, () => {
    const all = new Simulation(1000, seed);
    all.pass(HOUR);
    all.settle();
    expect(all.starts).toBeGreaterThan(1500);
    expect(all.steps).toBeGreaterThan(5000);
    expect(all.left).toBeGreaterThan(0);
  });
}
