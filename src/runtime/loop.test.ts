import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { bare, said, startBare } from "../../tests/support/bare.ts";
import { Sandbox } from "../../tests/support/sandbox.ts";
import { until } from "../../tests/support/until.ts";

/** Runs a script in which `loop` is a loop that takes TERM, HUP and USR1; what it is told of errors and signals is said. */
async function loopSays(source: string): Promise<unknown[]> {
  await using box = new Sandbox();
  return await bare(box, LOOP + source);
}
const LOOP = `
  const onSignal = (signal) => { say(signal); if (signal === "SIGTERM") loop.stop(); };
  const loop = new loops.Loop(["SIGTERM", "SIGHUP", "SIGUSR1"], 0n, (signal) => onSignal(signal), (error) => say(\`error: \${error.message}\`));
  const now = () => clock.monotonic();
  const after = (ms, handler) => loop.at(units.later(now(), ms), handler);
  const me = processes.getpid();
`;

test("deadlines come in their order, whatever the order they were asked for in, and none too early", async () => {
  const got = await loopSays(`
    const start = now();
    for (const ms of [30, 10, 20, 10.5]) loop.at(units.later(start, ms), () => say([ms, now() - start >= ms]));
    after(60, () => loop.stop());
    loop.run();
  `);
  expect(got).toEqual([10, 10.5, 20, 30].map((ms) => [ms, true]));
});

test("one taken back does not come", async () => {
  const got = await loopSays(`
    const takeBack = after(5, () => say("never"));
    after(1, takeBack);
    after(30, () => loop.stop());
    loop.run();
    say("over");
  `);
  expect(got).toEqual(["over"]);
});

test("what is put off comes before the loop sleeps, also what that puts off, in order", async () => {
  const got = await loopSays(`
    loop.soon(() => { say(1); loop.soon(() => { say(3); loop.soon(() => { say(4); loop.stop(); }); }); });
    loop.soon(() => say(2));
    loop.run();
  `);
  expect(got).toEqual([1, 2, 3, 4]);
});

test("what is put off by the event at hand is done after it, also after the last one", async () => {
  const got = await loopSays(`
    after(1, () => { loop.soon(() => say("after")); loop.stop(); say("event"); });
    loop.run();
  `);
  expect(got).toEqual(["event", "after"]);
});

test("an error in a handler is told, and ends nothing", async () => {
  const got = await loopSays(`
    const [read, write] = files.pipe();
    loop.watch(read, () => {
      files.read(read);
      after(1, () => { say("still here"); loop.stop(); });
      throw new Error("of a descriptor");
    });
    loop.soon(() => { throw new Error("put off"); });
    after(1, () => { throw new Error("of a deadline"); });
    after(2, () => files.write(write, "x"));
    loop.run();
  `);
  expect(got).toEqual(["error: put off", "error: of a deadline", "error: of a descriptor", "still here"]);
});

test("a descriptor is told of while it can be read, and no more once it is unwatched, also in the same turn", async () => {
  const got = await loopSays(`
    const pipes = [files.pipe(), files.pipe()];
    for (const [i, [read]] of pipes.entries()) {
      loop.watch(read, () => {
        say("one");
        // Both can be read: whichever comes first takes the other away.
        loop.unwatch(pipes[1 - i][0]);
        files.close(pipes[1 - i][0]);
        files.read(read);
      });
    }
    for (const [, write] of pipes) files.write(write, "x");
    after(30, () => loop.stop());
    loop.run();
    say("over");
  `);
  expect(got).toEqual(["one", "over"]);
});

test("a handler that unwatches itself is not called again, though there is more to read", async () => {
  const got = await loopSays(`
    const [read, write] = files.pipe();
    files.write(write, "abc");
    let left = 2;
    loop.watch(read, () => {
      say(units.byteString(files.read(read, 1)));
      if (--left === 0) loop.unwatch(read);
    });
    after(30, () => loop.stop());
    loop.run();
    loop.unwatch(read);
  `);
  expect(got).toEqual(["a", "b"]);
});

