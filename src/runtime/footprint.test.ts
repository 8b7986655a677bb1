import { expect, test } from "bun:test";
import { bare } from "../../tests/support/bare.ts";
import { Sandbox } from "../../tests/support/sandbox.ts";

/** Megabytes of the executable's own mappings that are in memory, as /proc/self/smaps has them. */
const MAPPED = `
  const mapped = () => {
    const executable = files.readlinkat(files.AT_FDCWD, "/proc/self/exe");
    const all = files.readFile("/proc/self/smaps").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
    const own = all.filter((one) => one.slice(0, one.indexOf("\\n")).endsWith(executable));
    return own.map((one) => Number(/^Rss: +(\\d+)/m.exec(one)[1])).reduce((a, b) => a + b) / 1024;
  };
`;

test("a rest gives back most of what the start of the runtime mapped, and everything goes on", async () => {
  await using box = new Sandbox();
  const [before, after, text] = (await bare(
    box,
    `${MAPPED}
     const footprint = new footprints.Footprint();
     const before = mapped();
     footprint.rest();
     const after = mapped();
     say(before); say(after);
     footprint.rest();
     say([3, 1, 2].sort().map(String).join("-"));`,
  )) as [number, number, string];
  expect(after).toBeLessThan(before / 2);
  expect(text).toBe("1-2-3");
});

test("where much is begun, what that leaves is collected soon, and so it is when much has made itself known", async () => {
  await using box = new Sandbox();
  const [fewBegun, manyBegun, fewAnnounced, manyAnnounced, moreThanBegun] = (await bare(
    box,
    `const footprint = new footprints.Footprint();
     footprint.collectRecent = require("bun:jsc").edenGC;
     /** Of 100 things that nobody needs any more, how many are still there after so much of that. */
     const left = async (count, happens) => {
       const garbage = Array.from({ length: 100 }, () => new WeakRef({}));
       await Bun.sleep(1);
       for (let i = 0; i < count; i++) happens();
       return garbage.filter((one) => one.deref() !== undefined).length;
     };
     const [begun, announced] = [() => footprint.begun(), () => footprint.announced()];
     say(await left(95, begun)); say(await left(10, begun));
     say(await left(90, announced)); say(await left(10, announced)); say(await left(100, announced));`,
  )) as number[];
  expect([fewBegun, fewAnnounced, moreThanBegun]).toEqual([100, 100, 100]);
  expect(manyBegun).toBeLessThan(10);
  expect(manyAnnounced).toBeLessThan(10);
});

test("who only reads rests once, when it has waited long enough, and then waits for ever", async () => {
  await using box = new Sandbox();
  const [early, before, after, read] = (await bare(
    box,
    `${MAPPED}
     const [output, input] = files.pipe();
     files.write(input, "a");
     const patient = new footprints.Reading();
     const start = clock.monotonic();
     patient.await(output);
     say(clock.monotonic() - start < 5000);
     files.read(output);
     const reading = new footprints.Reading(10);
     const before = mapped();
     reading.await(output);
     const after = mapped();
     say(before); say(after);
     reading.await(output);
     files.write(input, "b");
     say(units.byteString(files.read(output)));`,
  )) as [boolean, number, number, string];
  expect(early).toBe(true);
  expect(after).toBeLessThan(before / 2);
  expect(read).toBe("b");
});
