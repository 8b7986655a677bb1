// One logger among many of a process: what `multilog` under `supervise` would be, without a process of its own. Its directory,
// `log` in that of a service, is taken as any service's, and commands act on the writer as signals would on multilog.
// engine/supervise.ts has the rules. service-directory(5)
import { initial } from "../engine/resuming.ts";
import {
  deadlineOf,
  type Effect,
  type Event,
  type ServiceSignal,
  type State,
  statusOf,
} from "../engine/service-state.ts";
import { step } from "../engine/supervise.ts";
import { type Command, decodeControl } from "../formats/control.ts";
import { FormatError } from "../formats/format-error.ts";
import { decodeLogArguments, decodeLogUser, type LogUser } from "../formats/hosted-log.ts";
import type { WaitStatus } from "../formats/wait-status.ts";
import { type Account, getegid, geteuid, getpwnam } from "../sys/credentials.ts";
import { EACCES, EINVAL, ENOENT, EPERM, ErrnoError, errnoOf } from "../sys/errno.ts";
import {
  AT_FDCWD,
  bytesWaiting,
  close,
  fstat,
  O_DIRECTORY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  openat,
  readAll,
} from "../sys/files.ts";
import { getpid } from "../sys/process.ts";
import { SIGNALS } from "../sys/signals.ts";
import type { ByteString, Fd, Instant } from "../units/units.ts";
import { Announcer } from "./announcer.ts";
import { ControlDirectory, readControl } from "./control-directory.ts";
import { Refused, SHELL, type Shell } from "./log-directory.ts";
import { openLogPipe } from "./log-pipe.ts";
import type { LogSite } from "./log-recovery.ts";
import { LogWriter } from "./log-writer.ts";
import { leftBy, openRecord } from "./record-file.ts";
import { Scope } from "./task.ts";
import type { World } from "./world.ts";

/** What all loggers of a process have in common. */
export type LogHouse = {
  readonly world: World;
  readonly memory: LogSite["memory"];
  /** Puts a line to standard error. */
  readonly alert: (line: Uint8Array) => void;
  /** Runs a processor as somebody. */
  readonly shellOf: (account: Account) => Shell;
};

/** A text of more bytes is no arguments of multilog. */
const TEXT_MOST = 1 << 16;
/** How a writer ends: as multilog that was not disturbed, and one that could not begin. */
const DONE: WaitStatus = { exited: 0 };
const FAILED: WaitStatus = { exited: 111 };

export class HostedLogger {
  /** The directory's name in messages. */
  readonly title: ByteString;
  private readonly files: ControlDirectory;
  private readonly control: Fd;
  /** The pipe: open for reading and writing, or only for reading once its end is to be seen. */
  private input: Fd;
  private open = true;
  private readonly announcer: Announcer;
  private state: State;
  private wake: { readonly at: Instant; readonly takeBack: () => void } | undefined;
  private writer: LogWriter | undefined;
  private scope = new Scope();
  private stopped = false;
  /** What came while it was stopped. */
  private readonly pending = new Set<"SIGTERM" | "SIGALRM">();
  /** Why the last attempt failed; said once in a row. */
  private problem: ByteString | undefined;

  /**
   * Takes the directory `NAME/log` in `at`, and begins, unless it has a down file.
   * @param onLeave told when it has let go of the directory: after `x`
   * @throws {Unable} as ControlDirectory and openLogPipe; nothing stays open then
   */
  constructor(
    private readonly house: LogHouse,
    at: Fd,
    name: ByteString,
    private readonly onLeave: () => void,
  ) {
    const { world } = house;
    this.title = `${name}/log`;
    this.files = new ControlDirectory(at, this.title, this.title);
    this.announcer = new Announcer(
      world,
      this.files,
      () => (this.state.at === "gone" ? undefined : statusOf(this.state)),
      (problem) => world.report(`supervise: warning: ${problem}`),
    );
    let input: Fd | undefined;
    try {
      const service = openat(at, name, O_PATH | O_DIRECTORY);
      try {
        input = openLogPipe(service);
      } finally {
        close(service);
      }
      this.input = input;
      const left = this.readRecord();
      const asked = left?.exiting === true ? undefined : left?.want;
      this.state = initial(asked ?? (this.files.normallyUp ? "up" : "down"), world.now());
      this.control = this.files.listen(statusOf(this.state), (problem) => this.announcer.complain(problem));
      world.loop.watch(this.control, () => this.obeyWaiting());
      this.tell({ on: "begin" });
      if (asked !== undefined && left?.paused) this.command("pause");
    } catch (error) {
      if (input !== undefined) close(input);
      this.files.close();
      throw error;
    }
  }

