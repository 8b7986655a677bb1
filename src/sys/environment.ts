// The environment of this process, and those of the programs it starts: byte for byte, and as C sees it. environ(7)
import type { ByteString } from "../units/units.ts";
import { Arena, latin1, libc, scratch, view } from "./libc.ts";

/** An envp that is ready to be given to a program: the address of an array of strings. */
export type Environment = number;

/** The environment this process was given, byte for byte. */
export function environment(): Environment {
  const symbol = libc.dlsym(0, scratch.reset().cstring("environ"));
  return Number(new DataView(view(symbol, 8).buffer).getBigUint64(0, true));
}

/** The value of an environment variable, byte for byte; undefined if it is not set. getenv(3) */
export function getenv(name: ByteString): ByteString | undefined {
  const value = libc.getenv(scratch.reset().cstring(name));
  if (!value) return undefined;
  return text(value);
}

/** The variable is gone, and no program that is started gets it. unsetenv(3) */
export const unsetenv = (name: ByteString): void => void libc.unsetenv(scratch.reset().cstring(name));

/** The NUL-terminated string at `address`. */
const text = (address: number): ByteString => latin1(view(address, lengthOf(address)));

/**
 * How long the NUL-terminated string at `address` is. Byte by byte: `indexOf` reads vectors, and so behind the end, where there may
 * be no memory.
 */
export function lengthOf(address: number): number {
  const bytes = view(address, FIRST_LOOK);
  for (let i = 0; i < SHORT; i++) if (bytes[i] === 0) return i;
  return libc.strlen(address);
}

/** A string of fewer bytes is not worth binding a function. */
const SHORT = 512;
/**
 * Nothing is read behind the end of what is looked at. But the runtime takes the bytes of a view for memory that it may have to
 * collect, and after some megabytes of them does: 0.7 ms.
 */
const FIRST_LOOK = 1 << 13;

/** What is in `env`, each entry normally `NAME=VALUE`, in its order. */
export function variables(env: Environment): ByteString[] {
  const pointers = pointersIn(env);
  return inOneBlock(pointers) ?? pointers.map(text);
}

/** Where the strings of `env` are. */
function pointersIn(env: Environment): number[] {
  const pointers: number[] = [];
  for (let size = FIRST_LOOK; ; size *= 2) {
    const words = new Uint32Array(view(env, size).buffer);
    for (let i = 2 * pointers.length; i < words.length; i += 2) {
      const pointer = (words[i] as number) + 2 ** 32 * (words[i + 1] as number);
      if (pointer === 0) return pointers;
      pointers.push(pointer);
    }
  }
}

/** The strings at `pointers` where they lie one after the other, as the kernel places them. */
function inOneBlock(pointers: readonly number[]): ByteString[] | undefined {
  const first = pointers[0];
  const last = pointers[pointers.length - 1];
  if (first === undefined || last === undefined || last < first) return undefined;
  const length = last + lengthOf(last) - first;
  if (length === 0 || length > MOST_BYTES) return undefined;
  const texts = latin1(view(first, length)).split("\0");
  let at = first;
  for (let i = 0; i < pointers.length; i++) {
    if (pointers[i] !== at) return undefined;
    at += (texts[i] as ByteString).length + 1;
  }
  return texts;
}

/** More than an environment has: three quarters of 8 MB. execve(2) */
const MOST_BYTES = 1 << 23;

/** `variables` (each `NAME=VALUE`) as an environment. The memory is never given back: make few. */
export function environmentOf(variables: readonly ByteString[]): Environment {
  return new Arena(vectorSize(variables)).vector(variables);
}

/** Bytes that `Arena.vector` needs. */
export const vectorSize = (texts: readonly ByteString[]): number =>
  8 * texts.length + texts.join("\0").length + 64;

/** An environment that stays as it is, from which others are made that differ in a few variables. */
export class BaseEnvironment {
  private readonly pointers: readonly number[];
  private readonly names: readonly ByteString[];

  constructor(env: Environment) {
    this.pointers = pointersIn(env);
    this.names = variables(env).map(nameOf);
  }

  /** Bytes that `with` needs. */
  size(changes: readonly ByteString[]): number {
    return vectorSize(changes) + 8 * this.pointers.length;
  }

  /**
   * The environment with `changes`, each `NAME=VALUE` or a `NAME` that is to go, in the place of those of the same name.
   * @returns it, and where the text of each change begins
   */
  with(
    changes: readonly ByteString[],
    memory: Arena,
  ): { readonly env: Environment; readonly at: readonly number[] } {
    const changed = new Set(changes.map(nameOf));
    const at = changes.map((change) => memory.cstring(change));
    const added = at.filter((_, i) => changes[i]?.includes("="));
    const kept = this.pointers.filter((_, i) => !changed.has(this.names[i] as ByteString));
    const all = [...kept, ...added, 0];
    const env = memory.alloc(8 * all.length);
    for (const [i, pointer] of all.entries()) memory.setPointer(env + 8 * i, pointer);
    return { env, at };
  }
}

/** What stands before the `=`. */
const nameOf = (variable: ByteString): ByteString => variable.split("=", 1)[0] as ByteString;
