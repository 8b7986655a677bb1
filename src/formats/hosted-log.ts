// What a logger that shares a process with others is told by its directory: `log/multilog`, the arguments of multilog, and
// `log/user`, whose its files are. service-directory(5)
import type { ByteString } from "../units/units.ts";
import { FormatError } from "./format-error.ts";
import { parseScript } from "./log-script.ts";

/**
 * The arguments in `log/multilog`: each line is one, byte for byte. Empty lines, and lines that begin with `#`, are passed over: no
 * argument of multilog begins so.
 * @throws {FormatError} if nothing would be done with a line that is logged
 */
export function decodeLogArguments(text: ByteString): ByteString[] {
  const nul = text.indexOf("\0");
  if (nul !== -1) throw new FormatError("bad format", nul);
  const args = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const { actions } = parseScript(args);
  if (!actions.some(({ do: what }) => what === "log" || what === "status" || what === "alert"))
    throw new FormatError("no log directory", 0);
  return args;
}

/** Who `log/user` names: an account, or numbers. */
export type LogUser = { readonly account: ByteString } | { readonly uid: number; readonly gid: number };

/** The largest id: the one above it means none. */
const ID_MOST = 2 ** 32 - 2;

/** The first line of `log/user`: an account, or `uid:gid`. @throws {FormatError} if it is neither */
export function decodeLogUser(text: ByteString): LogUser {
  const [line = ""] = text.split("\n");
  if (line === "" || line.includes("\0")) throw new FormatError("bad format", 0);
  const [, uid, gid] = /^([0-9]{1,10}):([0-9]{1,10})$/.exec(line) ?? [];
  if (uid === undefined || gid === undefined) return { account: line };
  const ids = { uid: Number(uid), gid: Number(gid) };
  if (ids.uid > ID_MOST || ids.gid > ID_MOST) throw new FormatError("bad format", 0);
  return ids;
}
