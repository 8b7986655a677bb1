// Keeps supervise/status true: written once the events at hand are done, so that no start is delayed and what is outdated by
// then is not written; where it cannot be written, tried again until it can.
import type { Status } from "../formats/status.ts";
import { type ByteString, later } from "../units/units.ts";
import { type ControlDirectory, Unable } from "./control-directory.ts";
import type { World } from "./world.ts";

/** How long after a failure the status file is tried again, in milliseconds. */
const RETRY_MS = 1000;

export class Announcer {
  /** The status is to be written before the loop sleeps. */
  private announcing = false;
  /** Why the status file is not what it should be, and whether a retry is due. */
  private problem: ByteString | undefined;
  private retrying = false;

  /**
   * @param status what is to be written; undefined: nothing any more
   * @param warn told why it cannot be, once in a row
   */
  constructor(
    private readonly world: World,
    private readonly files: ControlDirectory,
    private readonly status: () => Status | undefined,
    private readonly warn: (problem: ByteString) => void,
  ) {}

  /** The status is another. */
  announce(): void {
    if (!this.announcing) this.world.loop.soon(() => this.write());
    this.announcing = true;
  }

  private write(): void {
    this.announcing = false;
    const status = this.status();
    if (status === undefined) return;
    this.writeNow(status);
    this.world.footprint.announced();
    if (this.problem === undefined || this.retrying) return;
    this.retrying = true;
    this.world.loop.at(later(this.world.now().at, RETRY_MS), () => {
      this.retrying = false;
      this.write();
    });
  }

  /** Writes it, without another attempt. */
  writeNow(status: Status): void {
    try {
      this.world.descriptors.briefly(() => this.files.write(status));
      this.problem = undefined;
    } catch (error) {
      if (!(error instanceof Unable)) throw error;
      this.complain(error.message);
    }
  }

  /** The same words are not said twice in a row. */
  complain(problem: ByteString): void {
    if (this.problem !== problem) this.warn(problem);
    this.problem = problem;
  }
}
