// Walks through the state machine against a world of virtual time: a service that can be signalled, that ends when it
// likes, and that can sometimes not be started.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DIRECTORIES, type Directory, type Health, World } from "../../tests/support/service-world.ts";
import { CONTROL_LETTERS, type ControlLetter } from "../formats/control.ts";
import type { Notification } from "../formats/sd-notify.ts";
import { statusOf } from "./service-state.ts";

describe("the transcripts of the C program", () => {
  /** One service; each line is letters, then what svstat and the status byte say of it two seconds later. */
  function transcript(world: World, lines: readonly (readonly [letters: string, is: string])[]): void {
    for (const [letters, is] of lines) {
      world.letters(letters);
      world.reap();
      world.pass(2000);
      const { pid, paused, want } = statusOf(world.state);
      const wish = { up: "u", down: "d", once: "0" }[want];
      expect(
        `${pid === 0 ? "down" : "up"} p ${paused ? 1 : 0} w ${wish}${world.left ? ", exited" : ""}`,
      ).toBe(is);
    }
  }

  test("with a down file it stays down, whatever signals are asked for", () => {
    const world = new World(true).begin();
    transcript(world, [["", "down p 0 w d"]]);
    for (const letter of "pctkhai") transcript(world, [[letter, "down p 0 w d"]]);
  });

  test("u, p, t while paused, c: the service dies of the pending TERM and is restarted", () => {
    const world = new World(true).begin();
    transcript(world, [
      ["u", "up p 0 w u"],
      ["p", "up p 1 w u"],
      ["t", "up p 1 w u"],
    ]);
    expect(world.starts).toBe(1);
    transcript(world, [["c", "up p 0 w u"]]);
    expect(world.starts).toBe(2);
  });

  test("p then d: the service is continued and goes down", () => {
    transcript(new World().begin(), [
      ["p", "up p 1 w u"],
      ["d", "down p 0 w d"],
    ]);
  });

  test("o from down: up once, not restarted", () => {
    transcript(new World(true).begin(), [
      ["o", "up p 0 w 0"],
      ["t", "down p 0 w 0"],
    ]);
  });

  test("o while running: runs on, not restarted", () => {
    transcript(new World().begin(), [
      ["o", "up p 0 w 0"],
      ["t", "down p 0 w 0"],
    ]);
  });

  test("x while running: keeps running; then u, t: supervise exits and the file keeps its u", () => {
    transcript(new World().begin(), [
      ["x", "up p 0 w u"],
      ["u", "up p 0 w u"],
      ["t", "down p 0 w u, exited"],
    ]);
  });

  test("xo while down: exits without starting", () => {
    const world = new World(true).begin();
    transcript(world, [["xo", "down p 0 w d, exited"]]);
    expect(world.starts).toBe(0);
  });

  test("ox while down: starts, waits for the service to end, then exits", () => {
    const world = new World(true).begin();
    transcript(world, [["ox", "up p 0 w 0"]]);
    world.end();
    transcript(world, [["", "down p 0 w 0, exited"]]);
    expect(world.starts).toBe(1);
  });

  test("ox within the second after a start: one run all the same", () => {
    const world = new World().begin();
    world.letters("d");
    world.reap();
    world.pass(300);
    world.letters("ox");
    expect(world.left).toBe(false);
    world.pass(700);
    expect(statusOf(world.state).pid).not.toBe(0);
    world.end();
    world.reap();
    expect(world.left).toBe(true);
    expect(world.starts).toBe(2);
  });

  test("a service that dies at once is started once a second", () => {
    const world = new World().begin();
    for (let ms = 0; ms < 60_000; ms += 10) {
      world.end();
      world.reap();
      world.pass(10);
    }
    expect(world.starts).toBeGreaterThanOrEqual(58);
    expect(world.starts).toBeLessThanOrEqual(61);
  });

  test("a service that lived longer than a second is restarted without delay", () => {
    const world = new World().begin();
    world.pass(1000);
    world.end();
    world.reap();
    expect(world.starts).toBe(2);
  });
});

type Action =
  | { readonly letter: ControlLetter }
  | { readonly pass: number }
  | { readonly health: Health; readonly jitter: number }
  | { readonly deaf: boolean }
  | {
      readonly directory: Directory;
      readonly code: number;
      readonly finishCode: number;
      readonly finishStarts: boolean;
      readonly checkCode: number;
      readonly checkStarts: boolean;
    }
  | { readonly said: Notification }
  | "end"
  | "end finish"
  | "end member"
  | "end check"
  | "reap"
  | "woken";

