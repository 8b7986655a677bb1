// tai64nlocal beside the C program: the same time for every label there is one for, in every zone, and the same bytes for
// all the rest. Where C crashes, ours leaves the line as it is.
import { describe, expect, test } from "bun:test";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import fc from "fast-check";
import { haveC, ours, suites, theirs, which } from "../support/programs.ts";
import { type Ended, Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const LABEL = "@400000003b4a39c23294b13c";
const TIME = "2001-07-09 23:09:44.848605500";
const label = (seconds: number | bigint, nanoseconds = 0): string => {
  const hex = (value: number | bigint, digits: number): string => value.toString(16).padStart(digits, "0");
  return `@${hex(BigInt.asUintN(64, 0x400000000000000an + BigInt(seconds)), 16)}${hex(nanoseconds, 8)}`;
};

/** Runs a filter on `input` at once, without a sandbox: for thousands of runs. */
function filter(program: string, input: string, env: { [name: string]: string } = { TZ: "UTC" }): Ended {
  const { exitCode, signalCode, stdout, stderr } = Bun.spawnSync([program], {
    stdin: Buffer.from(input, "latin1"),
    env: { PATH: "/usr/bin:/bin", ...env },
  });
  return {
    code: signalCode === undefined ? exitCode : null,
    signal: (signalCode as NodeJS.Signals | undefined) ?? null,
    stdout: stdout.toString("latin1"),
    stderr: stderr.toString("latin1"),
  };
}

const said = (stdout: string): Ended => ({ code: 0, signal: null, stdout, stderr: "" });

const everyByte = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join("");

/** What reference and C program agree on, in universal time. */
const good: readonly (readonly [input: string, output: string])[] = [
  ["", ""],
  ["\n", "\n"],
  ["\n\n", "\n\n"],
  ["plain\n", "plain\n"],
  ["plain", "plain"],
  [`${LABEL} foo\n`, `${TIME} foo\n`],
  [`${LABEL} foo`, `${TIME} foo`],
  [`${LABEL}\n`, `${TIME}\n`],
  [`${LABEL}:z\n`, `${TIME}:z\n`],
  [`${LABEL}\tz\n`, `${TIME}\tz\n`],
  [`${LABEL}\0z\n`, `${TIME}\0z\n`],
  [`${LABEL}\xff\n`, `${TIME}\xff\n`],
  [`${LABEL}${LABEL}\n`, `${TIME}${LABEL}\n`],
  [`${LABEL} ${LABEL}\n`, `${TIME} ${LABEL}\n`],
  [`${LABEL}G\n`, `${TIME}G\n`],
  [`${LABEL}g\n`, `${TIME}g\n`],
  [`${LABEL}A\n`, `${TIME}A\n`],
  [` ${LABEL}\n`, ` ${LABEL}\n`],
  [`x${LABEL} y\n`, `x${LABEL} y\n`],
  ["@00400000003b4a39c23294b13c x\n", `${TIME} x\n`],
  ["@ffffffffffffffffff400000003b4a39c23294b13c x\n", `${TIME} x\n`],
  ["@400000003b4a39c2ffffffff x\n", "2001-07-09 23:09:44.4294967295 x\n"],
  ["@400000003b4a39c23b9ac9ff x\n", "2001-07-09 23:09:44.999999999 x\n"],
  ["@400000003b4a39c23b9aca00 x\n", "2001-07-09 23:09:44.1000000000 x\n"],
  ["@400000000000000a00000000 epoch\n", "1970-01-01 00:00:00.000000000 epoch\n"],
  ["@400000000000000900000000 x\n", "1969-12-31 23:59:59.000000000 x\n"],
  ["@400000000000000000000000 x\n", "1969-12-31 23:59:50.000000000 x\n"],
  ["@3fffffffffffffff00000001 x\n", "1969-12-31 23:59:49.000000001 x\n"],
  ["@3fffffff0000000a00000000 neg\n", "1833-11-24 17:31:44.000000000 neg\n"],
  ["@40000fff0000000a00000000 far\n", "559308-01-31 03:12:00.000000000 far\n"],
  ["@3ffffff18868c00a00000000 x\n", "0-12-27 23:47:12.000000000 x\n"],
  ["@3ffffff10000000a00000000 x\n", "18446744073709551544-06-20 22:56:00.000000000 x\n"],
  [`${label(67_767_976_233_532_799n)} x\n`, "2147483647-12-31 23:59:59.000000000 x\n"].slice(0, 2) as [
    string,
    string,
  ],
  [`${label(67_768_036_191_676_799n)} x\n`, "18446744071562069867-12-31 23:59:59.000000000 x\n"],
  [`${label(-67_768_040_609_740_800n)} x\n`, "18446744071562069868-01-01 00:00:00.000000000 x\n"],
  [`${label(951_782_399)} leap\n`, "2000-02-28 23:59:59.000000000 leap\n"],
  [`${label(951_782_400)} leap\n`, "2000-02-29 00:00:00.000000000 leap\n"],
  [`${label(4_107_542_400)} none\n`, "2100-03-01 00:00:00.000000000 none\n"],
  [`${label(2 ** 31)} 2038\n`, "2038-01-19 03:14:08.000000000 2038\n"],
  [`${label(2 ** 32)} 2106\n`, "2106-02-07 06:28:16.000000000 2106\n"],
  [`${LABEL} a\n${LABEL} b\n\n${LABEL}\nx`, `${TIME} a\n${TIME} b\n\n${TIME}\nx`],
  // The end of the input in the digits of a label.
  [LABEL, ""],
  ["@", ""],
  [`a\n${LABEL}`, "a\n"],
  [`a\n${LABEL.slice(0, 9)}`, "a\n"],
  // Beyond any buffer.
  [`${LABEL} ${"x".repeat(8191)}\n`, `${TIME} ${"x".repeat(8191)}\n`],
  [`${LABEL} ${"x".repeat(300_000)}\n${LABEL}\n`, `${TIME} ${"x".repeat(300_000)}\n${TIME}\n`],
  [`${LABEL} ab\n`.repeat(30_000), `${TIME} ab\n`.repeat(30_000)],
  ["\n".repeat(200_000), "\n".repeat(200_000)],
  [everyByte, everyByte],
];

/** Labels that stand for no time: C ends with a segmentation fault, and loses the lines before. */
const bad: readonly string[] = [
  "@\n",
  "@ foo\n",
  "@@\n",
  "@g\n",
  "@0 x\n",
  "@12345 x\n",
  "@400000003b4a39c2 x\n",
  "@400000003b4a39c23294b13 x\n",
  `${LABEL}f x\n`,
  `${LABEL}foo\n`,
  "@400000003B4A39C23294B13C x\n",
  "@000000000000000000000000 x\n",
  "@ffffffffffffffffffffffff x\n",
  "@8000000000000000000000000 x\n",
  `${label(67_768_036_191_676_800n)} x\n`,
  `${label(-67_768_040_609_740_801n)} x\n`,
  `@${everyByte}\n`,
  `@${" ".repeat(100_000)}\n`,
];

const short = (text: string): string =>
  text.length < 70 ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, 40))}... (${text.length} bytes)`;

describe.each(suites)("tai64nlocal ($suite)", ({ suite, program }) => {
  const tai64nlocal = program("tai64nlocal");

  test.each(good.map(([input, output]) => [short(input), input, output]))("%s", (_, input, output) => {
    expect(filter(tai64nlocal, input)).toEqual(said(output));
  });

  test.each(bad.map((line) => [short(line), line]))("no time: %s stays as it is; C crashes", (_, line) => {
    const input = `good\n${line}${LABEL} x\n`;
    if (suite === "C") expect(filter(tai64nlocal, input)).toMatchObject({ signal: "SIGSEGV", stdout: "" });
    else expect(filter(tai64nlocal, input)).toEqual(said(`good\n${line}${TIME} x\n`));
  });

  test.each([["-x"], ["--help"], ["a b"], [""]])("the argument %j is ignored", async (word) => {
    await using box = new Sandbox();
    const input = { stdin: `${LABEL} x\n`, env: { TZ: "UTC" } };
    expect(await box.run([tai64nlocal, word], input)).toEqual(said(`${TIME} x\n`));
  });

  test.each([
    ["a directory on standard input", "exec $0 </"],
    ["a full device on standard output", "echo x | $0 >/dev/full"],
  ])("%s: exit 111 without a word", async (_, script) => {
    await using box = new Sandbox();
    const ended = await box.run(["/bin/sh", "-c", script, tai64nlocal]);
    expect(ended).toEqual({ code: 111, signal: null, stdout: "", stderr: "" });
  });

  // The runtime opens /dev/null where one of the first three descriptors is closed.
  test.each([
    ["standard input", "exec $0 <&-"],
    ["standard output", "echo x | $0 >&-"],
  ])("%s closed: exit 111 without a word; ours takes /dev/null", async (_, script) => {
    await using box = new Sandbox();
    const ended = await box.run(["/bin/sh", "-c", script, tai64nlocal]);
    expect(ended).toEqual({ code: suite === "C" ? 111 : 0, signal: null, stdout: "", stderr: "" });
  });

  // What the runtime ignores at its start, it may have been given ignored: that cannot be known.
  test("nobody reads, and SIGPIPE is ignored: exit 111; ours is ended by SIGPIPE all the same", async () => {
    await using box = new Sandbox();
    const script = "trap '' PIPE; { yes 2>/dev/null | $0; echo $? >&2; } | head -n 1";
    expect((await box.run(["/bin/sh", "-c", script, tai64nlocal])).stderr).toBe(
      suite === "C" ? "111\n" : "141\n",
    );
  });

  test("nobody reads: SIGPIPE ends it", async () => {
    await using box = new Sandbox();
    const script = "{ yes | $0; echo $? >&2; } | head -n 1";
    expect((await box.run(["/bin/sh", "-c", script, tai64nlocal])).stderr).toBe("141\n");
  });

  test("what arrived is written at once, except a label that is not complete", async () => {
    await using box = new Sandbox();
    await box.run(["mkfifo", box.at("fifo")]);
    const running = box.start(["/bin/sh", "-c", `exec ${tai64nlocal} <fifo`], { env: { TZ: "UTC" } });
    // Open both ways: that waits for no reader.
    const writer = openSync(box.at("fifo"), "r+");
    let expected = "";
    for (const [piece, more] of [
      ["pa", "pa"],
      ["rt\n@4000", "rt\n"],
      ["00003b4a39c23294b13c", ""],
      [" x", `${TIME} x`],
      ["\n", "\n"],
    ] as const) {
      writeSync(writer, piece);
      expected += more;
      await until(() => running.stdout === expected, JSON.stringify(expected));
    }
    closeSync(writer);
    expect((await running.ended()).code).toBe(0);
  });
});

const zones = [
  ...[
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Moscow",
    "Europe/Lisbon",
    "Europe/Istanbul",
  ],
  ...["America/New_York", "America/Los_Angeles", "America/St_Johns", "America/Sao_Paulo", "America/Caracas"],
  ...[
    "America/Anchorage",
    "America/Nuuk",
    "America/Santiago",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Africa/Monrovia",
  ],
  ...[
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Asia/Gaza",
    "Asia/Pyongyang",
    "Asia/Manila",
  ],
  ...["Australia/Sydney", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati", "Pacific/Chatham"],
  ...["Antarctica/Troll", "Antarctica/Casey", "Etc/GMT+12"],
  // The other forms of TZ.
  ...[
    "",
    ":America/New_York",
    ":/usr/share/zoneinfo/Asia/Tokyo",
    "/usr/share/zoneinfo/Asia/Tokyo",
    ":",
    "posixrules",
  ],
  ...[
    "EST5EDT,M3.2.0,M11.1.0",
    "EST5EDT",
    "EST5",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "<+0545>-5:45",
    "<-03>3<-02>,M3.5.0/-2",
  ],
  ...[
    "IST-1GMT0,M10.5.0,M3.5.0/1",
    "XYZ-14:59:59",
    "AAA3BBB,J60/0,J300",
    "AAA3BBB,0,364",
    "WGT3WGST,M3.5.0/-2,M10.5.0/-1",
  ],
  ...[
    "Nowhere/Land",
    "No Such Zone",
    "../../../etc/passwd",
    "/",
    "/dev/null",
    "EST",
    "5",
    "EST5EDT,M13.9.9,M0.0.0",
    "\xff\xfe",
  ],
] as const;

const moment = fc.oneof(
  fc.integer({ min: -2_208_988_800, max: 16_725_225_600 }), // 1900 to 2500
  fc.integer({ min: 0, max: 4_102_444_800 }),
  fc.bigInt({ min: -67_768_040_609_000_000n, max: 67_768_036_191_000_000n }),
);

describe.skipIf(!haveC)("tai64nlocal tells the time that C tells", () => {
  /** Random moments, and every hour of the nights when clocks are changed, for some years. */
  const lines = (): string => {
    const random = fc.sample(fc.tuple(moment, fc.nat(2 ** 32 - 1)), { numRuns: 400, seed: 20261120 });
    const hours = [1987, 2007, 2026, 2037, 2038, 2150, 2439].flatMap((year) =>
      Array.from({ length: 366 * 12 }, (_, i) => Date.UTC(year, 0, 1, 2 * i) / 1000 - 1 + (i % 2)),
    );
    return [...random.map(([s, n]) => label(s, n)), ...hours.map((s) => label(s))]
      .map((l) => `${l} x\n`)
      .join("");
  };

  test.each(zones.map((zone) => [zone]))("TZ=%s", (zone) => {
    const input = lines();
    const c = filter(theirs("tai64nlocal"), input, { TZ: zone });
    expect(c.code).toBe(0);
    expect(filter(ours("tai64nlocal"), input, { TZ: zone })).toEqual(c);
  });

  test("TZ not set", () => {
    const input = lines();
    const c = filter(theirs("tai64nlocal"), input, {});
    expect(c.code).toBe(0);
    expect(filter(ours("tai64nlocal"), input, {})).toEqual(c);
  });

  test("zones of another directory, good and broken", async () => {
    await using box = new Sandbox();
    mkdirSync(box.at("zones"));
    const zone = await Bun.file("/usr/share/zoneinfo/Europe/Berlin").bytes();
    const files: { [name: string]: Uint8Array } = {
      whole: zone,
      empty: new Uint8Array(0),
      "cut-short": zone.slice(0, 100),
      "no-footer": zone.slice(0, -10),
      "other-magic": Uint8Array.of(0x58, ...zone.slice(1)),
    };
    for (const [name, bytes] of Object.entries(files)) {
      writeFileSync(box.at("zones", name), bytes);
      const env = { TZDIR: box.at("zones"), TZ: name };
      const input = lines();
      expect(filter(ours("tai64nlocal"), input, env)).toEqual(filter(theirs("tai64nlocal"), input, env));
    }
  });
});

describe("tai64nlocal and garbage", () => {
  const piece = fc.constantFrom(
    ...[
      "@",
      "@",
      LABEL,
      "@4000000",
      "40000000",
      "3b4a39c2",
      "3294b13c",
      "0",
      "f",
      "F",
      "g",
      " ",
      "@@",
      "\0",
      "\xff",
    ],
    ...[
      "@400000000000000a00000000",
      "@3fffffff0000000a00000000",
      "@7fffffffffffffffffffffff",
      "@40000fff0000000a",
    ],
  );
  const line = fc.array(piece, { maxLength: 6 }).map((parts) => `${parts.join("")}\n`);
  const anything = fc
    .uint8Array({ maxLength: 40 })
    .map((bytes) => `@${Buffer.from(bytes).toString("latin1").replaceAll("\n", "")}\n`);
  const corpus = fc.sample(fc.oneof({ weight: 4, arbitrary: line }, { weight: 1, arbitrary: anything }), {
    numRuns: 400,
    seed: 76,
  });

  test.skipIf(!haveC)("each line becomes what C makes of it, and stays as it is where C crashes", () => {
    let crashes = 0;
    const expected = corpus.map((text) => {
      const { signal, stdout } = filter(theirs("tai64nlocal"), text);
      if (signal === null) return stdout;
      crashes++;
      return text;
    });
    expect(crashes).toBeGreaterThan(100);
    expect(crashes).toBeLessThan(300);
    expect(filter(ours("tai64nlocal"), corpus.join(""))).toEqual(said(expected.join("")));
  });

  test("a megabyte of any bytes ends well, with as many lines as before", () => {
    const [bytes] = fc.sample(fc.uint8Array({ minLength: 1 << 20, maxLength: 1 << 20, size: "max" }), {
      numRuns: 1,
      seed: 76,
    });
    const input = `${Buffer.from(bytes as Uint8Array).toString("latin1")}\n`;
    const { code, signal, stdout } = filter(ours("tai64nlocal"), input);
    expect([code, signal]).toEqual([0, null]);
    expect(stdout.split("\n").length).toBe(input.split("\n").length);
  });

  test("a line of 20 MB needs no more memory than many short ones", async () => {
    await using box = new Sandbox();
    await box.run(["mkfifo", box.at("fifo")]);
    const script = `exec ${ours("tai64nlocal")} <fifo >/dev/null`;
    const peak = async (input: string): Promise<number> => {
      const running = box.start(["/bin/sh", "-c", script]);
      const writer = openSync(box.at("fifo"), "r+");
      for (let at = 0; at < input.length; ) at += writeSync(writer, input.slice(at, at + 65536));
      const [, kilobytes] =
        /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${running.pid}/status`, "latin1")) ?? [];
      closeSync(writer);
      await running.ended();
      return Number(kilobytes) * 1024;
    };
    // Enough for the process to be at work when it is measured.
    const small = await peak(`${LABEL} ${"x".repeat(20)}\n`.repeat(20_000));
    for (const large of [`${LABEL} ${"x".repeat(20e6)}\n`, `@${"0".repeat(20e6)}\n`, "@\n".repeat(10e6)]) {
      expect(await peak(large)).toBeLessThan(small + 16e6);
    }
  });

  test.skipIf(which("strace") === null || !existsSync("/usr/share/zoneinfo/Asia/Tokyo"))(
    "the zone's file is read once",
    async () => {
      await using box = new Sandbox();
      const input = Array.from({ length: 1000 }, (_, i) => `${label(i * 1e7)} x\n`).join("");
      const trace = ["strace", "-f", "-o", box.at("trace"), "-e", "trace=openat", ours("tai64nlocal")];
      expect(await box.run(trace, { stdin: input, env: { TZ: "Asia/Tokyo" } })).toMatchObject({ code: 0 });
      const opened = (await Bun.file(box.at("trace")).text())
        .split("\n")
        .filter((l) => l.includes("zoneinfo"));
      expect(opened.length).toBe(1);
    },
  );
});
