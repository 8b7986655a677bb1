// The record of one service, for as long as it is supervised. It is mapped, and what is mapped can be lost: cut short,
// overwritten with a backup, or on a file system that has no space for a page that is there already. Then it is made anew, of
// what the supervisor knows; where that cannot be, the service is supervised without, and it is tried again.
import type { ServiceRecord } from "../formats/service-record.ts";
import { EMFILE, ENFILE, ErrnoError } from "../sys/errno.ts";
import { type ByteString, later } from "../units/units.ts";
import type { Entered } from "./control-directory.ts";
import { openRecord, type RecordFile, renewRecord } from "./record-file.ts";
import type { World } from "./world.ts";

/** How long after a failure the record is tried again, in milliseconds: at first, and at most. */
const RETRY_FIRST_MS = 1000;
const RETRY_MOST_MS = 600_000;

export class KeptRecord {
  private file: RecordFile | undefined;
  /** The turn of the loop in which it was found to be there. */
  private touched: number | undefined;
  private closed = false;
  /** Why there is none: said once in a row. */
  private problem: ByteString | undefined;
  private retryMs = RETRY_FIRST_MS;

  /**
   * @param path how messages call the file
   * @param fill stores all that is known in a page that is new
   * @throws {ErrnoError} EMFILE, ENFILE; else a record that cannot be had is no error
   */
  constructor(
    private readonly world: World,
    private readonly place: Entered,
    private readonly path: ByteString,
    private readonly fill: (record: ServiceRecord) => void,
    private readonly say: (text: ByteString) => void,
  ) {
    try {
      this.file = world.descriptors.open(() => openRecord(place.directory));
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      if (error.errno === EMFILE || error.errno === ENFILE) throw error;
      this.without(error);
    }
  }

  /** The record as it was found; undefined where there can be none. */
  get found(): ServiceRecord | undefined {
    return this.file?.record;
  }

  /** The record, to store in at once; undefined where there can be none. It is made anew if it was lost. */
  get record(): ServiceRecord | undefined {
    const { turn } = this.world.loop;
    if (turn !== this.touched && this.file?.record.touch() === false) this.lost();
    this.touched = turn;
    return this.file?.record;
  }

  /** Where in memory the kernel may note a pid in it. */
  get child(): number | undefined {
    return this.file?.child;
  }

  get scriptChild(): number | undefined {
    return this.file?.scriptChild;
  }

  /** Looks whether it is there yet. */
  check(): void {
    if (this.file?.record.intact === false) this.lost();
  }

  /** Nothing may be stored in it afterwards. */
  close(): void {
    this.closed = true;
    this.file?.close();
    this.file = undefined;
  }

  private lost(): void {
    this.file?.close();
    this.file = undefined;
    this.say(`warning: ${this.path} was lost or overwritten, making it anew`);
    this.renew();
  }

  private renew(): void {
    try {
      this.file = this.world.descriptors.briefly(() => renewRecord(this.place.directory, this.fill));
      this.problem = undefined;
      this.retryMs = RETRY_FIRST_MS;
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      this.without(error);
    }
  }

  private without({ text }: ErrnoError): void {
    if (this.problem !== text) this.say(`warning: unable to keep ${this.path}: ${text}`);
    this.problem = text;
    this.world.loop.at(later(this.world.now().at, this.retryMs), () => {
      if (!this.closed && this.file === undefined) this.renew();
    });
    this.retryMs = Math.min(2 * this.retryMs, RETRY_MOST_MS);
  }
}
