// Reads what a scan directory asks for all its services: the files in `.tend/`, when the directory is scanned.
import { SCAN_FILES, scanAsked, scanAsking } from "../formats/scan-files.ts";
import { type Asks, CLASSIC } from "../formats/service-files.ts";
import { ENOENT, ErrnoError } from "../sys/errno.ts";
import { close, O_DIRECTORY, O_RDONLY, openat, readdir } from "../sys/files.ts";
import type { ByteString, Fd } from "../units/units.ts";
import { ValueReader } from "./service-files.ts";

export class ScanFiles {
  private readonly values: ValueReader;
  private problem: ByteString | undefined;

  /** @param warn told `unable to use FILE: WHY` and the like */
  constructor(
    private readonly scan: Fd,
    private readonly warn: (text: ByteString) => void,
  ) {
    this.values = new ValueReader((text) => warn(`${SCAN_FILES}: ${text}`));
  }

  /** What is asked for at this moment; `before` where that cannot be told. */
  look(before: Asks): Asks {
    try {
      const asks = this.read();
      this.problem = undefined;
      return asks;
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      if (this.problem !== error.text) this.warn(`unable to read ${SCAN_FILES}: ${error.text}`);
      this.problem = error.text;
      return before;
    }
  }

  private read(): Asks {
    let directory: Fd;
    try {
      directory = openat(this.scan, SCAN_FILES, O_RDONLY | O_DIRECTORY);
    } catch (error) {
      if (error instanceof ErrnoError && error.errno === ENOENT) return CLASSIC;
      throw error;
    }
    try {
      let asks: Asks = CLASSIC;
      for (const name of scanAsking(readdir(directory)))
        asks = { ...asks, ...this.values.read(directory, name, (text) => scanAsked(name, text)) };
      return asks;
    } finally {
      close(directory);
    }
  }
}
