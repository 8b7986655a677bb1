// The patterns of multilog's `+` and `-`: djb's rule, without backtracking. multilog(8)

/**
 * Where a line has got to in a pattern: how many of the pattern's bytes are behind it; FAILED, or ALL where the rest of the
 * line does not matter any more.
 */
export type Progress = number;
export const FAILED: Progress = -1;
export const ALL: Progress = -2;

const STAR = 0x2a;

/**
 * Takes the bytes of a line from `from` up to `to`, after those that led to `progress` (0 at the line's first). A star at
 * the pattern's end takes all that is left; any other star skips to the first byte equal to the one behind it, and there
 * is no second try. Every other byte must be equal.
 */
export function advance(
  pattern: Uint8Array,
  progress: Progress,
  line: Uint8Array,
  from: number,
  to: number,
): Progress {
  if (progress < 0) return progress;
  const end = pattern.length;
  let at = from;
  for (let i = progress; ; i++) {
    if (i === end) return at < to ? FAILED : i;
    const item = pattern[i];
    if (item === STAR) {
      if (i + 1 === end) return ALL;
      const wanted = pattern[i + 1];
      while (at < to && line[at] !== wanted) at++;
      if (at === to) return i;
    } else {
      if (at === to) return i;
      if (line[at] !== item) return FAILED;
      at++;
    }
  }
}

/** Whether a line that ends here matches. */
export const matched = (pattern: Uint8Array, progress: Progress): boolean =>
  progress === ALL ||
  progress === pattern.length ||
  (progress === pattern.length - 1 && pattern[progress] === STAR);

/**
 * Bytes that a line must have in a row, behind those that led to `progress`, in order to match: the longest such; undefined if
 * it cannot match any more, or may without having any of its own.
 */
export function needed(pattern: Uint8Array, progress: Progress): Uint8Array | undefined {
  if (progress < 0) return undefined;
  let from = progress;
  let to = progress;
  for (let start = progress, i = progress; i <= pattern.length; i++) {
    if (i < pattern.length && pattern[i] !== STAR) continue;
    if (i - start > to - from) [from, to] = [start, i];
    start = i + 1;
  }
  return to > from ? pattern.subarray(from, to) : undefined;
}
