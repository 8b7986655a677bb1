// There can be no further process (fork: EAGAIN). C: supervise takes no command and sees no death for 60 seconds after each
// failure. Ours goes on with everything else; each command here is answered in a few milliseconds.
import { expect, test } from "bun:test";
import { chmodSync, chownSync } from "node:fs";
import { ours, which } from "../support/programs.ts";
import { Sandbox, signal, stat } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/** A user that nobody else is, so that the limit counts our processes alone. */
const UID = 61_000 + (process.pid % 4000);
const asUser = (words: readonly string[]) => [
  ...["setpriv", `--reuid=${UID}`, `--regid=${UID}`, "--clear-groups"],
  ...words,
];
const can = process.getuid?.() === 0 && which("setpriv") !== null && which("prlimit") !== null;
/** Whether that user may run what was built: the project can lie in a directory that is closed to them. */
const reachable =
  can &&
  Bun.spawnSync(asUser(["test", "-x", ours("svscan")]), { stdio: ["ignore", "ignore", "ignore"] })
    .exitCode === 0;

test.skipIf(!reachable)(
  "without processes svscan obeys at once, and starts the rest when there are some",
  async () => {
    await using box = new Sandbox();
    chmodSync(box.path, 0o755);
    const names = Array.from({ length: 16 }, (_, i) => `s${i}`);
    chownSync(box.directory("scan"), UID, UID);
    for (const name of names) chownSync(box.service(`scan/${name}`), UID, UID);
    // The runtime's own threads count too, about five.
    const svscan = box.start(asUser(["prlimit", "--nproc=14:14", ours("svscan"), "scan"]));
    const failed = () => [...new Set(svscan.stderr.match(/unable to fork for s\d+/g))].length;
    const up = () => names.filter((name) => (box.status(`scan/${name}`)?.pid ?? 0) !== 0);
    await until(
      () => failed() > 0 && up().length > 0 && up().length + failed() === names.length,
      "some run, some do not",
    );
    expect(svscan.stderr.split("\n")[0]).toMatch(
      /^supervise: warning: unable to fork for s\d+, sleeping \d+ seconds: temporary failure$/,
    );

    const [name = ""] = up();
    const pid = await box.up(`scan/${name}`);
    // A supervisor that sleeps after a failed start, C's for a minute, would need longer than the test may take.
    for (let i = 0; i < 5; i++) {
      for (const [letters, state] of [
        ["-p", "T"],
        ["-c", "S"],
      ] as const) {
        const { code } = await box.run([ours("svc"), letters, `scan/${name}`]);
        expect(code).toBe(0);
        await until(() => stat(pid).state === state, `svc ${letters} is obeyed`);
      }
    }

    // A death is seen as well, and the place it leaves is used.
    signal(pid, "SIGKILL");
    await until(() => box.status(`scan/${name}`)?.pid !== pid, "the death is seen");

    // A service that is waiting for a process can be told to stay down.
    const waiting = names.find((each) => !up().includes(each)) ?? "";
    await box.run([ours("svc"), "-d", `scan/${waiting}`]);
    await until(() => box.status(`scan/${waiting}`)?.want === "down", "svc -d is obeyed");

    // Others leave, and those who wait are started; u makes them try at once.
    const leaving = up().slice(0, 5);
    for (const each of leaving) await box.run([ours("svc"), "-d", `scan/${each}`]);
    const wanting = names.filter((each) => !leaving.includes(each) && each !== waiting);
    await until(async () => {
      for (const each of wanting)
        if (!up().includes(each)) await box.run([ours("svc"), "-u", `scan/${each}`]);
      return up().filter((each) => !leaving.includes(each)).length > 2;
    }, "those who waited are up");
    expect(svscan.running).toBe(true);
  },
);
