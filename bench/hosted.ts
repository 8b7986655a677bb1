// Services with logs: ours through loggers that share a process (`log/multilog`), those of the others with a logger each.
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { now } from "./support/command.ts";
import { Fleet } from "./support/fleet.ts";
import { kernelBytesOfService } from "./support/footprint.ts";
import { type Bench, type Options, type Row, Tally } from "./support/frame.ts";
import { type Suite, suites } from "./support/suites.ts";

const MB = 1e6;
const SCRIPT = ["t", "s16777215", "n2"];

/** What is in `log`, by contender. */
const LOGGERS: { readonly [contender: string]: readonly [name: string, content: string] } = {
  tend: ["multilog", `${SCRIPT.join("\n")}\n./main\n`],
  C: ["run", `#!/bin/sh\nexec /usr/bin/multilog ${SCRIPT.join(" ")} ./main\n`],
  runit: ["run", "#!/bin/sh\nmkdir -p main\nexec /usr/bin/svlogd -tt main\n"],
  s6: ["run", `#!/bin/sh\nexec /usr/bin/s6-log ${SCRIPT.join(" ")} ./main\n`],
};

function launch(suite: Suite, dir: string, count: number, counted: "cpu" | "memory"): Fleet {
  const [name = "", content = ""] = LOGGERS[suite.contender] ?? [];
  const fleet = new Fleet(
    suite,
    join(dir, `logged-${suite.contender}`),
    count,
    "wait",
    counted,
    (directory) => {
      mkdirSync(join(directory, "log"));
      writeFileSync(join(directory, "log", name), content, { mode: 0o755 });
    },
  );
  fleet.up();
  // A logger that writes has its directory.
  const last = now() + 120_000;
  for (const service of fleet.names)
    while (!existsSync(join(fleet.dir, service, "log/main/current"))) {
      if (now() > last) throw new Error(`${suite.contender}: no logger in ${service}`);
      Bun.sleepSync(20);
    }
  return fleet;
}

const logging = (options: Options): Suite[] =>
  suites(options).filter(({ contender }) => Object.hasOwn(LOGGERS, contender));

/** Bytes of one write, as of a program whose output is buffered, and what each service writes in a second. */
const WRITE = 4096;
const RATE = 1e6;
const line = `${"x".repeat(99)}\n`;
const block = Buffer.from(line.repeat(WRITE / 100 + 1)).subarray(0, WRITE);

/** Has every service of the fleet write so many bytes at that rate. @returns the CPU milliseconds of all others, for each MB */
function write(fleet: Fleet, bytes: number): number {
  const pipes = fleet.services.map((pid) =>
    openSync(`/proc/${pid}/fd/1`, constants.O_WRONLY | constants.O_NONBLOCK),
  );
  const before = fleet.cgroup?.cpuMs ?? Number.NaN;
  const began = now();
  const written = pipes.map(() => 0);
  for (let left = pipes.length; left > 0; ) {
    const due = Math.min(bytes, (RATE * (now() - began)) / 1000);
    for (const [i, pipe] of pipes.entries()) {
      const at = written[i] as number;
      if (at >= bytes || at + WRITE > due + WRITE) continue;
      try {
        written[i] = at + writeSync(pipe, block);
        if ((written[i] as number) >= bytes) left--;
      } catch {
        // It is full: the logger is behind.
      }
    }
    Bun.sleepSync(1);
  }
  for (const pipe of pipes) closeSync(pipe);
  // What they were given is done when nothing is used any more.
  for (let last = -1, cpu = fleet.cgroup?.cpuMs ?? 0; cpu - last > 1; ) {
    Bun.sleepSync(200);
    last = cpu;
    cpu = fleet.cgroup?.cpuMs ?? 0;
  }
  const all = written.reduce((sum, one) => sum + one, 0);
  return ((fleet.cgroup?.cpuMs ?? Number.NaN) - before) / (all / MB);
}

export const rows: Bench = function* (options) {
  const count = 1000;
  const perService = kernelBytesOfService(options);
  const pss = new Tally();
  const dirty = new Tally();
  const kernel = new Tally();
  const all = new Tally();
  const needed = new Tally();
  const processes = new Tally();
  for (const suite of logging(options)) {
    const { contender } = suite;
    const fleet = launch(suite, options.dir, count, "memory");
    // Ours gives back what its start needed some time after it.
    Bun.sleepSync(contender === "tend" ? (options.quick ? 15_000 : 30_000) : 1000);
    const kernelBytes = () => {
      const inKernel = fleet.cgroup?.kernelBytes;
      return inKernel === undefined || perService === undefined
        ? Number.NaN
        : Math.max(0, inKernel - count * perService);
    };
    const bytes = fleet.memory();
    pss.add(contender, bytes.pss / MB);
    dirty.add(contender, bytes.dirty / MB);
    processes.add(contender, fleet.supervisors.length);
    kernel.add(contender, kernelBytes() / MB);
    all.add(contender, (kernelBytes() + bytes.pss) / MB);
    fleet.cgroup?.reclaim();
    needed.add(contender, (kernelBytes() + fleet.memory().pss) / MB);
    fleet.end();
  }
  const row = (what: string, { samples }: Tally, unit = "MB"): Row => ({
    name: `${count} logged services, ${what}`,
    unit,
    better: "less",
    samples,
  });
  yield row("processes beside them", processes, "");
  yield row("memory, PSS", pss);
  yield row("memory, private dirty", dirty);
  yield row("memory, kernel's", kernel);
  yield { ...row("memory, PSS and kernel's", all), must: { value: 80 } };
  yield row("the same after the kernel was asked for all it can spare", needed);

  const memory = existsSync("/dev/shm") ? mkdtempSync("/dev/shm/tend-bench-") : options.dir;
  const cpu = new Tally();
  try {
    for (const suite of logging(options)) {
      const fleet = launch(suite, memory, 200, "cpu");
      write(fleet, RATE / 10);
      for (let round = 0; round < options.rounds(4); round++)
        cpu.add(suite.contender, write(fleet, options.quick ? RATE : 2 * RATE));
      fleet.end();
      rmSync(fleet.dir, { recursive: true });
    }
  } finally {
    if (memory !== options.dir) rmSync(memory, { recursive: true, force: true });
  }
  yield {
    name: "200 services at 1 MB/s, logged, CPU per MB",
    unit: "ms",
    better: "less",
    samples: cpu.samples,
  };
};