  /** The directory, open. */
  get directory(): Fd {
    return this.files.directory;
  }

  /** The writer is there. */
  get up(): boolean {
    return this.state.at === "up";
  }

  /** What is in the pipe will be read without anybody asking. */
  get coming(): boolean {
    const { at, want } = this.state;
    return at === "up" || (at === "waiting" && want === "up");
  }

  /** Nothing waits in the pipe. */
  get drained(): boolean {
    return bytesWaiting(this.input) === 0;
  }

  /** Something keeps the writer from ending at once. */
  get held(): boolean {
    return this.writer?.held === true;
  }

  /** The writer stops where it is; one that goes on loses nothing. */
  suspend(): void {
    this.continue();
    this.scope.run(() => this.writer?.suspend());
  }

  /** @returns whether the writer does without memory now */
  rest(): boolean {
    let rests = true;
    this.scope.run(() => {
      rests = this.writer?.rest() ?? true;
    });
    return rests;
  }

  /** As if the letter had come through the fifo. */
  command(command: Command): void {
    this.tell({ on: "command", command });
  }

  private obeyWaiting(): void {
    for (const byte of readControl(this.control)) {
      const command = decodeControl(byte);
      if (command !== undefined) this.command(command);
      // After `x` the rest is read by nobody.
      if (this.state.at === "gone") return;
    }
  }

  private tell(event: Event): void {
    const before = this.state;
    const { state, effects } = step(before, event, this.house.world.now());
    this.state = state;
    const paused = state.at === "up" && state.paused;
    if (
      state.want !== before.want ||
      state.exiting !== before.exiting ||
      state.at === "gone" ||
      paused !== (before.at === "up" && before.paused)
    )
      this.store(paused);
    this.wakeAt(deadlineOf(state));
    for (const effect of effects) this.perform(effect);
    if (state.exiting && this.state.at === "up") this.seeEnd();
  }

  /** What the log process before this one noted of the wishes; undefined if it left in order. */
  private readRecord(): ReturnType<typeof leftBy> {
    const { boot } = this.house.world;
    try {
      const { record, close: unmap } = openRecord(this.directory);
      const left = leftBy(record, boot);
      if (left === undefined) record.reset(boot);
      unmap();
      return left;
    } catch (error) {
      errnoOf(error);
      return undefined;
    }
  }

  /** Notes what is wished, for the next log process. */
  private store(paused: boolean): void {
    const { state } = this;
    try {
      const { record, close: unmap } = openRecord(this.directory);
      record.want = state.want;
      record.paused = paused;
      record.exiting = state.exiting;
      record.phase = "idle";
      if (state.at === "gone") record.leave();
      unmap();
    } catch (error) {
      errnoOf(error);
    }
  }

  private perform(effect: Effect): void {
    switch (effect.do) {
      case "spawn":
        return this.spawn();
      case "kill":
        return this.act(effect.signal as ServiceSignal);
      case "announce":
        return this.announcer.announce();
      case "leave":
        return this.leave();
      case "warn-no-process":
        // Said by `spawn`.
        return;
      default:
        // No process, so no group, no `finish`, no failure for good.
        return this.house.world.report(`multilog: warning: unexpected for ${this.title}: ${effect.do}`);
    }
  }

  // The writer

  private spawn(): void {
    const { house } = this;
    const { world } = house;
    let starting = true;
    let failed: unknown;
    let over = false;
    try {
      const args = this.readArguments();
      const account = this.readUser();
      const scope = new Scope(account);
      const end = (how: WaitStatus) => {
        if (over) return;
        over = true;
        scope.end();
        // Whoever told of the end has something to finish first.
        if (!starting) world.loop.soon(() => this.ended(scope, how));
      };
      const writer = new LogWriter(
        world,
        args,
        this.input,
        {
          alert: house.alert,
          end: () => end(DONE),
          failed: (error) => {
            failed = error;
            if (!starting) this.complain(error);
            end(FAILED);
          },
        },
        {
          at: this.directory,
          shown: (path) => (path.startsWith("/") ? path : `${this.title}/${path.replace(/^(\.\/+)+/, "")}`),
          memory: house.memory,
          frugal: true,
          shell: account === undefined ? SHELL : house.shellOf(account),
        },
      );
      this.writer = writer;
      this.scope = scope;
      // It leaves as much garbage as the start of a program.
      world.footprint.started();
      scope.run(() => writer.start());
    } catch (error) {
      failed = error;
    }
    starting = false;
    if (failed !== undefined) {
      this.drop();
      this.complain(failed);
      return this.tell({ on: "spawn-failed", why: "no-process", jitter: Math.random() });
    }
    this.problem = undefined;
    this.tell({ on: "spawned", pid: getpid() });
    if (over) this.ended(this.scope, DONE);
  }

