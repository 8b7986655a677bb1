import { expect, test } from "bun:test";
import { DEATH_SIZE, withDeath } from "./death-tally.ts";

const moment = (seconds: number) => ({ seconds: BigInt(seconds), nanoseconds: 7 });
const codes = (tally: Uint8Array): number[][] =>
  Array.from({ length: tally.length / DEATH_SIZE }, (_, i) => [
    ...tally.subarray(i * DEATH_SIZE + 12, (i + 1) * DEATH_SIZE),
  ]);

test("a death is a label, the exit code or 128 and the signal, and the signal", () => {
  const tally = withDeath(new Uint8Array(0), moment(0), { killed: 9, coreDumped: false }, 100);
  expect(Buffer.from(tally).toString("hex")).toBe("400000000000000a000000078909");
});

test("the last N are kept, and a piece of an entry is not", () => {
  let tally = new Uint8Array(0);
  for (let code = 1; code <= 5; code++) tally = withDeath(tally, moment(code), { exited: code }, 3).slice();
  expect(codes(tally)).toEqual([
    [3, 0],
    [4, 0],
    [5, 0],
  ]);
  const torn = withDeath(tally.subarray(0, DEATH_SIZE + 5), moment(6), undefined, 3);
  expect(codes(torn)).toEqual([
    [3, 0],
    [255, 0],
  ]);
});
