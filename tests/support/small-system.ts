// A root directory of a test's own, in mount and pid namespaces of its own: the system's programs, the suite in
// /usr/local/bin, and nothing in /service or /etc. What is started there first is pid 1. Needs root.
import { join } from "node:path";
import { root } from "./programs.ts";
import { childrenOf, type Running, type Sandbox } from "./sandbox.ts";
import { until } from "./until.ts";

const NAMESPACES = ["unshare", "--mount", "--pid", "--fork", "--kill-child"];

/** Whether namespaces are to be had here. */
export const haveNamespaces: boolean = (() => {
  try {
    return Bun.spawnSync([...NAMESPACES, "mount", "-t", "tmpfs", "none", "/mnt"]).success;
  } catch {
    return false;
  }
})();

/** $1: the new root, an empty directory. $2: our executable, or nothing. $3: more to do. The rest: what to run there. */
const SCRIPT = `
set -e
new=$1 tend=$2 more=$3
shift 3
mount -t tmpfs none "$new"
for name in usr bin sbin lib lib64; do
  if [ -h /$name ]; then cp -P /$name "$new/"
  elif [ -d /$name ]; then mkdir "$new/$name" && mount --bind /$name "$new/$name"; fi
done
mkdir "$new/dev" "$new/proc" "$new/etc" "$new/tmp"
mount --rbind /dev "$new/dev"
mount -t proc proc "$new/proc"
if [ -n "$tend" ]; then
  mount -t tmpfs none "$new/usr/local"
  mkdir "$new/usr/local/bin"
  : >"$new/usr/local/bin/tend"
  mount --bind "$tend" "$new/usr/local/bin/tend"
  for link in "\${tend%/*}"/bin/*; do
    name=\${link##*/}
    [ "$name" = tend ] || ln -s tend "$new/usr/local/bin/$name"
  done
fi
mkdir -p "$new$PWD"
mount --bind "$PWD" "$new$PWD"
cd "$new"
eval "$more"
exec chroot "$new" "$@"
`;

/**
 * Starts `command` as pid 1 of a small system, in which the sandbox's directory has its own path.
 * @param setup sh commands, run in the new root directory before it is entered
 * @param suite whose programs are in /usr/local/bin
 * @returns the process that made the namespaces, whose end is that of pid 1, and pid 1's pid out here
 */
export async function startSystem(
  box: Sandbox,
  command: readonly string[],
  setup = "",
  suite: "tend" | "C" = "tend",
): Promise<{ readonly system: Running; readonly init: number }> {
  const executable = suite === "tend" ? join(root, "dist/tend") : "";
  const script = ["/bin/sh", "-c", SCRIPT, "sh", box.directory("root"), executable, setup, ...command];
  const system = box.start([...NAMESPACES, ...script]);
  const init = await until(() => {
    if (!system.running) throw new Error(system.stderr);
    return childrenOf(system.pid)[0];
  }, "pid 1 is there");
  return { system, init };
}
