// What a service needs to tell that it is ready, and that it lives: made before a start, taken over with a service that runs.
// What cannot be had is said once, and not asked for then. engine/readiness.ts has the rules.
import type { ReadinessEvent } from "../engine/attending.ts";
import { CHECK_MS, type Readiness } from "../engine/readiness.ts";
import type { ReadinessRecord } from "../formats/readiness-record.ts";
import type { Notification } from "../formats/sd-notify.ts";
import type { Asks } from "../formats/service-files.ts";
import { decodeWaitStatus } from "../formats/wait-status.ts";
import { ErrnoError } from "../sys/errno.ts";
import { AT_FDCWD, close, O_RDONLY, O_WRONLY, openat, read } from "../sys/files.ts";
import { getrlimit } from "../sys/limits.ts";
import type { FileAction, StartOptions } from "../sys/process.ts";
import { type ByteString, type Fd, fd, type Pid } from "../units/units.ts";
import type { Entered } from "./control-directory.ts";
import { ADDRESS_BYTES, NotifySocket } from "./notify-socket.ts";
import { processSet } from "./process-set.ts";
import { ReadyFile } from "./ready-file.ts";
import type { World } from "./world.ts";

/** What a start is to be made with. */
export type Prepared = {
  /** What is asked for and can be had. */
  readonly asks: Asks;
  /** To be done after all others. */
  readonly actions: readonly FileAction[];
  readonly options: StartOptions;
  /** To be called when the start has been made, or has failed. */
  readonly done: () => void;
};

export type Attended = {
  readonly world: World;
  readonly place: Entered;
  /** The service's process, while it is there. */
  readonly service: () => Pid | undefined;
  /** Whether a process is in the cgroup of the service, where it has one of its own. */
  readonly member: (process: number) => boolean;
  /** Its name in messages. */
  readonly title: ByteString;
  readonly tell: (event: ReadinessEvent) => void;
  /** Says something to the administrator. */
  readonly warn: (text: ByteString) => void;
};

export class Attendance {
  private readonly file: ReadyFile;
  private socket: NotifySocket | undefined;
  /** Where the address is kept if there is no record. */
  private address: Uint8Array | undefined;
  /** What was said already. */
  private readonly problems = new Map<string, ByteString>();

  constructor(private readonly service: Attended) {
    const { world, place } = service;
    this.file = new ReadyFile(world, place, () => this.told({ ready: true }));
  }

  /** What a new image of this process needs of it. */
  get handedOn(): Fd | undefined {
    return this.socket?.socket;
  }

  /** The service is about to be started. */
  prepare(asks: Asks, record: ReadinessRecord | undefined): Prepared {
    let had = asks;
    const options: { variables: ByteString[]; pidVariable?: ByteString } = { variables: [] };
    this.problems.delete("sender");
    if (asks.sdNotify || asks.watchdogMs > 0) {
      const made = this.trying(asks.sdNotify ? "sd-notify" : "watchdog", () => this.listen(record));
      if (made === undefined) had = { ...had, sdNotify: false, watchdogMs: 0 };
      else {
        options.variables = [made.variable, "WATCHDOG_PID", "WATCHDOG_USEC"];
        if (asks.watchdogMs > 0) {
          options.variables = [made.variable, `WATCHDOG_USEC=${asks.watchdogMs * 1000}`];
          options.pidVariable = "WATCHDOG_PID";
        }
      }
    } else this.deafen();
    const { notificationFd } = asks;
    if (notificationFd === undefined) {
      this.file.end();
      return { asks: had, actions: [], options, done: () => {} };
    }
    const file = this.trying("notification-fd", () => {
      if (!this.fits(notificationFd)) throw new Excess(`it may have ${this.limit} descriptors`);
      return this.file.make();
    });
    if (file === undefined) {
      // Without the descriptor it may not even start: what it writes goes nowhere.
      const nowhere = { do: "open", path: "/dev/null", flags: O_WRONLY } as const;
      const actions = this.fits(notificationFd) ? [{ ...nowhere, to: fd(notificationFd) }] : [];
      return { asks: { ...had, notificationFd: undefined }, actions, options, done: () => {} };
    }
    return {
      asks: had,
      actions: [{ do: "dup2", from: file, to: fd(notificationFd) }],
      options,
      done: () => close(file),
    };
  }

