// Bytes are not what they should be. Every decoder of this layer throws this and nothing else.

export class FormatError extends Error {
  constructor(
    message: string,
    /** Where in the bytes the trouble is, from 0; the length where there are too few. */
    readonly offset: number,
  ) {
    super(message);
    this.name = "FormatError";
  }
}
