// All ways a program is started must give it the same: posix_spawn(3), and vfork.ts where many descriptors may be open, waiting for
// it at once or later.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Fd, fd, instant, type Pid } from "../units/units.ts";
import { environment } from "./environment.ts";
import { ENOENT, ErrnoError } from "./errno.ts";
import { AT_FDCWD, close, duplicate, O_CREAT, O_DIRECTORY, O_PATH, O_RDWR, openat } from "./files.ts";
import { RUNTIME_IGNORES } from "./inherited.ts";
import { type FileAction, Spawner, waitFor } from "./process.ts";
import { signalSet } from "./signals.ts";
import { Precedence } from "./vfork.ts";

const dir = mkdtempSync(join(tmpdir(), "tend-process."));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Higher than anything the test process passes on. */
const PRIVATE = fd(200);

for (const [way, privateFrom] of [
  ["posix_spawn", undefined],
  ["vfork", PRIVATE],
  ["vfork, begun", PRIVATE],
] as const) {
  describe(way, () => {
    const here = join(dir, way);
    let spawner: Spawner;
    let directory: Fd;
    let other: Fd;
    beforeAll(() => {
      mkdirSync(join(here, "other"), { recursive: true });
      const mask = signalSet(["SIGUSR1"]);
      const lean = privateFrom === undefined ? {} : { privateFrom };
      spawner = new Spawner({ mask, defaults: RUNTIME_IGNORES, ...lean }, environment());
      // Well within what the child does not copy.
      directory = duplicate(openat(AT_FDCWD, here, O_PATH | O_DIRECTORY), 300);
      other = duplicate(openat(AT_FDCWD, join(here, "other"), O_PATH | O_DIRECTORY), 400);
    });
    afterAll(() => {
      close(directory);
      close(other);
    });

    function start(path: string, argv: readonly string[], actions: readonly FileAction[]): Pid {
      if (way !== "vfork, begun") return spawner.spawn(path, argv, actions);
      const finish = spawner.begin(path, argv, actions);
      if (finish === undefined) throw new Error("it has to be spawned");
      return finish();
    }

    function run(command: string, actions: readonly FileAction[]): number {
      return waitFor(start("/bin/sh", ["sh", "-c", command], actions)).status;
    }

    test("the program begins in the directory of the last fchdir", () => {
      const first: FileAction = { do: "fchdir", directory };
      expect(run("pwd -P >cwd", [first])).toBe(0);
      expect(readFileSync(join(here, "cwd"), "utf8")).toBe(`${here}\n`);
      expect(run("pwd -P >cwd", [first, { do: "fchdir", directory: other }])).toBe(0);
      expect(readFileSync(join(here, "other/cwd"), "utf8")).toBe(`${join(here, "other")}\n`);
    });

    test("a file is opened relative to the directory of that moment", () => {
      const actions: FileAction[] = [
        { do: "fchdir", directory },
        { do: "open", to: fd(1), path: "said", flags: O_RDWR | O_CREAT, mode: 0o600 },
        { do: "fchdir", directory: other },
      ];
      expect(run("echo hello; pwd -P", actions)).toBe(0);
      expect(readFileSync(join(here, "said"), "utf8")).toBe(`hello\n${join(here, "other")}\n`);
    });

    test("a descriptor that is given to it arrives, and no other of ours does", () => {
      const file = duplicate(openat(AT_FDCWD, join(here, "given"), O_RDWR | O_CREAT, 0o600), 500);
      const actions: FileAction[] = [
        { do: "fchdir", directory },
        { do: "dup2", from: file, to: fd(1) },
      ];
      expect(run("ls /proc/$$/fd | grep '[0-9][0-9][0-9]'; echo end", actions)).toBe(0);
      close(file);
      expect(readFileSync(join(here, "given"), "utf8")).toBe("end\n");
    });

    test("signals are blocked as told, and none that the runtime ignores is ignored", () => {
      // Not by way of the shell, which unblocks signals.
      const actions: FileAction[] = [
        { do: "fchdir", directory },
        { do: "open", to: fd(1), path: "signals", flags: O_RDWR | O_CREAT, mode: 0o600 },
      ];
      const grep = start("/bin/grep", ["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"], actions);
      expect(waitFor(grep).status).toBe(0);
      const said = readFileSync(join(here, "signals"), "utf8");
      expect(said).toContain("SigBlk:\t0000000000000200");
      const ignored = BigInt(`0x${/SigIgn:\t(\w+)/.exec(said)?.[1]}`);
      expect(ignored & (RUNTIME_IGNORES | (0b11n << 31n))).toBe(0n);
    });

    test("a program that is not there is an error, and leaves no process and no change", () => {
      const actions: FileAction[] = [{ do: "fchdir", directory }];
      for (let i = 0; i < 3; i++) {
        const startNothing = () => start("./nothing", ["nothing"], actions);
        expect(startNothing).toThrow(ErrnoError);
        try {
          startNothing();
        } catch (error) {
          expect((error as ErrnoError).errno).toBe(ENOENT);
        }
      }
      writeFileSync(join(here, "something"), "#!/bin/sh\nexit 7\n", { mode: 0o755 });
      expect(waitFor(start("./something", ["something"], actions)).status).toBe(7 << 8);
    });

    test("a directory that is let go afterwards is not held", () => {
      const kept = duplicate(other, 600);
      expect(
        run(":", [
          { do: "fchdir", directory },
          { do: "fchdir", directory: kept },
        ]),
      ).toBe(0);
      close(kept);
      expect(run(`ls -l /proc/${process.pid}/fd >fds`, [{ do: "fchdir", directory }])).toBe(0);
      const held = readFileSync(join(here, "fds"), "utf8").split("\n");
      expect(held.filter((line) => line.endsWith(join(here, "other"))).length).toBe(2);
    });
  });
}

