// What the machine itself allows: the price of a process, and the bandwidth of a pipe and of the page cache. Nothing of ours
// is in it; the other rows are to be read beside these.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../src/sys/process.ts";
import { now, start, timed } from "./support/command.ts";
import type { Bench } from "./support/frame.ts";
import { writeStaticProgram } from "./support/static-program.ts";

const BYTES = 256e6;

export const rows: Bench = function* ({ dir, rounds }) {
  const program = join(dir, "exits");
  writeStaticProgram(program, undefined, "exit");
  const each = <T>(full: number, measure: () => T): T[] => Array.from({ length: rounds(full) }, measure);
  const process = each(400, () => {
    const before = now();
    waitFor(start([program]));
    return now() - before;
  });
  yield {
    name: "vfork, exec and exit of a static program of 200 bytes",
    unit: "ms",
    better: "less",
    samples: { limit: process },
  };
  const dynamic = each(200, () => timed(["/bin/true"]));
  yield { name: "the same of /bin/true", unit: "ms", better: "less", samples: { limit: dynamic } };

  const file = join(dir, "bytes");
  writeFileSync(file, Buffer.alloc(BYTES, "x"));
  const perSecond = (ms: number): number => BYTES / 1e3 / ms;
  const copy = ["/bin/dd", `if=${file}`, `of=${join(dir, "copy")}`, "bs=64k", "status=none"];
  yield {
    name: "a file copied from page cache to page cache, 64 kB at a time",
    unit: "MB/s",
    better: "more",
    samples: { limit: each(8, () => perSecond(timed(copy))) },
  };
  const script = 'dd if="$0" bs=64k status=none | dd of=/dev/null bs=64k status=none';
  yield {
    name: "a file through a pipe, 64 kB at a time",
    unit: "MB/s",
    better: "more",
    samples: { limit: each(8, () => perSecond(timed(["/bin/sh", "-c", script, file]))) },
  };
  const memory = each(8, () => {
    const before = now();
    readFileSync(file);
    return perSecond(now() - before);
  });
  yield { name: "a file read whole", unit: "MB/s", better: "more", samples: { limit: memory } };
};
