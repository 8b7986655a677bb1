import { expect, test } from "bun:test";
import fc from "fast-check";
import { FormatError } from "./format-error.ts";
import { isOldLog, labelIn, labelOf, oldLogName } from "./log-name.ts";

test("an old log is named by its label and how it ended", () => {
  const label = labelOf({ seconds: 994720184n, nanoseconds: 848605500 });
  expect(oldLogName(label, "s")).toBe("@400000003b4a39c23294b13c.s");
  expect(oldLogName(label + 1n, "u")).toBe("@400000003b4a39c23294b13d.u");
});

test("the label is in the name, and the next one sorts after it, also at the end of a second", () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 2n ** 61n }),
      fc.oneof(fc.nat(999_999_999), fc.constant(999_999_999)),
      (seconds, nanoseconds) => {
        const label = labelOf({ seconds, nanoseconds });
        expect(labelIn(oldLogName(label, "s"))).toBe(label);
        expect(oldLogName(label + 1n, "s") > oldLogName(label, "u")).toBe(true);
      },
    ),
  );
});

test("old logs are what begins with @ and is long enough", () => {
  expect(
    ["@400000003b4a39c23294b13c.s", `@${"x".repeat(24)}`, `@${"x".repeat(23)}`, "current"].map(isOldLog),
  ).toEqual([true, true, false, false]);
  for (const name of [`@${"x".repeat(24)}`, "@4000000000000000ffffffff.s", "current", "@"])
    expect(() => labelIn(name)).toThrow(FormatError);
});
