// supervise/record: what a supervisor knows of its service, kept where its own death cannot take it. The file is mapped
// shared, so each store below is one that survives kill -9 and costs no system call; the next supervisor reads it.
//
// The order of stores is the protocol (docs/formats.md): the fields of a phase first, the phase last, in one store.

import { type ByteString, byteString, bytesOf } from "../units/units.ts";
import {
  CONDEMNATIONS,
  type Condemnation,
  READINESS_AT,
  READINESS_SIZE,
  ReadinessRecord,
} from "./readiness-record.ts";
import type { Want } from "./status.ts";
import { decodeTai64n, putTai64n, TAI64N_SIZE, type Tai64n } from "./tai64n.ts";
import type { WaitStatus } from "./wait-status.ts";

/** Bytes of the file: one page. */
export const RECORD_SIZE = 4096;
/** Ends that are remembered. */
export const HISTORY_SIZE = 16;

/**
 * idle: no process, and none is due. pending: a start is due. intent: a process is being started, and may be there already.
 * running: `pid` is there, unless it has died since. finish-intent and finishing: the same of `finish`, after the end that
 * is the last in the history. emptying: `pid` has ended, and of its process group somebody may be left.
 */
export const PHASES = [
  "idle",
  "pending",
  "intent",
  "running",
  "finish-intent",
  "finishing",
  "emptying",
] as const;
export type Phase = (typeof PHASES)[number];
const NUMBERS = Object.fromEntries(PHASES.map((phase, number) => [phase, number])) as Record<Phase, number>;

/**
 * Why a service is not started again though it was wanted up: `run` exited 100, `finish` exited 125, it was started more often
 * than it may be, or it failed and its restart file says never.
 */
export const FAILURES = [undefined, "run-100", "finish-125", "start-limit", "restart-never"] as const;
export type Failure = NonNullable<(typeof FAILURES)[number]>;

/** When a process started, as /proc counts: clock ticks (1/100 s) since the machine started, from and to. */
export type Ticks = { readonly from: number; readonly to: number };

/** Who starts the service's processes, and what each of them begins with: by this one that was not noted is known. */
export type Origin = {
  readonly supervisor: number;
  readonly session: number;
  readonly group: number;
  /** The low 12 bits of the timer slack that the process begins with; 0 if that says nothing. */
  readonly tag: number;
};

/** The end of one run of the service. */
export type End = {
  readonly pid: number;
  readonly started: Tai64n;
  readonly ended: Tai64n;
  /** Undefined where the kernel did not tell: the process was not our child. */
  readonly status: WaitStatus | undefined;
  /** The supervisor ended it, and why. */
  readonly condemned?: Condemnation | undefined;
};

/** What a service consists of beside its process, where it is asked for: the kind of set that has to be empty at its end. */
export const SETS = [undefined, "group", "session", "cgroup"] as const;
export type SetKind = NonNullable<(typeof SETS)[number]>;

/** Why a start is put off for longer than the second between starts. */
export const PAUSES = [undefined, "backoff", "limit", "queue"] as const;

/** engine/restart-policy.ts has what it means. Instants are clock ticks since the machine started. */
export type RecordedFare = {
  readonly early: number;
  readonly until: number;
  readonly why: (typeof PAUSES)[number];
  readonly limited: boolean;
  readonly from: number;
  readonly starts: number;
};

/** The script of a command, as it is noted. */
export type RecordedScript = {
  readonly letter: string;
  readonly signal: number;
  /** Its pid, stored by the kernel; 0 if it was not made. */
  readonly child: number;
  readonly from: number;
};

