import { expect, test } from "bun:test";
import { cgroupDirectory, cgroupMounts, cgroupOf, isPopulated, pidsIn } from "./cgroup.ts";

const MOUNTS = `22 1 0:21 / /proc rw,nosuid - proc proc rw
30 24 0:26 / /sys/fs/cgroup/unified rw,relatime shared:5 - cgroup2 cgroup rw,nsdelegate
31 24 0:27 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
40 24 0:26 /box/one /my\\040cgroup rw - cgroup2 none rw
`;

test("mounts of version 2 are told from others, with blanks in their names and optional fields", () => {
  expect(cgroupMounts(MOUNTS)).toEqual([
    { at: "/sys/fs/cgroup/unified", top: "/" },
    { at: "/my cgroup", top: "/box/one" },
  ]);
  expect(cgroupMounts("")).toEqual([]);
  expect(cgroupMounts("garbage - cgroup2\n - \n")).toEqual([]);
});

test("the cgroup of a process is the one without a hierarchy", () => {
  expect(cgroupOf("9:name=systemd:/\n8:pids:/a\n0::/system.slice/tend.service\n")).toBe(
    "/system.slice/tend.service",
  );
  expect(cgroupOf("8:pids:/\n")).toBeUndefined();
});

test("its directory is below a mount that shows it", () => {
  const [all = { at: "", top: "" }, part = { at: "", top: "" }] = cgroupMounts(MOUNTS);
  expect(cgroupDirectory(all, "/")).toBe("/sys/fs/cgroup/unified");
  expect(cgroupDirectory(all, "/a/b")).toBe("/sys/fs/cgroup/unified/a/b");
  expect(cgroupDirectory(part, "/box/one")).toBe("/my cgroup");
  expect(cgroupDirectory(part, "/box/one/two")).toBe("/my cgroup/two");
  expect(cgroupDirectory(part, "/box/oneself")).toBeUndefined();
});

test("events and procs", () => {
  expect(isPopulated("populated 1\nfrozen 0\n")).toBe(true);
  expect(isPopulated("frozen 1\npopulated 0\n")).toBe(false);
  expect(pidsIn("12\n345\n0\n")).toEqual([12, 345]);
  expect(pidsIn("")).toEqual([]);
});
