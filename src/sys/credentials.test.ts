import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { bare } from "../../tests/support/bare.ts";
import { Sandbox } from "../../tests/support/sandbox.ts";
import { getegid, geteuid, getpwnam } from "./credentials.ts";
import { EACCES, EPERM } from "./errno.ts";

const asRoot = test.skipIf(process.geteuid?.() !== 0);

test("getpwnam finds every account of /etc/passwd, and nobody else", () => {
  const first = new Map<string, { uid: number; gid: number }>();
  for (const line of readFileSync("/etc/passwd", "latin1").split("\n")) {
    const [name = "", , uid, gid] = line.split(":");
    if (name !== "" && !name.startsWith("+") && !first.has(name))
      first.set(name, { uid: Number(uid), gid: Number(gid) });
  }
  for (const [name, account] of first) expect([name, getpwnam(name)]).toEqual([name, account]);
  for (const name of ["", "no such account", "\xff", "x".repeat(10_000)])
    expect(getpwnam(name)).toBeUndefined();
});

test("geteuid and getegid are the kernel's", () => {
  expect([geteuid(), getegid()]).toEqual([process.geteuid?.(), process.getegid?.()] as number[]);
});

const SHOW = `const show = () => {
  const text = files.readFile("/proc/self/status");
  return ["Uid", "Gid", "Groups"].map((name) => new RegExp(name + ":[ \\\\t]*(.*?)[ \\\\t]*$", "m").exec(text)[1].split(/\\s+/).join(" "));
};`;

asRoot("setgroups, setgid and setuid replace all that the process is", async () => {
  await using box = new Sandbox();
  const got = await bare(
    box,
    `${SHOW} credentials.setgroups([4294967294, 7, 7000]); credentials.setgid(64001); credentials.setuid(4294967293);
     say(show());
     try { credentials.setuid(0); } catch (error) { say([errors.errnoOf(error), error.call]); }
     try { credentials.setgid(0); } catch (error) { say([errors.errnoOf(error), error.call]); }
     try { credentials.setgroups([0]); } catch (error) { say([errors.errnoOf(error), error.call]); }
     say(credentials.geteuid()); say(credentials.getegid());`,
  );
  const [uids, gids, groups] = got[0] as string[];
  expect(uids).toBe("4294967293 4294967293 4294967293 4294967293");
  expect(gids).toBe("64001 64001 64001 64001");
  expect((groups as string).split(" ").sort()).toEqual(["4294967294", "7", "7000"]);
  const refused = ["setuid", "setgid", "setgroups"].map((call) => [EPERM, call]);
  expect(got.slice(1)).toEqual([...refused, 4294967293, 64001]);
});

asRoot("no supplementary groups are none", async () => {
  await using box = new Sandbox();
  const [shown] = await bare(box, `${SHOW} credentials.setgroups([]); say(show());`);
  expect((shown as string[])[2]).toBe("");
});

asRoot("setFileIds changes whose files are made and what may be opened, and takes it back", async () => {
  await using box = new Sandbox();
  const got = await bare(
    box,
    `${SHOW} const before = show();
     credentials.setFileIds({ uid: 64001, gid: 64002 });
     say(show());
     try { files.openat(files.AT_FDCWD, "/etc/shadow", files.O_RDONLY); } catch (error) { say(errors.errnoOf(error)); }
     credentials.setFileIds(undefined);
     say(JSON.stringify(show()) === JSON.stringify(before));
     files.close(files.openat(files.AT_FDCWD, "/etc/shadow", files.O_RDONLY));`,
  );
  expect(got).toEqual([["0 0 0 64001", "0 0 0 64002", "64002"], EACCES, true]);
});
