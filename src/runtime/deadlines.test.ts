import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Instant, instant } from "../units/units.ts";
import { Deadlines } from "./deadlines.ts";

describe("deadlines", () => {
  test("none are due, and none is next, where there are none", () => {
    const deadlines = new Deadlines<string>();
    expect(deadlines.next).toBeUndefined();
    expect(deadlines.take(instant(1e9))).toBeUndefined();
  });

  test("the soonest is next, and is taken when it is due, not before", () => {
    const deadlines = new Deadlines<string>();
    deadlines.add(instant(20), "b");
    deadlines.add(instant(10), "a");
    deadlines.add(instant(30), "c");
    expect(deadlines.next).toBe(instant(10));
    expect(deadlines.take(instant(9.999))).toBeUndefined();
    expect(deadlines.take(instant(10))).toBe("a");
    expect(deadlines.next).toBe(instant(20));
    expect([deadlines.take(instant(99)), deadlines.take(instant(99)), deadlines.take(instant(99))]).toEqual([
      "b",
      "c",
      undefined,
    ]);
  });

  test("one taken back never comes, also when it was the next, and taking back again does nothing", () => {
    const deadlines = new Deadlines<string>();
    const takeBack = deadlines.add(instant(10), "a");
    deadlines.add(instant(20), "b");
    takeBack();
    takeBack();
    expect(deadlines.next).toBe(instant(20));
    expect(deadlines.take(instant(99))).toBe("b");
    takeBack();
    expect(deadlines.next).toBeUndefined();
  });

  type Action = { readonly add: number } | { readonly take: number } | { readonly takeBack: number };
  const anyAction: fc.Arbitrary<Action> = fc.oneof(
    { weight: 3, arbitrary: fc.record({ add: fc.nat({ max: 50 }) }) },
    { weight: 2, arbitrary: fc.record({ take: fc.nat({ max: 50 }) }) },
    { weight: 1, arbitrary: fc.record({ takeBack: fc.nat() }) },
  );

  test("it is a list kept sorted, whatever is added, taken and taken back", () => {
    fc.assert(
      fc.property(fc.array(anyAction, { maxLength: 200 }), (actions) => {
        const deadlines = new Deadlines<number>();
        let model: { at: Instant; value: number }[] = [];
        const takeBacks: (() => void)[] = [];
        for (const action of actions) {
          if ("add" in action) {
            const value = takeBacks.length + 1;
            takeBacks.push(deadlines.add(instant(action.add), value));
            model.push({ at: instant(action.add), value });
          } else if ("takeBack" in action) {
            if (takeBacks.length === 0) continue;
            const i = action.takeBack % takeBacks.length;
            takeBacks[i]?.();
            model = model.filter(({ value }) => value !== i + 1);
          } else {
            const soonest = Math.min(...model.map(({ at }) => at));
            const taken = deadlines.take(instant(action.take));
            const item = model.find(({ value }) => value === taken);
            // Of several at one instant any may be first.
            if (soonest <= action.take) expect(item?.at).toBe(instant(soonest));
            else expect(taken).toBeUndefined();
            model = model.filter((one) => one !== item);
          }
          const soonest = model.length === 0 ? undefined : instant(Math.min(...model.map(({ at }) => at)));
          expect(deadlines.next).toEqual(soonest as Instant);
        }
      }),
    );
  });
});
