// Files that the runtime would read from its working directory, which here is somebody's service directory: none has an
// effect on any program, and none reaches a service. C has no such files.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { ours, root } from "../support/programs.ts";
import { Sandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/** Puts the bait into a directory. What bites leaves `bitten` there, or changes the environment. */
function bait(box: Sandbox, directory: string): void {
  const put = (name: string, text: string) => box.file(`${directory}/${name}`, text);
  const bite = `require("node:fs").writeFileSync(${JSON.stringify(box.at("bitten"))}, process.argv.join(" "));\n`;
  for (const name of [".env", ".env.local", ".env.production", ".env.development", ".env.test"])
    put(
      name,
      "PATH=/nowhere\nTEND_SUPERVISE=/bin/false\nHOSTILE=1\nBUN_OPTIONS=--preload=./bite.js\nLD_PRELOAD=/nowhere\n",
    );
  put("bite.js", bite);
  put("bite.ts", bite);
  put(
    "bunfig.toml",
    'preload = ["./bite.js"]\nlogLevel = "debug"\n[run]\npreload = ["./bite.js"]\n[test]\npreload = ["./bite.js"]\n',
  );
  put(".bunfig.toml", 'preload = ["./bite.js"]\n');
  put(
    "tsconfig.json",
    '{ "compilerOptions": { "paths": { "*": ["./bite.ts"], "bun:ffi": ["./bite.ts"], "node:fs": ["./bite.ts"] }, "baseUrl": ".", "preserveSymlinks": "no such" } }\n',
  );
  put("jsconfig.json", "{ not json");
  put(
    "package.json",
    '{ "name": "x", "type": "nonsense", "main": "bite.js", "imports": { "#*": "./bite.js" }, "bun": { "preload": "./bite.js" } }\n',
  );
  // A directory: in the scan directory it would be a service.
  if (directory !== "scan") put("node_modules/bun/index.js", bite);
  put("bun.lock", "garbage");
  put(".npmrc", "garbage = ${");
}

test("hostile files in the scan and service directories have no effect", async () => {
  await using box = new Sandbox();
  box.service("scan/s", {
    run: "#!/bin/sh\nenv >environment.new\nmv environment.new environment\nexec sleep 100000\n",
    log: "#!/bin/sh\nexec cat\n",
  });
  for (const directory of [".", "scan", "scan/s", "scan/s/log", "scan/s/supervise"]) bait(box, directory);
  // In the directory itself, as svscanboot and the documented recipes run them.
  const svscan = box.start([ours("svscan")], { cwd: box.at("scan") });
  const pid = await box.up("scan/s");
  await box.up("scan/s/log");
  await until(() => existsSync(box.at("scan/s/environment")), "the service told its environment");
  const environment = readFileSync(box.at("scan/s/environment"), "latin1");
  expect(environment).not.toMatch(/^(HOSTILE|TEND_SUPERVISE|BUN_OPTIONS|LD_PRELOAD)=/m);
  expect(environment).toContain(`PATH=${process.env["PATH"]}\n`);

  const at = { cwd: box.at("scan/s") };
  expect(await box.run([ours("svstat"), "."], at)).toMatchObject({
    code: 0,
    stderr: "",
    stdout: expect.stringMatching(/^\.: up \(pid \d+\) \d+ seconds\n$/),
  });
  expect(await box.run([ours("svok"), "."], at)).toMatchObject({ code: 0, stdout: "", stderr: "" });
  expect(await box.run([ours("svc"), "-t", "."], at)).toMatchObject({ code: 0, stdout: "", stderr: "" });
  await box.up("scan/s", pid);
  expect(await box.run([ours("tend"), "--version"], at)).toMatchObject({
    code: 0,
    stdout: `tend ${version}\n`,
    stderr: "",
  });
  expect(await box.run([ours("supervise"), "."], at)).toMatchObject({
    code: 111,
    stderr: "supervise: fatal: unable to acquire ./supervise/lock: temporary failure\n",
  });
  svscan.signal("SIGTERM");
  expect(await svscan.ended()).toMatchObject({ code: 0, stdout: "", stderr: "" });
  expect(existsSync(box.at("bitten"))).toBe(false);
});

// They are read before the first line of ours, as LD_PRELOAD is; Bun 1.4.5 has no way to compile that out.
test.todo("variables of the runtime in the environment (BUN_OPTIONS, BUN_BE_BUN) have no effect", () => {});

const { version } = JSON.parse(readFileSync(`${root}/package.json`, "utf8")) as { version: string };
