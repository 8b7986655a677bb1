import { expect, test } from "bun:test";
import fc from "fast-check";
import { edit, edited, valueIn } from "./environment.ts";

const name = fc.string({ unit: fc.constantFrom("A", "B", "AB", "C", "="), minLength: 1, maxLength: 3 });
const plain = name.map((text) => text.replaceAll("=", "") || "A");
const value = fc.string({ unit: fc.constantFrom("", "x", "=", "\n", "\xff"), maxLength: 4 });
const environment = fc.array(
  fc.oneof(
    fc.tuple(plain, value).map(([n, v]) => `${n}=${v}`),
    fc.constantFrom("", "=", "NOVALUE", "A"),
  ),
  { maxLength: 8 },
);

/** pathexec_env.c and pathexec.c of daemontools, line by line. */
function inC(env: readonly string[], edits: readonly string[]): string[] {
  const e = [...env];
  let elen = e.length;
  for (const plus of edits) {
    const found = plus.indexOf("=");
    const split = found === -1 ? plus.length : found;
    for (let t = 0; t < elen; ++t)
      if ((e[t] as string).startsWith(plus.slice(0, split)) && (e[t] as string)[split] === "=") {
        --elen;
        e[t] = e[elen] as string;
        break;
      }
    if (split < plus.length) e[elen++] = plus;
  }
  return e.slice(0, elen);
}

test("edits do to an environment what the C programs' do", () => {
  fc.assert(
    fc.property(
      environment,
      fc.array(fc.tuple(name, fc.option(value, { nil: undefined }))),
      (env, changes) => {
        const edits = changes.map(([n, v]) => edit(n, v));
        expect(edited(env, edits)).toEqual(inC(env, edits));
      },
    ),
    { numRuns: 2000 },
  );
});

test("a variable that was set last has its value, unless it was there twice", () => {
  fc.assert(
    fc.property(environment, plain, value, (env, n, v) => {
      const after = edited(env, [edit(n, v)]);
      expect(after.at(-1)).toBe(`${n}=${v}`);
      const before = env.filter((entry) => entry.startsWith(`${n}=`)).length;
      if (before < 2) expect(valueIn(after, n)).toBe(v);
      expect(after.filter((entry) => entry.startsWith(`${n}=`)).length).toBe(Math.max(1, before));
    }),
  );
});

test("a variable that was removed is gone, unless it was there twice, and the others are all there", () => {
  fc.assert(
    fc.property(environment, plain, (env, n) => {
      const after = edited(env, [edit(n, undefined)]);
      const own = (entry: string): boolean => entry.startsWith(`${n}=`);
      expect(after.filter(own).length).toBe(Math.max(0, env.filter(own).length - 1));
      const others = (list: readonly string[]) => list.filter((entry) => !own(entry)).toSorted();
      expect(others(after)).toEqual(others(env));
    }),
  );
});

test("the edits of one tool after those of another are the edits of both", () => {
  fc.assert(
    fc.property(environment, fc.array(name), fc.array(name), (env, a, b) => {
      expect(edited(edited(env, a), b)).toEqual(edited(env, [...a, ...b]));
    }),
  );
});

test("an environment that is edited stays as it is itself", () => {
  const env = ["A=1", "B=2"];
  edited(env, ["A", "C=3"]);
  expect(env).toEqual(["A=1", "B=2"]);
});