const WANTS = { up: 0x75, down: 0x64, once: 0x6f } as const satisfies Record<Want, number>;
const MAGIC = [0x74, 0x65, 0x6e, 0x64, 0x72, 0x65, 0x63, 1]; // "tendrec", version 1
const AT = {
  boot: 8,
  phase: 24,
  pid: 28,
  from: 32,
  to: 40,
  session: 48,
  group: 52,
  want: 56,
  paused: 57,
  exiting: 58,
  owed: 59,
  starts: 60,
  ends: 64,
  adoptions: 68,
  adopted: 72,
  supervisor: 84,
  tag: 88,
  failed: 92,
  set: 93,
  pause: 94,
  limited: 95,
  child: 96,
  mark: 100,
  until: 104,
  countedFrom: 112,
  counted: 120,
  early: 124,
  history: 128,
  script: 1408,
  scriptChild: 1412,
  scriptFrom: 1416,
  cgroup: 3072,
} as const;
/** The offset of the four bytes that the kernel stores the pid of a new process in. */
export const RECORD_CHILD = AT.child;
/** The same for the script of a command. */
export const RECORD_SCRIPT_CHILD = AT.scriptChild;
/** The longest path of a cgroup that is noted. */
export const MOST_CGROUP = 1000;
const END_SIZE = 40;
const END = { pid: 0, kind: 4, value: 5, condemned: 6, started: 8, ended: 20 } as const;
const KIND = { unknown: 0, exited: 1, killed: 2, dumped: 3 } as const;

/**
 * | bytes   | meaning                                                             | order  |
 * |---------|---------------------------------------------------------------------|--------|
 * | 0-7     | `tendrec`, 1                                                         |        |
 * | 8-23    | the boot this was written in (/proc/sys/kernel/random/boot_id)       |        |
 * | 24-27   | phase: 0 idle, 1 pending, 2 intent, 3 running, 4 finish-intent, 5 finishing, 6 emptying | native |
 * | 28-31   | pid                                                                  | native |
 * | 32-47   | ticks: started from, to                                              | native, two doubles |
 * | 48-55   | session and process group of the supervisor that started it         | native |
 * | 56-59   | want: `u`, `d`, `o`; and 0 or 1 each: paused, exiting, signals owed   |        |
 * | 60-71   | how many starts, ends, adoptions                                     | native |
 * | 72-83   | TAI64N label of the last adoption                                    | big-endian |
 * | 84-91   | pid of the supervisor that started it; the process's tag, 0 for none | native |
 * | 92, 93  | failed: place in FAILURES; what it leads or is in: place in SETS | |
 * | 94, 95  | why a start is put off: place in PAUSES; 1 if it was started too often         | |
 * | 96-99   | pid of the process that the intent led to, stored by the kernel; 0 before; all ones if it will not | native |
 * | 100-103 | another number after each change: by it the supervisor knows the page again | native |
 * | 104-127 | tick before which it is not started; tick from which starts are counted, how many; early ends in a row | native, 8 8 4 4 |
 * | 128-767 | the last 16 ends, 40 bytes each; end number N (from 0) in slot N % 16 |       |
 * | 1024-1343 | readiness-record.ts                                               |        |
 * | 1408-1423 | the script of a command that runs: letter (0 none), signal, nothing 2; pid, stored by the kernel; tick of its start | native |
 * | 3072-   | the directory of the cgroup: its length, 2 bytes, and up to 1000 bytes | native |
 */
export class ServiceRecord {
  // Not all through a DataView: each of its calls costs a start ten times what a store into an array does.
  private readonly view: DataView;
  private readonly words: Uint32Array;
  private readonly doubles: Float64Array;
  /** What `mark` must be. */
  private mark = 0;
  /** Of the run that is there, or is being started. */
  readonly readiness: ReadinessRecord;

