import { expect, test } from "bun:test";
import { bare, bareCommand, said } from "../../tests/support/bare.ts";
import { Sandbox } from "../../tests/support/sandbox.ts";
import { SIGNALS, signalSet } from "./signals.ts";

test("a set has a bit for each signal", () => {
  expect(signalSet([])).toBe(0n);
  expect(signalSet(["SIGHUP"])).toBe(1n);
  expect(signalSet(["SIGCHLD", "SIGTERM", "SIGTERM"])).toBe((1n << 16n) | (1n << 14n));
});

test("the numbers are the kernel's", async () => {
  await using box = new Sandbox();
  for (const [name, number] of Object.entries(SIGNALS)) {
    const { stdout } = await box.run(["/bin/bash", "-c", `kill -l ${name}`]);
    expect([name, stdout]).toEqual([name, `${number}\n`]);
  }
});

test("block adds to the mask and tells the one before; setMask replaces it", async () => {
  await using box = new Sandbox();
  const got = await bare(
    box,
    `const mask = () => /SigBlk:\\t(.*)/.exec(files.readFile("/proc/self/status"))[1];
     signals.setMask(0n);
     say(signals.block(signals.signalSet(["SIGHUP"])));
     say(signals.block(signals.signalSet(["SIGTERM"])));
     say(mask());
     signals.setMask(signals.signalSet(["SIGINT"]));
     say(mask());
     signals.setMask(0n);
     say(mask());`,
  );
  expect(got).toEqual(["0", "1", "0000000000004001", "0000000000000002", "0000000000000000"]);
});

test("a disposition is default or ignored, and a program that is started sees which", async () => {
  await using box = new Sandbox();
  const got = await bare(
    box,
    `const ignored = (name) => (BigInt("0x" + /SigIgn:\\t(.*)/.exec(files.readFile("/proc/self/status"))[1])
       & signals.signalSet([name])) !== 0n;
     signals.setDisposition("SIGHUP", "ignore"); say(ignored("SIGHUP"));
     signals.setDisposition("SIGHUP", "default"); say(ignored("SIGHUP"));
     try { signals.setDisposition("SIGKILL", "ignore"); } catch (error) { say(errors.errnoOf(error)); }`,
  );
  expect(got).toEqual([true, false, 22]);
});

test("a signalfd gives what is pending, each signal once with its sender, and nothing when nothing is", async () => {
  await using box = new Sandbox();
  const words = bareCommand(
    box,
    `const set = signals.signalSet(["SIGHUP", "SIGTERM", "SIGUSR1"]);
     const file = signals.signalfd(set);
     say(files.closeOnExec(file));
     const read = () => signals.readSignals(file).map(({ signal, from }) => [signal, from === processes.getpid()]);
     say(read());
     for (const name of ["SIGUSR1", "SIGTERM", "SIGTERM", "SIGHUP"]) processes.kill(processes.getpid(), name);
     say(read().sort(([a], [b]) => a - b));
     say(read());`,
  );
  // Blocked from the start: the runtime has threads by the time a script is run.
  const { stdout } = await box.run(["/usr/bin/env", "--block-signal=HUP,TERM,USR1", ...words]);
  expect(said(stdout)).toEqual([
    true,
    [],
    [
      [1, true],
      [10, true],
      [15, true],
    ],
    [],
  ]);
});

test("boot blocks every signal that a program may take as an event, in the thread that counts", async () => {
  await using box = new Sandbox();
  const got = await bare(
    box,
    `say(boot.inheritedMask);
     say(/SigBlk:\\t(.*)/.exec(files.readFile("/proc/thread-self/status"))[1]);
     say(boot.EVENT_SIGNALS);`,
  );
  const [inherited, now, names] = got as [string, string, (keyof typeof SIGNALS)[]];
  expect(BigInt(`0x${now}`)).toBe(BigInt(inherited) | signalSet(names));
});