  private complain(error: unknown): void {
    const text =
      error instanceof Refused
        ? `unable to ${error.doing}: ${error.reason.text}`
        : `unable to start ${this.title}: ${error instanceof Error ? error.message : String(error)}`;
    if (this.problem !== text) this.house.world.report(`multilog: warning: ${text}`);
    this.problem = text;
  }

  private readArguments(): ByteString[] {
    const text = this.read("multilog");
    if (text === undefined) throw new Refused(`read ${this.title}/multilog`, new ErrnoError(ENOENT, "open"));
    try {
      return decodeLogArguments(text);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw new Error(`${this.title}/multilog: ${error.message}`);
    }
  }

  /** Who is to have the files; undefined: who runs this process. */
  private readUser(): Account | undefined {
    const text = this.read("user");
    if (text === undefined) return undefined;
    let user: LogUser;
    try {
      user = decodeLogUser(text);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw new Error(`${this.title}/user: ${error.message}`);
    }
    const found = "account" in user ? getpwnam(user.account) : user;
    if (found === undefined) throw new Error(`unknown account ${"account" in user ? user.account : ""}`);
    const own = { uid: geteuid(), gid: getegid() };
    if (found.uid === own.uid && found.gid === own.gid) return undefined;
    if (own.uid !== 0)
      throw new Refused(`become the user of ${this.title}`, new ErrnoError(EPERM, "setfsuid"));
    return found;
  }

  /** What is in the file `name` of the directory; undefined if there is none. @throws {Refused} */
  private read(name: ByteString): ByteString | undefined {
    try {
      const file = openat(this.directory, name, O_RDONLY | O_NONBLOCK);
      try {
        const { type, size } = fstat(file);
        if (type !== "file") throw new ErrnoError(type === "directory" ? EACCES : EINVAL, "read");
        if (size > TEXT_MOST) throw new ErrnoError(EINVAL, "read");
        return readAll(file);
      } finally {
        close(file);
      }
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      if (error.errno === ENOENT) return undefined;
      throw new Refused(`read ${this.title}/${name}`, error);
    }
  }

  /** As the signal acts on multilog. */
  private act(signal: ServiceSignal): void {
    const { writer, scope } = this;
    switch (signal) {
      case "SIGTERM":
      case "SIGALRM":
        if (this.stopped) this.pending.add(signal);
        else scope.run(() => (signal === "SIGTERM" ? writer?.leave() : writer?.rotate()));
        return;
      case "SIGSTOP":
        this.stopped = true;
        return writer?.pause();
      case "SIGCONT":
        return this.continue();
      case "SIGHUP":
      case "SIGINT":
      case "SIGKILL":
        // The state must have changed before the next writer begins.
        this.house.world.loop.soon(() => this.ended(scope, { killed: SIGNALS[signal], coreDumped: false }));
        return scope.end();
    }
  }

  private continue(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.scope.run(() => this.writer?.resume());
    for (const signal of [...this.pending]) {
      this.pending.delete(signal);
      this.act(signal);
    }
  }

  /** The writer of that scope has ended. */
  private ended(scope: Scope, how: WaitStatus): void {
    if (this.scope !== scope || this.writer === undefined) return;
    this.drop();
    this.tell({ on: "died", pid: getpid(), how });
  }

  private drop(): void {
    this.scope.end();
    this.writer?.dispose();
    this.writer = undefined;
    this.stopped = false;
    this.pending.clear();
  }

  /** From now on the writer sees the end of its input, once nobody else can write to the pipe. */
  private seeEnd(): void {
    if (!this.open) return;
    this.open = false;
    const reader = openat(AT_FDCWD, `/proc/self/fd/${this.input}`, O_RDONLY | O_NONBLOCK);
    this.writer?.changeInput(reader);
    close(this.input);
    this.input = reader;
  }

  private wakeAt(at: Instant | undefined): void {
    if (this.wake?.at === at) return;
    this.wake?.takeBack();
    this.wake = undefined;
    if (at === undefined) return;
    const takeBack = this.house.world.loop.at(at, () => {
      this.wake = undefined;
      this.tell({ on: "timer" });
    });
    this.wake = { at, takeBack };
  }

  private leave(): void {
    this.drop();
    this.announcer.writeNow(statusOf(this.state));
    this.wakeAt(undefined);
    this.house.world.loop.unwatch(this.control);
    this.files.close();
    close(this.input);
    this.onLeave();
  }
}
