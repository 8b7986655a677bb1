// readproctitle: MB of errors a second. Who writes errors waits for it once the pipe is full.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { timed } from "./support/command.ts";
import { type Bench, interleave } from "./support/frame.ts";

export const rows: Bench = async function* ({ dir, rounds, tend }) {
  // The C program makes a system call for each byte.
  const bytes = Buffer.from(`${"x".repeat(99)}\n`.repeat(10_000));
  const stdin = join(dir, "input");
  writeFileSync(stdin, bytes);
  const speed = (path: string) => () =>
    bytes.length / 1e3 / timed([path, "service", "errors:", ".".repeat(400)], { stdin });
  const samples = await interleave(rounds(12), {
    tend: speed(tend("readproctitle")),
    C: existsSync("/usr/bin/readproctitle") ? speed("/usr/bin/readproctitle") : undefined,
  });
  yield { name: "readproctitle, 1 MB", unit: "MB/s", better: "more", samples, must: { ratio: 1 } };
};
