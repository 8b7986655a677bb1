// Log directories as tests see them: what is in them, in writing order, and what must hold of their files.
import { expect } from "bun:test";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export type LogFile = { readonly name: string; readonly mode: string; readonly content: string };

/** Our own file, which C knows nothing of, is left out: it is there only after a kill. */
const OURS = /^\.tend-ahead/;

/** The files of a log directory, sorted by name; content as one character for each byte. */
export function logFiles(directory: string): LogFile[] {
  return readdirSync(directory)
    .filter((name) => !OURS.test(name))
    .sort()
    .map((name) => {
      const path = join(directory, name);
      const stat = lstatSync(path);
      const content = stat.isFile() ? readFileSync(path, "latin1") : "";
      return { name, mode: (stat.mode & 0o7777).toString(8), content };
    });
}

const isOld = ({ name }: LogFile): boolean => name.startsWith("@") && name.length >= 25;

/** All that is logged there, in the order in which it was written. */
export function logged(directory: string): string {
  const files = logFiles(directory);
  const order = [
    ...files.filter(isOld),
    ...files.filter(({ name }) => name === "previous" || name === "current"),
  ];
  // `previous` is older than `current`.
  order.sort((a, b) => rank(a) - rank(b));
  return order.map(({ content }) => content).join("");
}

const rank = ({ name }: LogFile): number => (name === "current" ? 2 : name === "previous" ? 1 : 0);

/** Labels made alike, in names and in text. */
export const unlabelled = (text: string): string => text.replace(/@[0-9a-f]{24}/g, "@LABEL");

/** Log files are no longer than `size`, and end at the end of a line unless the line does not fit. */
export function expectRotated(directory: string, size: number): void {
  for (const file of logFiles(directory).filter(isOld)) {
    expect(file.content.length).toBeLessThanOrEqual(size);
    if (file.content.length > 0 && !file.content.endsWith("\n")) expect(file.content.length).toBe(size);
    if (file.content.endsWith("\n")) expect(file.content.length).toBeGreaterThanOrEqual(size - 2000);
  }
}