const anyNotification: fc.Arbitrary<Notification> = fc.constantFrom<Notification[]>(
  { ready: true },
  { ready: true, status: "x" },
  { reloading: true },
  { stopping: true },
  { watchdog: "alive" },
  { watchdog: "trigger" },
  { watchdogMs: 500 },
  { watchdogMs: 0 },
  { extendMs: 9000 },
  {},
);

const anyAction: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ letter: fc.constantFrom(...(Object.keys(CONTROL_LETTERS) as ControlLetter[])) }),
  },
  { weight: 4, arbitrary: fc.record({ letter: fc.constantFrom<ControlLetter[]>("u", "d", "o") }) },
  {
    weight: 4,
    arbitrary: fc.record({ pass: fc.constantFrom(0, 0.25, 10, 300, 999, 1000, 1001, 5000, 70_000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      health: fc.constantFrom<Health[]>("starts", "no-process", "no-program"),
      jitter: fc.constantFrom(0, 0.3, 1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ deaf: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      directory: fc.constantFrom(...(Object.keys(DIRECTORIES) as Directory[])),
      code: fc.constantFrom(0, 1, 100),
      finishCode: fc.constantFrom(0, 1, 125),
      finishStarts: fc.boolean(),
      checkCode: fc.constantFrom(0, 1),
      checkStarts: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ said: anyNotification }) },
  { weight: 2, arbitrary: fc.constant("end check" as const) },
  { weight: 4, arbitrary: fc.constant("end finish" as const) },
  { weight: 2, arbitrary: fc.constant("end member" as const) },
  { weight: 4, arbitrary: fc.constant("end" as const) },
  { weight: 6, arbitrary: fc.constant("reap" as const) },
  { weight: 1, arbitrary: fc.constant("woken" as const) },
);

function act(world: World, action: Action): void {
  if (action === "end") world.end();
  else if (action === "reap") world.reap();
  else if (action === "end finish") world.endFinish();
  else if (action === "end member") world.members = Math.max(0, world.members - 1);
  else if (action === "end check") world.endCheck();
  else if (action === "woken") world.wakeEarly();
  else if ("letter" in action) world.letters(action.letter);
  else if ("pass" in action) world.pass(action.pass);
  else if ("said" in action) world.say(action.said);
  else if ("deaf" in action) world.deaf = action.deaf;
  else if ("directory" in action) Object.assign(world, action);
  else {
    world.health = action.health;
    world.jitter = action.jitter;
  }
}

const walks = fc.record({
  down: fc.boolean(),
  // The monotonic clock may stand anywhere, and a first start must not depend on it.
  from: fc.constantFrom(0, 0.5, 1_000_000, 2 ** 40),
  actions: fc.array(anyAction, { maxLength: 80 }),
});
const RUNS = { numRuns: 1500 };

/** After these `actions` all is well again, and it is asked for with u. */
function askedUp(down: boolean, from: number, actions: readonly Action[]): World {
  const world = new World(down, from).begin();
  for (const action of actions) act(world, action);
  fc.pre(!world.left && !world.state.exiting);
  world.health = "starts";
  Object.assign(world, { code: 0, finishCode: 0 });
  world.settle();
  world.letters("u");
  return world;
}

/** It hung when there was no timeout-kill, and was to end for that within the time that is given where there is none. */
const hungBefore = {
  ...{ down: true, from: 0 },
  actions: [
    { deaf: true },
    {
      ...{ directory: "watched", code: 0, finishCode: 0, finishStarts: false },
      ...{ checkCode: 0, checkStarts: false },
    },
    { letter: "u" },
    { pass: 5000 },
  ] satisfies Action[],
} as const;

describe("on any walk", () => {
  test("never two processes, none when it is wanted down, none within a second; what is told is true", () => {
    fc.assert(
      fc.property(walks, ({ down, from, actions }) => {
        const world = new World(down, from).begin();
        for (const action of actions) act(world, action);
      }),
      RUNS,
    );
  });

  test("a service wanted up is up within a minute of the world being well again", () => {
    fc.assert(
      fc.property(walks, ({ down, from, actions }) => {
        const world = new World(down, from).begin();
        for (const action of actions) act(world, action);
        fc.pre(!world.left && world.state.want === "up" && !world.state.exiting);
        world.health = "starts";
        Object.assign(world, { code: 0, finishCode: 0 });
        world.settle();
        // It may have failed for good only now.
        fc.pre(world.state.want === "up");
        world.pass(60_000);
        expect(world.state.at).toBe("up");
      }),
      RUNS,
    );
  });

  test("a service asked for with u is up within a second of it, where it can be started", () => {
    fc.assert(
      fc.property(walks, ({ down, from, actions }) => {
        const world = askedUp(down, from, actions);
        world.pass(1000);
        expect(world.state.at).toBe("up");
      }),
      RUNS,
    );
  });

  test("one that is told to end and wanted up is up again, however it ended and whatever restart says", () => {
    fc.assert(
      fc.property(walks, fc.constantFrom("t", "k", "i", "du"), ({ down, from, actions }, letters) => {
        const world = askedUp(down, from, actions);
        world.pass(60_000);
        fc.pre(world.state.at === "up" && world.state.want === "up" && !world.state.paused);
        const { starts } = world;
        world.letters(letters);
        world.end();
        world.reap();
        world.settle();
        world.pass(3000);
        expect(world.starts).toBe(starts + 1);
        expect(world.state.at).toBe("up");
      }),
      RUNS,
    );
  });

  test.each(["emptying", "finishing"])("u while it is %s brings it up, whatever restart says", (at) => {
    const world = new World().begin();
    world.directory = "never again";
    world.letters("d");
    world.end();
    world.reap();
    world.settle();
    world.letters("u");
    world.pass(5000);
    world.members = 1;
    world.end();
    world.reap();
    if (at === "finishing") {
      world.members = 0;
      world.pass(1000);
    }
    expect(world.state.at).toBe(at);
    world.letters("u");
    world.settle();
    expect(world.state.at).toBe("up");
  });

  test("after dx and the end of the service the supervisor has left", () => {
    fc.assert(
      fc.property(walks, ({ down, from, actions }) => {
        const world = new World(down, from).begin();
        for (const action of actions) act(world, action);
        world.letters("dx");
        world.letters("k");
        world.health = "starts";
        world.settle();
        expect(world.left).toBe(true);
      }),
      RUNS,
    );
  });

  test("a service with timeout-kill that is told to go down is gone that long after, deaf or stopped", () => {
    fc.assert(
      fc.property(walks, ({ down, from, actions }) => {
        const world = new World(down, from).begin();
        for (const action of actions) act(world, action);
        fc.pre(!world.left);
        world.directory = "deadly";
        world.deaf = true;
        world.letters("d");
        world.pass(2000);
        world.settle();
        expect(world.child).toBeUndefined();
      }),
      { ...RUNS, examples: [[hungBefore]] },
    );
  });

  test("finish is started once for each death while it is there, and never for nothing", () => {
    fc.assert(
      fc.property(walks, ({ down, from, actions }) => {
        const world = new World(down, from).begin();
        world.directory = "finish";
        for (const action of actions) {
          if (typeof action !== "string" && "directory" in action) continue;
          // It would be passed over.
          if (typeof action !== "string" && "letter" in action && action.letter === "k" && !world.finish)
            if (world.state.at === "finishing") continue;
          act(world, action);
        }
        // One that had no process is tried again.
        world.health = "starts";
        if (world.state.at === "finishing") world.pass(1000);
        expect(world.finishes).toBe(world.deaths);
      }),
      RUNS,
    );
  });

  test("a finish that does not end is killed, and commands are taken all the while", () => {
    const world = new World().begin();
    world.directory = "finish";
    world.pass(5000);
    world.end();
    world.reap();
    world.pass(4999);
    world.letters("d");
    expect(world.finish?.killed).toBe(false);
    expect(statusOf(world.state).want).toBe("down");
    world.letters("u");
    world.pass(1);
    expect(world.finish?.killed).toBe(true);
    world.endFinish();
    expect(world.state.at).toBe("up");
  });

  test("a service that failed for good stays down until it is asked for", () => {
    for (const codes of [
      { code: 100, finishCode: 0 },
      { code: 0, finishCode: 125 },
    ]) {
      const world = new World().begin();
      Object.assign(world, { directory: "finish", ...codes });
      world.end();
      world.settle();
      world.pass(1e9);
      expect(world.state).toMatchObject({ at: "down", want: "down" });
      expect(world.starts).toBe(1);
      world.letters("u");
      expect(world.state.at).toBe("up");
    }
  });

  test("after x nothing is restarted", () => {
    fc.assert(
      fc.property(walks, ({ down, from, actions }) => {
        const world = new World(down, from).begin();
        for (const action of actions) act(world, action);
        fc.pre(!world.left);
        world.letters("x");
        const { starts } = world;
        const due = world.state.at === "waiting" ? 1 : 0;
        for (const action of actions) if (typeof action === "string" || "pass" in action) act(world, action);
        expect(world.starts - starts).toBeLessThanOrEqual(due);
      }),
      RUNS,
    );
  });
});