  /** How many descriptors a service may have. */
  private get limit(): bigint {
    return this.service.world.descriptors.inherited(() => getrlimit("NOFILE")).soft;
  }

  private fits(descriptor: number): boolean {
    return BigInt(descriptor) < this.limit;
  }

  /** The service runs already, and this is known of it. */
  take({ ways, socket, ready }: Readiness, record: ReadinessRecord | undefined): void {
    if (socket) this.trying(ways.datagram ? "sd-notify" : "watchdog", () => this.listen(record));
    if (ways.descriptor && ready === false) this.trying("notification-fd", () => this.file.take());
  }

  /** The record is new. */
  note(record: ReadinessRecord): void {
    if (this.address !== undefined) record.address = this.address;
  }

  /** The service has ended, or is ready. */
  settled(): void {
    this.file.end();
  }

  close(): void {
    this.file.end();
    this.deafen();
  }

  private deafen(): void {
    this.socket?.close();
    this.socket = undefined;
  }

  private listen(record: ReadinessRecord | undefined): NotifySocket {
    if (this.socket !== undefined) return this.socket;
    const { world, service, member } = this.service;
    const told = (said: Notification) => this.told(said);
    this.address ??= record?.address ?? randomBytes();
    if (record !== undefined && record.address === undefined) record.address = this.address;
    this.socket = new NotifySocket(world, this.address, service, member, told, (sender) => {
      const problem = `process ${sender} notifies, and is not of the service: ignored`;
      if (!this.problems.has("sender")) this.warn("sender", problem);
    });
    return this.socket;
  }

  private trying<Result>(name: string, act: () => Result): Result | undefined {
    try {
      const result = act();
      this.problems.delete(name);
      return result;
    } catch (error) {
      if (!(error instanceof ErrnoError) && !(error instanceof Excess)) throw error;
      this.warn(name, `unable to use ${name}: ${error instanceof ErrnoError ? error.text : error.message}`);
      return undefined;
    }
  }

  /** The same words on the same matter are not said twice in a row. */
  private warn(matter: string, problem: ByteString): void {
    const { title, warn } = this.service;
    if (this.problems.get(matter) !== problem) warn(`${title}: ${problem}`);
    this.problems.set(matter, problem);
  }

  private told(said: Notification): void {
    this.service.tell({ on: "notified", said });
  }

  /** Starts `check`, and tells what came of it. */
  runCheck(): void {
    const { world, place, tell } = this.service;
    let outcome: ReadinessEvent;
    try {
      const actions: FileAction[] = [
        { do: "fchdir", directory: place.directory },
        { do: "open", to: fd(0), path: "/dev/null", flags: O_RDONLY },
        { do: "open", to: fd(1), path: "/dev/null", flags: O_WRONLY },
      ];
      const onEnd = (status: number | undefined) => {
        // It is run again and again: what it leaves in its group would be more each time.
        const left = processSet("group", pid, "");
        if (left.members().length > 0) left.signal("SIGKILL");
        tell({ on: "check-ended", pid, how: status === undefined ? undefined : decodeWaitStatus(status) });
      };
      const pid = world.spawn("./check", ["./check"], actions, onEnd, { diesWithUs: true, leads: "group" });
      outcome = { on: "check-started", pid };
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      this.warn("check", `unable to run check: ${error.text}`);
      outcome = { on: "check-failed" };
    }
    tell(outcome);
  }

  checkIsSlow(): void {
    this.warn("check", `check takes longer than ${CHECK_MS} ms, killing it`);
  }
}

class Excess extends Error {}

function randomBytes(): Uint8Array {
  const random = openat(AT_FDCWD, "/dev/urandom", O_RDONLY);
  try {
    return read(random, ADDRESS_BYTES).slice();
  } finally {
    close(random);
  }
}
