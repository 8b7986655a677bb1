// A directory of variables: each file is one, its name the variable's, its first line the value. envdir(8)
import type { ByteString } from "../units/units.ts";

/** Whether the directory entry `name` is a variable: whatever does not begin with a dot. */
export const isVariable = (name: ByteString): boolean => !name.startsWith(".");

/**
 * The value that a file with this `content` gives its variable; undefined removes it. Of the first line, spaces and tabs
 * at the end are dropped, then each NUL becomes a newline: no variable can hold a NUL.
 */
export function decodeVariable(content: ByteString): ByteString | undefined {
  if (content === "") return undefined;
  const newline = content.indexOf("\n");
  let end = newline === -1 ? content.length : newline;
  while (end > 0 && (content[end - 1] === " " || content[end - 1] === "\t")) end--;
  return content.slice(0, end).replaceAll("\0", "\n");
}
