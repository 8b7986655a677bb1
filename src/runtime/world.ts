// What every supervised service of one process shares: the loop, the one place children are started and reaped, and the
// way to say something.

import type { Now } from "../engine/supervise.ts";
import { type EventSignal, inheritedMask } from "../sys/boot.ts";
import { monotonic, wallTime } from "../sys/clock.ts";
import { DescriptorLimit, passOnDescriptors, RUNTIME_IGNORES } from "../sys/inherited.ts";
import { environment, type FileAction, reap, Spawner } from "../sys/process.ts";
import { setDisposition, signalSet } from "../sys/signals.ts";
import type { ByteString, Pid } from "../units/units.ts";
import { Loop } from "./loop.ts";

/** Told the wait status of a child, once. */
export type OnEnd = (status: number) => void;

export class World {
  readonly loop: Loop;
  /** Guards the opening of descriptors that this process keeps. */
  readonly descriptors: DescriptorLimit;
  private readonly spawner: Spawner;
  private readonly children = new Map<Pid, OnEnd>();

  /**
   * Takes over what this process inherited: nothing that it opens later reaches a child, and everything it was given
   * does. Construct before opening any descriptor.
   * @param signals what is taken as an event beside SIGCHLD
   * @param report says something to the administrator; must not block or throw
   */
  constructor(
    signals: readonly EventSignal[],
    onSignal: (signal: EventSignal) => void,
    readonly report: (line: ByteString) => void,
  ) {
    passOnDescriptors();
    this.descriptors = new DescriptorLimit();
    // Ignored, it would make the kernel throw exit statuses away.
    setDisposition("SIGCHLD", "default");
    this.loop = new Loop(
      ["SIGCHLD", ...signals],
      (signal) => (signal === "SIGCHLD" ? this.reapAll() : onSignal(signal)),
      (error) =>
        report(`tend: warning: unexpected: ${error instanceof Error ? error.message : String(error)}`),
    );
    const mask = inheritedMask & ~signalSet(["SIGCHLD"]);
    this.spawner = new Spawner({ mask, defaults: RUNTIME_IGNORES }, environment());
  }

  /** Starts a program. `onEnd` is called when it has ended. @throws {ErrnoError} as Spawner.spawn */
  spawn(path: ByteString, argv: readonly ByteString[], actions: readonly FileAction[], onEnd: OnEnd): Pid {
    const child = this.spawner.spawn(path, argv, actions);
    this.children.set(child, onEnd);
    return child;
  }

  now(): Now {
    return { at: monotonic(), stamp: wallTime() };
  }

  private reapAll(): void {
    for (let ended = reap(); ended !== undefined; ended = reap()) {
      const onEnd = this.children.get(ended.pid);
      // Somebody else's child: adopted by this process as pid 1 or as a subreaper.
      if (onEnd === undefined) continue;
      this.children.delete(ended.pid);
      onEnd(ended.status);
    }
  }
}