test("a thousand due deadlines do not keep a descriptor waiting", async () => {
  const got = await loopSays(`
    const [read, write] = files.pipe();
    let done = 0;
    loop.watch(read, () => { say(done < 100); loop.unwatch(read); });
    const start = now();
    for (let i = 0; i < 1000; i++) loop.at(start, () => { if (++done === 1) files.write(write, "x"); if (done === 1000) loop.stop(); });
    loop.run();
    say(done);
  `);
  expect(got).toEqual([true, 1000]);
});

test("signals are events: none is lost, those not asked for act as they did", async () => {
  await using box = new Sandbox();
  const running = startBare(box, `${LOOP} say("ready"); loop.run(); say("over");`);
  await until(() => running.stdout.includes("ready"), "the loop runs");
  running.signal("SIGHUP");
  await until(() => running.stdout.includes("SIGHUP"), "it was told of SIGHUP");
  running.signal("SIGUSR1");
  running.signal("SIGTERM");
  const { code, stdout } = await running.ended();
  expect(code).toBe(0);
  expect(said(stdout)).toEqual(["ready", "SIGHUP", "SIGUSR1", "SIGTERM", "over"]);

  const other = startBare(box, `${LOOP} say("ready"); loop.run();`);
  await until(() => other.stdout.includes("ready"), "the loop runs");
  other.signal("SIGALRM");
  expect((await other.ended()).signal).toBe("SIGALRM");
});

test("a signal that came before the loop is told of when it runs", async () => {
  expect(await loopSays(`processes.kill(me, "SIGTERM"); say("sent"); loop.run();`)).toEqual([
    "sent",
    "SIGTERM",
  ]);
});

test("an error in the handler of a signal does not lose the next one", async () => {
  const got = await loopSays(`
    processes.kill(me, "SIGHUP");
    processes.kill(me, "SIGTERM");
    const second = new loops.Loop(["SIGTERM", "SIGHUP"], 0n,
      (signal) => { if (signal === "SIGHUP") throw new Error("of a signal"); say(signal); second.stop(); },
      (error) => say(error.message));
    second.run();
  `);
  expect(got).toEqual(["of a signal", "SIGTERM"]);
});

test("it sleeps in the kernel: nothing wakes it but events", async () => {
  await using box = new Sandbox();
  const running = startBare(box, `${LOOP} say("ready"); loop.run(); `);
  await until(() => running.stdout.includes("ready"), "the loop runs");
  const switches = () => {
    const text = readFileSync(`/proc/${running.pid}/task/${running.pid}/status`, "latin1");
    return Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(text)?.[1]);
  };
  await until(() => readFileSync(`/proc/${running.pid}/wchan`, "latin1").includes("epoll"), "it sleeps");
  const before = switches();
  await Bun.sleep(300); // Not to wait for something: for nothing to happen.
  expect(switches() - before).toBeLessThanOrEqual(1);
});

test("a rest comes where no deadline is waited for", async () => {
  const got = await loopSays(`
    const idle = new loops.Loop(["SIGUSR1"], 0n, () => {}, say, () => { say("rest"); idle.stop(); });
    // It is due.
    idle["rest"]["between"] = [now(), now()];
    idle.run();
  `);
  expect(got).toEqual(["rest"]);
});

test("what is done in turns lets others have theirs, and can be taken back", async () => {
  const got = await loopSays(`
    let steps = 0;
    loop.at(now(), () => say("another"));
    loop.inTurns(0, () => { say(++steps); return steps < 3; }, () => {
      say("done");
      const takeBack = loop.inTurns(0, () => { say("once"); return true; }, () => say("never"));
      takeBack();
      after(20, () => loop.stop());
    });
    say("begun");
    loop.run();
  `);
  expect(got).toEqual([1, "begun", "another", 2, 3, "done", "once"]);
});
