import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type Entry,
  type Identity,
  nothingKnown,
  PARTS,
  type Part,
  type Scan,
  type ScanEffect,
  scan,
} from "./scan.ts";

/** A scan directory, and what runs in it. */
class Svscan {
  known: Scan = nothingKnown;
  /** `IDENTITY PART` of each supervisor that runs. */
  readonly running = new Set<string>();
  private readonly fails = new Set<Identity>();

  /** From now on no supervisor of `identity` can begin. */
  refuse(identity: Identity): this {
    this.fails.add(identity);
    return this;
  }

  /** One scan: does what is decided, and says it in short: `start IDENTITY PART`, `forget IDENTITY`, `warn TEXT`. */
  scan(entries: readonly Entry[], complete = true): string[] {
    const runs = (identity: Identity, part: Part) => this.running.has(`${identity} ${part}`);
    const result = scan(this.known, entries, complete, runs);
    this.known = result.scan;
    return result.effects.map((effect) => this.perform(effect));
  }

  ended(...halves: string[]): this {
    for (const half of halves) this.running.delete(half);
    return this;
  }

  private perform(effect: ScanEffect): string {
    switch (effect.do) {
      case "start":
        if (!this.fails.has(effect.identity)) this.running.add(`${effect.identity} ${effect.part}`);
        return `start ${effect.identity} ${effect.part}`;
      case "forget":
        return `forget ${effect.identity}`;
      case "warn":
        return `warn ${effect.text}`;
    }
  }
}

const dir = (name: string, identity: Identity, log = false): Entry => ({ name, identity, log });
const dangling = (name: string, warning = `unable to stat ${name}`): Entry => ({ name, warning });

