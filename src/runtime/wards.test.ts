// A supervisor learns of every end, whether its children have descriptors of their own or there are none for that.
import { expect, test } from "bun:test";
import { bare } from "../../tests/support/bare.ts";
import { Sandbox } from "../../tests/support/sandbox.ts";

const CHILDREN = 150;

/** Starts children, does `then` once each has its pidfd, and says how many ends were told, `many` at a time. */
const script = (then: string, limit = "") => `${limit}
  const world = new worlds.World([], () => {}, say);
  const open = () => {
    const directory = files.openat(files.AT_FDCWD, "/proc/self/fd", 0);
    try { return files.readdir(directory).length; } finally { files.close(directory); }
  };
  const pids = new Set();
  let wrong = 0;
  const start = (program, args) => {
    const child = world.spawn(program, args, [], (status) => {
      if (!pids.delete(child) || status !== 9) wrong++;
      if (pids.size === 0) { say(wrong); world.loop.stop(); }
    });
    pids.add(child);
  };
  const before = open();
  for (let i = 0; i < ${CHILDREN}; i++) start("/bin/sleep", ["sleep", "1000"]);
  const killAll = () => { for (const child of pids) world.kill(child, "SIGKILL"); };
  const whenHeld = (act) => {
    const wait = () => world.loop.at(units.later(clock.monotonic(), 20), () =>
      open() - before >= ${CHILDREN} ? act() : wait());
    wait();
  };
  world.loop.at(units.later(clock.monotonic(), 60_000), () => { say("too late"); world.loop.stop(); });
  ${then}
  world.loop.run();`;

test("children that end all at once, each with a pidfd", async () => {
  await using box = new Sandbox();
  expect(await bare(box, script("whenHeld(killAll);"))).toEqual([0]);
});

test("children that end before they have one", async () => {
  await using box = new Sandbox();
  expect(await bare(box, script("killAll();"))).toEqual([0]);
});

test("descriptors that are needed elsewhere are given up, a few at a time, and no end is missed", async () => {
  await using box = new Sandbox();
  const then = `whenHeld(() => {
    const held = open();
    // Ended, and not yet told of.
    killAll();
    say(world.descriptors.relieve());
    say(held - open());
    while (world.descriptors.relieve());
    say(held - open());
  });`;
  const [some, given, all, ...rest] = (await bare(box, script(then))) as unknown[];
  expect([some, given, all, ...rest]).toEqual([true, 64, CHILDREN, 0]);
});

test("a limit of descriptors below the number of children", async () => {
  await using box = new Sandbox();
  const limit = `limits.setrlimit("NOFILE", { soft: 60n, hard: 60n });`;
  const then = `world.loop.at(units.later(clock.monotonic(), 500), () => {
    world.descriptors.open(() => files.openat(files.AT_FDCWD, "/", 0));
    killAll();
  });`;
  expect(await bare(box, script(then, limit))).toEqual([0]);
});

test("a stranger's end does not stay unseen where there may be strangers", async () => {
  await using box = new Sandbox();
  const then = `
    start("/bin/sh", ["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do /bin/sh -c 'sleep 0.05; kill -9 $$' & done; kill -9 $$"]);
    whenHeld(() => {
      const wait = () => processes.hasChildren() && pids.size === 0
        ? world.loop.at(units.later(clock.monotonic(), 20), wait)
        : (say("none left"), world.loop.stop());
      const { stop } = world.loop;
      world.loop.stop = () => { world.loop.stop = stop; wait(); };
      killAll();
    });`;
  expect(await bare(box, script(then, "processes.prctl(36, 1);"))).toEqual([0, "none left"]);
});

test("children that end as soon as they are started, one after another, do not keep others from their turn", async () => {
  await using box = new Sandbox();
  const then = `
    let ends = 0;
    const startAnother = () => {
      const child = world.spawn("/bin/true", ["true"], [], () => {
        if (++ends < 2000) return startAnother();
        say("nobody else had a turn");
        world.loop.stop();
      });
      pids.add(child);
      // It has ended before anybody looks for one that has, as where starts take longer than the pause between them.
      const state = () => {
        const stat = files.openat(files.AT_FDCWD, \`/proc/\${child}/stat\`, 0);
        try { return files.readAll(stat).split(") ")[1][0]; } finally { files.close(stat); }
      };
      while (state() !== "Z");
    };
    startAnother();
    world.loop.at(units.later(clock.monotonic(), 1), () => { say("a turn"); world.loop.stop(); });`;
  expect(await bare(box, script(then).replace(/for \(let i = 0.*\n/, ""))).toEqual(["a turn"]);
});
