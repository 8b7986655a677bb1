import { expect, test } from "bun:test";
import { bare } from "../../tests/support/bare.ts";
import { Sandbox } from "../../tests/support/sandbox.ts";
import { pid } from "../units/units.ts";
import { EINVAL, type ErrnoError, ESRCH } from "./errno.ts";
import { getrlimit, type Resource, RLIM_INFINITY, RLIMIT } from "./limits.ts";

/** The rows of /proc/PID/limits. */
const ROWS: { readonly [row: string]: Resource } = {
  "Max cpu time": "CPU",
  "Max file size": "FSIZE",
  "Max data size": "DATA",
  "Max stack size": "STACK",
  "Max core file size": "CORE",
  "Max resident set": "RSS",
  "Max processes": "NPROC",
  "Max open files": "NOFILE",
  "Max locked memory": "MEMLOCK",
  "Max address space": "AS",
};

test("every limit is the one that /proc shows under its name", async () => {
  await using box = new Sandbox();
  const got = await bare(
    box,
    `const names = ${JSON.stringify(Object.keys(RLIMIT))};
     say(files.readFile("/proc/self/limits"));
     say(Object.fromEntries(names.map((name) => [name, limits.getrlimit(name)])));`,
  );
  const [text, found] = got as [string, { [name: string]: { soft: string; hard: string } }];
  const shown = (value: string) => (value === "unlimited" ? String(RLIM_INFINITY) : value);
  for (const [row, name] of Object.entries(ROWS)) {
    const line = text.split("\n").find((one) => one.startsWith(row)) as string;
    const [soft = "", hard = ""] = line.slice(26).trim().split(/ +/);
    expect([name, found[name]]).toEqual([name, { soft: shown(soft), hard: shown(hard) }]);
  }
  expect(Object.keys(found).length).toBe(Object.keys(ROWS).length);
});

test("setrlimit sets both, and a child has them", async () => {
  await using box = new Sandbox();
  const got = await bare(
    box,
    `limits.setrlimit("FSIZE", { soft: 12345n * 512n, hard: 2n ** 40n });
     limits.setrlimit("CORE", { soft: 0n, hard: 0n });
     say(limits.getrlimit("FSIZE"));
     const spawner = new processes.Spawner({ mask: 0n, defaults: 0n }, environments.environment());
     processes.waitFor(spawner.spawn("/bin/sh", ["sh", "-c", "echo [$(ulimit -S -f), $(ulimit -H -c)]"], []));
     try { limits.setrlimit("FSIZE", { soft: 2n, hard: 1n }); } catch (error) { say(errors.errnoOf(error)); }`,
  );
  expect(got).toEqual([{ soft: String(12345 * 512), hard: String(2n ** 40n) }, [12345, 0], EINVAL]);
});

test("another process's limits can be asked for", () => {
  expect(getrlimit("NOFILE", pid(process.pid))).toEqual(getrlimit("NOFILE"));
  try {
    getrlimit("NOFILE", pid(2 ** 22 + 1));
    expect.unreachable();
  } catch (error) {
    expect((error as ErrnoError).errno).toBe(ESRCH);
  }
});