  /** @param bytes the mapped file, RECORD_SIZE long and aligned to 8 */
  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, RECORD_SIZE);
    this.readiness = new ReadinessRecord(bytes.subarray(READINESS_AT, READINESS_AT + READINESS_SIZE));
    this.words = new Uint32Array(bytes.buffer, bytes.byteOffset, RECORD_SIZE / 4);
    this.doubles = new Float64Array(bytes.buffer, bytes.byteOffset, RECORD_SIZE / 8);
  }

  /** Whether these bytes, RECORD_SIZE of them, are a record at all. */
  static isRecord(bytes: Uint8Array): boolean {
    return MAGIC.every((byte, i) => bytes[i] === byte);
  }

  /** Whether this was written in the boot `boot` (16 bytes, zeros for an unknown one: never) by a supervisor that did not leave in order. */
  isOf(boot: Uint8Array): boolean {
    const { bytes } = this;
    if (boot.every((byte) => byte === 0)) return false;
    return (
      MAGIC.every((byte, i) => bytes[i] === byte) && boot.every((byte, i) => bytes[AT.boot + i] === byte)
    );
  }

  /** These bytes are ours to change, from now on. @param mark any number of 32 bits: another than last time */
  own(mark: number): void {
    this.mark = mark;
    this.words[AT.mark >> 2] = mark;
  }

  /** Whether these are still the bytes that were stored here: nobody has put others in their place. */
  get intact(): boolean {
    return (this.words[AT.mark >> 2] as number) === this.mark;
  }

  /**
   * To be called before a change, and stores something: only at a store a page can be found to be lost. Zeros stand there then.
   * @returns whether it is intact
   */
  touch(): boolean {
    const { intact } = this;
    this.own((this.mark + 1) >>> 0);
    return intact && this.bytes[0] === MAGIC[0];
  }

  /** Begins anew in the boot `boot`. The history of earlier runs of the supervisor is kept if it is a record at all. */
  reset(boot: Uint8Array): void {
    if (!ServiceRecord.isRecord(this.bytes)) {
      this.bytes.fill(0);
      this.own(this.mark);
    }
    // Before it is of this boot: no process, no wish.
    this.bytes.fill(0, AT.boot, AT.starts);
    this.bytes[AT.failed] = 0;
    this.fare = undefined;
    this.bytes.fill(0, READINESS_AT, READINESS_AT + READINESS_SIZE);
    this.cgroup = "";
    this.bytes.fill(0, AT.script, AT.scriptFrom + 8);
    this.bytes.set(MAGIC);
    this.bytes.set(boot, AT.boot);
  }

  /** The supervisor leaves in order: the next one begins as if there had been none. */
  leave(): void {
    this.bytes.fill(0, AT.boot, AT.phase);
  }

  get phase(): Phase {
    return PHASES[Atomics.load(this.words, AT.phase >> 2)] ?? "idle";
  }
  set phase(phase: Phase) {
    Atomics.store(this.words, AT.phase >> 2, NUMBERS[phase]);
  }

  get pid(): number {
    return this.words[AT.pid >> 2] as number;
  }
  get child(): number {
    return this.words[AT.child >> 2] as number;
  }
  get ticks(): Ticks {
    return { from: this.doubles[AT.from >> 3] as number, to: this.doubles[AT.to >> 3] as number };
  }
  get origin(): Origin {
    return {
      supervisor: this.words[AT.supervisor >> 2] as number,
      session: this.words[AT.session >> 2] as number,
      group: this.words[AT.group >> 2] as number,
      tag: this.words[AT.tag >> 2] as number,
    };
  }

  /** A process of that origin is about to be started, at tick `from` or later: that of the service, or of its `finish`. ` */
  intend(
    from: number,
    { supervisor, session, group, tag }: Origin,
    phase: "intent" | "finish-intent" = "intent",
    set?: SetKind,
  ): void {
    this.bytes[AT.set] = set === undefined ? 0 : SETS.indexOf(set);
    // The pid stays: until the phase is stored, it is the one that ended.
    this.doubles[AT.from >> 3] = from;
    this.doubles[AT.to >> 3] = 0;
    this.words[AT.session >> 2] = session;
    this.words[AT.group >> 2] = group;
    this.words[AT.supervisor >> 2] = supervisor;
    this.words[AT.tag >> 2] = tag;
    this.words[AT.child >> 2] = 0;
    this.phase = phase;
  }

  /** What the process that was started, or is being started, leads or is in. */
  get set(): SetKind | undefined {
    return SETS[this.bytes[AT.set] as number];
  }

  /** The directory of the service's cgroup; empty for none. */
  get cgroup(): ByteString {
    const length = Math.min(this.view.getUint16(AT.cgroup, true), MOST_CGROUP);
    return byteString(this.bytes.subarray(AT.cgroup + 2, AT.cgroup + 2 + length));
  }
  set cgroup(path: ByteString) {
    if (path === this.cgroup) return;
    this.view.setUint16(AT.cgroup, 0, true);
    this.bytes.set(bytesOf(path), AT.cgroup + 2);
    this.view.setUint16(AT.cgroup, path.length, true);
  }

  /** It was started, at tick `to` or earlier, and is `pid`. */
  run(pid: number, to: number): void {
    this.there(pid, to, "running");
    this.words[AT.starts >> 2] = this.starts + 1;
  }

  /** `finish` was started, at tick `to` or earlier, and is `pid`. */
  finish(pid: number, to: number): void {
    this.there(pid, to, "finishing");
  }

  /** In a page that is new: the process `pid` runs already, since tick `from`. ` */
  resume(pid: number, from: number, phase: "running" | "finishing" | "emptying", set?: SetKind): void {
    this.bytes[AT.set] = SETS.indexOf(set);
    this.doubles[AT.from >> 3] = from;
    this.there(pid, from, phase);
  }

  private there(pid: number, to: number, phase: "running" | "finishing" | "emptying"): void {
    this.doubles[AT.to >> 3] = to;
    this.words[AT.pid >> 2] = pid;
    this.phase = phase;
  }

  /** `o` stands for once here, so that a page of zeros is no wish at all. */
  get want(): Want | undefined {
    const byte = this.bytes[AT.want];
    return (Object.keys(WANTS) as Want[]).find((want) => WANTS[want] === byte);
  }
  set want(want: Want) {
    this.bytes[AT.want] = WANTS[want];
  }

  get paused(): boolean {
    return this.bytes[AT.paused] === 1;
  }
  set paused(paused: boolean) {
    this.bytes[AT.paused] = paused ? 1 : 0;
  }

  /** It is not started again, or will not be once `finish` is over. */
  get failed(): Failure | undefined {
    return FAILURES[this.bytes[AT.failed] as number];
  }
  set failed(failure: Failure | undefined) {
    this.bytes[AT.failed] = FAILURES.indexOf(failure);
  }

  /** How the service has fared, for restarts that are put off; undefined if nothing was counted. */
  get fare(): RecordedFare | undefined {
    const { bytes } = this;
    const fare = {
      early: this.words[AT.early >> 2] as number,
      until: this.doubles[AT.until >> 3] as number,
      why: PAUSES[bytes[AT.pause] as number],
      limited: bytes[AT.limited] === 1,
      from: this.doubles[AT.countedFrom >> 3] as number,
      starts: this.words[AT.counted >> 2] as number,
    };
    const nothing = fare.early === 0 && fare.starts === 0 && fare.why === undefined && !fare.limited;
    return nothing ? undefined : fare;
  }
  set fare(fare: RecordedFare | undefined) {
    const { bytes } = this;
    this.words[AT.early >> 2] = fare?.early ?? 0;
    this.doubles[AT.until >> 3] = fare?.until ?? 0;
    bytes[AT.pause] = PAUSES.indexOf(fare?.why);
    bytes[AT.limited] = fare?.limited ? 1 : 0;
    this.doubles[AT.countedFrom >> 3] = fare?.from ?? 0;
    this.words[AT.counted >> 2] = fare?.starts ?? 0;
  }

  /** The script of a command that runs, or is being started; undefined for none. `signal` is a number, 0 for none. */
  get script(): RecordedScript | undefined {
    const { bytes } = this;
    const letter = bytes[AT.script] as number;
    if (letter === 0) return undefined;
    return {
      letter: String.fromCharCode(letter),
      signal: bytes[AT.script + 1] as number,
      child: this.words[AT.scriptChild >> 2] as number,
      from: this.doubles[AT.scriptFrom >> 3] as number,
    };
  }
  /** One is about to be started, at tick `from` or later. */
  intendScript(letter: string, signal: number, from: number): void {
    this.bytes[AT.script] = 0;
    this.words[AT.scriptChild >> 2] = 0;
    this.doubles[AT.scriptFrom >> 3] = from;
    this.bytes[AT.script + 1] = signal;
    this.bytes[AT.script] = letter.charCodeAt(0);
  }
  noScript(): void {
    this.bytes[AT.script] = 0;
  }

  /** The supervisor was told to leave once the service is down. */
  get exiting(): boolean {
    return this.bytes[AT.exiting] === 1;
  }
  set exiting(exiting: boolean) {
    this.bytes[AT.exiting] = exiting ? 1 : 0;
  }

  /** Signals that the wish asks for may not have been sent yet. */
  get owed(): boolean {
    return this.bytes[AT.owed] === 1;
  }
  set owed(owed: boolean) {
    this.bytes[AT.owed] = owed ? 1 : 0;
  }

  get starts(): number {
    return this.words[AT.starts >> 2] as number;
  }
  get ends(): number {
    return this.words[AT.ends >> 2] as number;
  }
  get adoptions(): number {
    return this.words[AT.adoptions >> 2] as number;
  }
  /** When the service was last adopted; the label of 1970 less 2^62 if never. */
  get adopted(): Tai64n {
    return decodeTai64n(this.bytes.subarray(AT.adopted, AT.adopted + TAI64N_SIZE));
  }

  /** Notes that the process `pid`, started at tick `from`, was taken over: that of the service, or of its `finish`. */
  adopt(pid: number, from: number, when: Tai64n, phase: "running" | "finishing" = "running"): void {
    this.doubles[AT.from >> 3] = from;
    this.doubles[AT.to >> 3] = from;
    this.words[AT.pid >> 2] = pid;
    this.phase = phase;
    putTai64n(this.view, AT.adopted, when);
    this.words[AT.adoptions >> 2] = this.adoptions + 1;
  }

  /** Adds an end to the history. The number of ends is stored last. @returns the end's number, for `amend` */
  end({ pid, started, ended, status, condemned }: End): number {
    const { ends } = this;
    const at = AT.history + (ends % HISTORY_SIZE) * END_SIZE;
    this.words[(at + END.pid) >> 2] = pid;
    this.putStatus(at, status);
    this.bytes[at + END.condemned] = condemned === undefined ? 0 : CONDEMNATIONS.indexOf(condemned);
    putTai64n(this.view, at + END.started, started);
    putTai64n(this.view, at + END.ended, ended);
    this.words[AT.ends >> 2] = ends + 1;
    return ends;
  }

  /** How the end with that number came about has become known, unless it is forgotten by now. */
  amend(number: number, status: WaitStatus): void {
    if (number < this.ends && number >= this.ends - HISTORY_SIZE)
      this.putStatus(AT.history + (number % HISTORY_SIZE) * END_SIZE, status);
  }

  private putStatus(at: number, status: WaitStatus | undefined): void {
    const { bytes } = this;
    if (status === undefined) {
      bytes[at + END.value] = 0;
      bytes[at + END.kind] = KIND.unknown;
    } else if ("exited" in status) {
      bytes[at + END.value] = status.exited;
      bytes[at + END.kind] = KIND.exited;
    } else {
      bytes[at + END.value] = status.killed;
      bytes[at + END.kind] = status.coreDumped ? KIND.dumped : KIND.killed;
    }
  }

  /** The process whose end is the last in the history; 0 if there is none. */
  get lastEnded(): number {
    const { ends } = this;
    if (ends === 0) return 0;
    return this.words[(AT.history + ((ends - 1) % HISTORY_SIZE) * END_SIZE + END.pid) >> 2] as number;
  }

  /** The ends that are remembered, the oldest first, at most 16. */
  get history(): End[] {
    const { ends, bytes } = this;
    const history: End[] = [];
    for (let n = Math.max(0, ends - HISTORY_SIZE); n < ends; n++) {
      const at = AT.history + (n % HISTORY_SIZE) * END_SIZE;
      const kind = bytes[at + END.kind];
      const value = bytes[at + END.value] as number;
      const condemned = CONDEMNATIONS[bytes[at + END.condemned] as number];
      history.push({
        pid: this.words[(at + END.pid) >> 2] as number,
        started: decodeTai64n(bytes.subarray(at + END.started)),
        ended: decodeTai64n(bytes.subarray(at + END.ended)),
        status:
          kind === KIND.exited
            ? { exited: value }
            : kind === KIND.killed || kind === KIND.dumped
              ? { killed: value, coreDumped: kind === KIND.dumped }
              : undefined,
        ...(condemned === undefined ? {} : { condemned }),
      });
    }
    return history;
  }
}
