// The letters that svc writes into supervise/control. svc(8), reference: supervise-protocol section 5
import type { ByteString } from "../units/units.ts";

/** Each letter, by what it asks for. */
export const CONTROL_LETTERS = {
  u: "up",
  d: "down",
  o: "once",
  x: "exit",
  p: "pause",
  c: "continue",
  h: "hup",
  a: "alarm",
  i: "interrupt",
  t: "term",
  k: "kill",
} as const;

export type ControlLetter = keyof typeof CONTROL_LETTERS;
export type Command = (typeof CONTROL_LETTERS)[ControlLetter];

const BY_BYTE = new Map<number, Command>(
  Object.entries(CONTROL_LETTERS).map(([letter, command]) => [letter.charCodeAt(0), command]),
);
const BY_COMMAND = new Map<Command, ControlLetter>(
  Object.entries(CONTROL_LETTERS).map(([letter, command]) => [command, letter as ControlLetter]),
);

/** What a byte read from supervise/control asks for; undefined for one that means nothing, which is to be ignored. */
export const decodeControl = (byte: number): Command | undefined => BY_BYTE.get(byte);

/** The letters for `commands`, in their order. */
export const encodeControl = (commands: readonly Command[]): ByteString =>
  commands.map((command) => BY_COMMAND.get(command)).join("");