describe("svscan's life-cycle table", () => {
  test("a new directory is started", () => {
    expect(new Svscan().scan([dir("a", "1")])).toEqual(["start 1 service"]);
  });

  test("with its logger, if it has one", () => {
    expect(new Svscan().scan([dir("a", "1", true)])).toEqual(["start 1 service", "start 1 log"]);
  });

  test("what runs is left alone", () => {
    const svscan = new Svscan();
    svscan.scan([dir("a", "1", true), dir("b", "2")]);
    expect(svscan.scan([dir("a", "1", true), dir("b", "2")])).toEqual([]);
  });

  test("the directory's order is the order of the starts", () => {
    expect(new Svscan().scan([dir("b", "2"), dir("a", "1"), dir("c", "3")])).toEqual([
      "start 2 service",
      "start 1 service",
      "start 3 service",
    ]);
  });

  test("two names for one directory are one service, and the first one names it", () => {
    const svscan = new Svscan();
    expect(svscan.scan([dir("link", "1", true), dir("a", "1", true)])).toEqual([
      "start 1 service",
      "start 1 log",
    ]);
    expect(svscan.known.services.get("1")?.name).toBe("link");
  });

  test("a directory renamed goes on; when its supervisor ends it is restarted under the new name", () => {
    const svscan = new Svscan();
    svscan.scan([dir("a", "1")]);
    expect(svscan.scan([dir("z", "1")])).toEqual([]);
    expect(svscan.known.services.get("1")?.name).toBe("z");
    expect(svscan.ended("1 service").scan([dir("z", "1")])).toEqual(["start 1 service"]);
  });

  test("two directories that swap names are the same two services", () => {
    const svscan = new Svscan();
    svscan.scan([dir("a", "1"), dir("b", "2")]);
    expect(svscan.scan([dir("a", "2"), dir("b", "1")])).toEqual([]);
    expect(svscan.known.services.get("1")?.name).toBe("b");
  });

  test("a directory that is gone keeps running; when it ends it is forgotten and not restarted", () => {
    const svscan = new Svscan();
    svscan.scan([dir("a", "1", true)]);
    expect(svscan.scan([])).toEqual([]);
    expect(svscan.ended("1 service").scan([])).toEqual([]);
    expect(svscan.ended("1 log").scan([])).toEqual(["forget 1"]);
    expect(svscan.scan([])).toEqual([]);
    expect(svscan.known.services.size).toBe(0);
  });

  test("one that comes back while it runs is the service it was", () => {
    const svscan = new Svscan();
    svscan.scan([dir("a", "1")]);
    svscan.scan([]);
    expect(svscan.scan([dir("b", "1")])).toEqual([]);
    expect(svscan.ended("1 service").scan([dir("b", "1")])).toEqual(["start 1 service"]);
  });

  test("a directory replaced is a new service at once; the old one keeps running", () => {
    const svscan = new Svscan();
    svscan.scan([dir("a", "1")]);
    expect(svscan.scan([dir("a", "2")])).toEqual(["start 2 service"]);
    expect([...svscan.running]).toEqual(["1 service", "2 service"]);
    expect(svscan.ended("1 service").scan([dir("a", "2")])).toEqual(["forget 1"]);
  });

  test("a supervisor that ends is restarted while the directory is there", () => {
    const svscan = new Svscan();
    svscan.scan([dir("a", "1", true)]);
    expect(svscan.ended("1 log").scan([dir("a", "1", true)])).toEqual(["start 1 log"]);
    expect(svscan.ended("1 service").scan([dir("a", "1", true)])).toEqual(["start 1 service"]);
  });

  test("one that cannot begin is tried at every scan", () => {
    const svscan = new Svscan().refuse("1");
    for (let i = 0; i < 3; i++) expect(svscan.scan([dir("a", "1")])).toEqual(["start 1 service"]);
    expect(svscan.scan([])).toEqual(["forget 1"]);
  });

  test("a logger added later is started at the next scan", () => {
    const svscan = new Svscan();
    svscan.scan([dir("a", "1")]);
    expect(svscan.scan([dir("a", "1", true)])).toEqual(["start 1 log"]);
  });

  test("a log directory that is removed is missed by nobody: the logger is still of the service", () => {
    const svscan = new Svscan();
    svscan.scan([dir("a", "1", true)]);
    expect(svscan.scan([dir("a", "1", false)])).toEqual([]);
    expect(svscan.ended("1 log").scan([dir("a", "1", false)])).toEqual(["start 1 log"]);
  });

  test("a name that cannot be looked at is warned of, and nothing is started for it", () => {
    expect(new Svscan().scan([dangling("a"), dir("b", "2")])).toEqual([
      "warn unable to stat a",
      "start 2 service",
    ]);
  });

  test("a warning is repeated when it changes, and only then", () => {
    const svscan = new Svscan();
    expect(svscan.scan([dangling("a")])).toEqual(["warn unable to stat a"]);
    expect(svscan.scan([dangling("a")])).toEqual([]);
    expect(svscan.scan([dangling("a", "something else")])).toEqual(["warn something else"]);
    expect(svscan.scan([dir("a", "1")])).toEqual(["start 1 service"]);
    expect(svscan.scan([dangling("a")])).toEqual(["warn unable to stat a"]);
  });

  test("a warning is not repeated because the directory could not be read in between", () => {
    const svscan = new Svscan();
    svscan.scan([dangling("a")]);
    svscan.scan([], false);
    expect(svscan.scan([dangling("a")])).toEqual([]);
  });

  test("a service whose log cannot be looked at is not started, but goes on if it was", () => {
    const svscan = new Svscan();
    const unclear: Entry = { name: "a", identity: "1", warning: "unable to stat a/log" };
    expect(svscan.scan([unclear])).toEqual(["warn unable to stat a/log"]);
    expect(svscan.scan([dir("a", "1")])).toEqual(["start 1 service"]);
    expect(svscan.ended("1 service").scan([unclear])).toEqual([
      "warn unable to stat a/log",
      "start 1 service",
    ]);
  });

  test("a directory that cannot be read to its end forgets nothing, and what was read is started", () => {
    const svscan = new Svscan();
    svscan.scan([dir("a", "1"), dir("b", "2")]);
    svscan.ended("1 service", "2 service");
    expect(svscan.scan([dir("b", "2"), dir("c", "3")], false)).toEqual([
      "start 2 service",
      "start 3 service",
    ]);
    expect(svscan.known.services.get("1")?.active).toBe(true);
    expect(svscan.scan([dir("a", "1"), dir("b", "2"), dir("c", "3")])).toEqual(["start 1 service"]);
  });

  test("a name is any bytes", () => {
    const svscan = new Svscan();
    expect(svscan.scan([dir("a\nb", "1"), dir("-x", "2"), dir("\xff", "3")]).length).toBe(3);
    expect([...svscan.known.services.values()].map(({ name }) => name)).toEqual(["a\nb", "-x", "\xff"]);
  });

  test("there is no limit of a thousand", () => {
    const entries = Array.from({ length: 3000 }, (_, i) => dir(`s${i}`, `${i}`));
    expect(new Svscan().scan(entries).length).toBe(3000);
  });
});

