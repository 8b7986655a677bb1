// The supervise directory cannot be written. C: the same message at the start, at every scan; while it runs, a warning at
// every attempt, and a status that stays wrong until the next change after it can be written again.
import { expect, test } from "bun:test";
import { unlinkSync } from "node:fs";
import { canMount, PrivateDisk } from "../support/private-disk.ts";
import { ours } from "../support/programs.ts";
import { alive, childrenOf, Sandbox, stat } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/** Whether a directory can be made immutable where the tests are. */
const canBeImmutable = await (async () => {
  await using box = new Sandbox();
  const path = box.directory("d");
  const { code } = await box.run(["chattr", "+i", path]);
  await box.run(["chattr", "-i", path]);
  return code === 0;
})();

test.concurrent("svscan says once that supervise is a file, runs the others, and starts the service once it is none", async () => {
  await using box = new Sandbox();
  box.service("scan/bad", { files: { supervise: "" } });
  box.service("scan/good");
  const svscan = box.svscan("scan");
  await box.up("scan/good");
  const message = "supervise: fatal: unable to acquire bad/supervise/lock: not a directory\n";
  await until(() => svscan.stderr === message, "it is said");
  svscan.signal("SIGHUP");
  unlinkSync(box.at("scan/bad/supervise"));
  svscan.signal("SIGHUP");
  await box.up("scan/bad");
  expect(svscan.stderr).toBe(message);
});

test.skipIf(!canMount).concurrent("supervise cannot begin on a read-only file system", async () => {
  await using box = new Sandbox();
  const disk = await PrivateDisk.make(box, "size=1m,mode=755");
  await disk.start("mkdir", "s").ended();
  await disk.remount("ro");
  expect(await disk.start(ours("supervise"), "s").ended()).toMatchObject({
    code: 111,
    stderr: "supervise: fatal: unable to acquire s/supervise/lock: file does not exist\n",
  });
  await disk.remount("rw");
  await disk.start("mkdir", "s/supervise").ended();
  await disk.remount("ro");
  expect(await disk.start(ours("supervise"), "s").ended()).toMatchObject({
    code: 111,
    stderr: "supervise: fatal: unable to acquire s/supervise/lock: read-only file system\n",
  });
});

// A file system that turns read-only under open files does so by itself, after an error; an immutable directory is as good.
test
  .skipIf(!canBeImmutable)
  .concurrent(
    "a supervise directory in which nothing can be renamed stops neither service nor commands",
    async () => {
      await using box = new Sandbox();
      const supervisor = box.supervise(box.service("s"));
      const first = await box.up("s");
      const state = box.at("s/supervise");
      await box.run(["chattr", "+i", state]);
      try {
        expect((await box.run([ours("svc"), "-t", "s"])).stderr).toBe("");
        const second = await until(
          () => childrenOf(supervisor.pid).find((pid) => pid !== first && alive(pid)),
          "it is restarted",
        );
        await until(() => supervisor.stderr !== "", "the status is complained of");
        await box.run([ours("svc"), "-p", "s"]);
        await until(() => stat(second).state === "T", "it is stopped");
        expect(box.status("s")?.pid).toBe(first);
        await box.run(["chattr", "-i", state]);
        expect(await box.up("s", first)).toBe(second);
        expect(box.status("s")?.paused).toBe(true);
        expect(supervisor.stderr).toMatch(
          /^supervise: warning: unable to \w+ \S*s\/supervise\/status.new.*: permission denied\n$/,
        );
      } finally {
        await box.run(["chattr", "-i", state]);
      }
    },
  );
