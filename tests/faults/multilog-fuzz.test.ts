// A sample of tests/fuzz/multilog.ts, which runs for as long as it is told to.
import { test } from "bun:test";
import { existsSync } from "node:fs";
import { fuzzOnce, numbers } from "../fuzz/multilog.ts";

test("random scripts and kills at random moments: every directory holds what the script selects, once", async () => {
  const end = Date.now() + 15_000;
  for (let seed = 1; seed <= 15 && Date.now() < end; seed++)
    await fuzzOnce(numbers(seed), existsSync("/dev/shm") ? "/dev/shm" : undefined);
});
