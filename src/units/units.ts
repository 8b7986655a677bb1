// Numbers and strings with a meaning. A Pid is not a Fd, and the compiler knows it; at run time they are plain
// numbers. This layer imports nothing.

declare const unit: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [unit]: Name };

/** A process id, 1 or greater. */
export type Pid = Branded<number, "Pid">;
/** An open file descriptor, 0 or greater. */
export type Fd = Branded<number, "Fd">;
/** A signal number as the kernel counts them, 1 to 64. signal(7) */
export type Signo = Branded<number, "Signo">;
/** An error number as the kernel counts them, 1 or greater. errno(3) */
export type Errno = Branded<number, "Errno">;
/** Milliseconds on the monotonic clock, with fractions. Only differences mean something. */
export type Instant = Branded<number, "Instant">;

/**
 * Bytes as a string: each character is one byte, 0 to 255. Arguments, environment, paths and messages are held so:
 * any byte the kernel gives survives, and ASCII constants are written as they are. Never the result of decoding UTF-8.
 */
export type ByteString = string;

export const pid = (n: number): Pid => n as Pid;
export const fd = (n: number): Fd => n as Fd;
export const signo = (n: number): Signo => n as Signo;
export const errno = (n: number): Errno => n as Errno;
export const instant = (ms: number): Instant => ms as Instant;

/** The instant `ms` milliseconds after `from`. */
export const later = (from: Instant, ms: number): Instant => (from + ms) as Instant;

/** The bytes of `text`, one per character. */
export function bytesOf(text: ByteString): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** `bytes` as a ByteString. */
export function byteString(bytes: Uint8Array): ByteString {
  // In pieces: the argument list of one call has a limit.
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return text;
}

/** Ends a `switch` over a union: a case that is missing does not compile. */
export function exhaustive(value: never): never {
  throw new Error(`not a case: ${JSON.stringify(value)}`);
}