test("what was begun is joined once it is another program, and others can be begun then", () => {
  const spawner = new Spawner({ mask: 0n, defaults: 0n, privateFrom: PRIVATE }, environment());
  for (let i = 0; i < 200; i++) {
    const finish = spawner.begin("/bin/sh", ["sh", "-c", `exit ${i % 100}`], []);
    const child = finish?.() as Pid;
    expect(readFileSync(`/proc/${child}/stat`, "latin1")).toContain(" (sh) ");
    expect(waitFor(child).status).toBe((i % 100) << 8);
  }
});

describe("whether a program that was started runs first", () => {
  /** Starts programs that each have the processor for `ms` from now on for `seconds`, one at each millisecond. @returns how many ran first */
  function startAll(precedence: Precedence, from: number, seconds: number, ms: number): number {
    let first = 0;
    for (let now = from; now < from + seconds * 1000; now++) {
      if (!precedence.allowed(instant(now))) continue;
      first++;
      precedence.had(instant(now), instant(now + ms));
    }
    return first;
  }

  test("always, where that takes as long as a start", () => {
    expect(startAll(new Precedence(), 0, 60, 0.3)).toBe(60_000);
  });

  test("once a minute in the end, where others want the processor too", () => {
    const precedence = new Precedence();
    expect(startAll(precedence, 0, 60, 3)).toBe(8);
    expect(startAll(precedence, 60_000, 600, 3)).toBe(10);
  });

  test("again, after some that took no longer", () => {
    const precedence = new Precedence();
    startAll(precedence, 0, 60, 3);
    expect(startAll(precedence, 60_000, 50, 0.3)).toBe(0);
    expect(startAll(precedence, 120_000, 60, 0.3)).toBe(60_000);
  });

  test("nearly always, where one in a hundred takes long", () => {
    const precedence = new Precedence();
    let first = 0;
    for (let now = 0; now < 10_000; now++) {
      if (!precedence.allowed(instant(now))) continue;
      first++;
      precedence.had(instant(now), instant(now + (first % 100 === 0 ? 4 : 0.3)));
    }
    expect(first).toBeGreaterThan(8500);
  });
});