describe("on any walk", () => {
  const anyEntry: fc.Arbitrary<Entry> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        name: fc.constantFrom("a", "b", "c", "d"),
        identity: fc.constantFrom("1", "2", "3", "4", "5"),
        log: fc.boolean(),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ name: fc.constantFrom("a", "b", "e"), warning: fc.constantFrom("w", "v") }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        name: fc.constantFrom("a", "b"),
        identity: fc.constantFrom("1", "2"),
        warning: fc.constantFrom("w", "v"),
      }),
    },
  );
  const anyTurn = fc.record({
    entries: fc.uniqueArray(anyEntry, { selector: ({ name }) => name, maxLength: 5 }),
    complete: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, fc.boolean()),
    ended: fc.array(fc.tuple(fc.constantFrom("1", "2", "3", "4", "5"), fc.constantFrom(...PARTS)), {
      maxLength: 4,
    }),
    failing: fc.array(fc.constantFrom("1", "2", "3", "4", "5"), { maxLength: 2 }),
  });

  test("what runs is never started again, what is there is, and only what is neither is forgotten", () => {
    fc.assert(
      fc.property(fc.array(anyTurn, { maxLength: 30 }), (turns) => {
        let known = nothingKnown;
        const running = new Set<string>();
        const said = new Map<string, string>();
        for (const { entries, complete, ended, failing } of turns) {
          for (const [identity, part] of ended) running.delete(`${identity} ${part}`);
          const before = known;
          const runs = (identity: Identity, part: Part) => running.has(`${identity} ${part}`);
          const { scan: after, effects } = scan(before, entries, complete, runs);
          known = after;

          const present = new Set(
            entries.flatMap(({ identity }) => (identity === undefined ? [] : [identity])),
          );
          const runsAtAll = (identity: Identity) => PARTS.some((part) => runs(identity, part));
          const started = new Set<string>();
          for (const effect of effects) {
            if (effect.do === "start") {
              const half = `${effect.identity} ${effect.part}`;
              expect(running.has(half) || started.has(half)).toBe(false);
              expect(present.has(effect.identity)).toBe(true);
              expect(after.services.has(effect.identity)).toBe(true);
              started.add(half);
            }
            if (effect.do === "forget") {
              expect(complete && before.services.has(effect.identity)).toBe(true);
              expect(runsAtAll(effect.identity) || present.has(effect.identity)).toBe(false);
              expect(after.services.has(effect.identity)).toBe(false);
            }
          }
          for (const entry of entries) {
            if ("warning" in entry) continue;
            expect(after.services.get(entry.identity)?.active).toBe(true);
            expect(running.has(`${entry.identity} service`) || started.has(`${entry.identity} service`)).toBe(
              true,
            );
          }
          for (const identity of before.services.keys())
            if (!complete || runsAtAll(identity) || present.has(identity))
              expect(after.services.has(identity)).toBe(true);
          for (const [identity, { active }] of after.services)
            if (complete) expect(active).toBe(present.has(identity));

          const warned = effects.flatMap((effect) => (effect.do === "warn" ? [effect.text] : []));
          const changed = entries.flatMap((entry) =>
            "warning" in entry && said.get(entry.name) !== entry.warning ? [entry.warning] : [],
          );
          expect(warned).toEqual(changed);
          if (complete) said.clear();
          for (const entry of entries) if ("warning" in entry) said.set(entry.name, entry.warning);

          for (const half of started)
            if (!failing.some((identity) => half.startsWith(identity))) running.add(half);
        }
      }),
      { numRuns: 500 },
    );
  });
});
