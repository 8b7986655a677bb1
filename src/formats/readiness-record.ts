// The part of supervise/record that tells of a run's readiness. Stored before the process is made, and with each change.
import { MOST_STATUS } from "./sd-notify.ts";
import { decodeTai64n, encodeTai64n, TAI64N_SIZE, type Tai64n } from "./tai64n.ts";

/** Where it begins in the record, and how long it is. */
export const READINESS_AT = 1024;
export const READINESS_SIZE = 320;

/** What a service is doing beside running, as it has told. */
export const DOINGS = [undefined, "reloading", "stopping"] as const;
export type Doing = (typeof DOINGS)[number];

/** Why the supervisor ended a run: no sign of life within the time of `watchdog`, or not ready within that of `timeout-ready`. */
export const CONDEMNATIONS = [undefined, "watchdog", "not-ready"] as const;
export type Condemnation = NonNullable<(typeof CONDEMNATIONS)[number]>;

/** How this run can tell that it is ready. */
export type Ways = {
  /** A newline on a descriptor. */
  readonly descriptor: boolean;
  /** A datagram. */
  readonly datagram: boolean;
  /** `check` exits 0. */
  readonly check: boolean;
};

/** What is recorded of a run. */
export type RecordedReadiness = {
  readonly ways: Ways;
  /** It has a socket to send datagrams to, if only for its watchdog. */
  readonly socket: boolean;
  /** Undefined where nothing asks it. */
  readonly ready: boolean | undefined;
  readonly since: Tai64n | undefined;
  readonly doing: Doing;
  readonly condemned: Condemnation | undefined;
  /** 0 for no watchdog. */
  readonly watchdogMs: number;
  readonly text: string;
};

const AT = {
  ways: 0,
  ready: 1,
  doing: 2,
  condemned: 3,
  watchdog: 4,
  address: 8,
  since: 16,
  length: 28,
  text: 32,
} as const;
const WAY = { descriptor: 1, datagram: 2, check: 4, socket: 8 } as const;

/**
 * | bytes  | meaning                                                              | order  |
 * |--------|----------------------------------------------------------------------|--------|
 * | 0      | 1 descriptor, 2 datagram, 4 check; 8 there is a socket                 |        |
 * | 1      | 0 not asked, 1 not ready, 2 ready                                      |        |
 * | 2, 3   | doing: 1 reloading, 2 stopping; ended by us: 1 watchdog, 2 not ready     |        |
 * | 4-7    | milliseconds of the watchdog, 0 for none                               | native |
 * | 8-15   | what the address of the socket ends with; zeros before there was one   |        |
 * | 16-27  | label of the moment it became ready                                    | big-endian |
 * | 28, 32 | length of the status text, and the text, up to 255 bytes                 |        |
 */
export class ReadinessRecord {
  private readonly view: DataView;

  /** @param bytes READINESS_SIZE of them */
  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, READINESS_SIZE);
  }

  /** The last bytes of the socket's address, 8 of them; undefined if there never was one. It stays from run to run. */
  get address(): Uint8Array | undefined {
    const address = this.bytes.slice(AT.address, AT.since);
    return address.every((byte) => byte === 0) ? undefined : address;
  }
  set address(address: Uint8Array) {
    this.bytes.set(address, AT.address);
  }

  /** Undefined where nothing is known of readiness, and nothing is asked. */
  get told(): RecordedReadiness | undefined {
    const { bytes, view } = this;
    const has = (way: number): boolean => ((bytes[AT.ways] as number) & way) !== 0;
    if (bytes[AT.ways] === 0) return undefined;
    const ready = bytes[AT.ready] === 0 ? undefined : bytes[AT.ready] === 2;
    const length = Math.min(bytes[AT.length] as number, MOST_STATUS);
    return {
      ways: { descriptor: has(WAY.descriptor), datagram: has(WAY.datagram), check: has(WAY.check) },
      socket: has(WAY.socket),
      ready,
      since: ready ? decodeTai64n(bytes.subarray(AT.since, AT.since + TAI64N_SIZE)) : undefined,
      doing: DOINGS[bytes[AT.doing] as number],
      condemned: CONDEMNATIONS[bytes[AT.condemned] as number],
      watchdogMs: view.getUint32(AT.watchdog, true),
      text: String.fromCharCode(...bytes.subarray(AT.text, AT.text + length)),
    };
  }
  set told(told: RecordedReadiness | undefined) {
    const { bytes, view } = this;
    if (told === undefined) {
      bytes[AT.ways] = 0;
      return;
    }
    const { ways } = told;
    // Whoever reads meanwhile must not take a part of one text for another.
    bytes[AT.length] = 0;
    for (let i = 0; i < told.text.length; i++) bytes[AT.text + i] = told.text.charCodeAt(i);
    bytes[AT.length] = told.text.length;
    view.setUint32(AT.watchdog, told.watchdogMs, true);
    bytes[AT.condemned] = CONDEMNATIONS.indexOf(told.condemned);
    bytes[AT.doing] = DOINGS.indexOf(told.doing);
    if (told.since !== undefined) bytes.set(encodeTai64n(told.since), AT.since);
    bytes[AT.ready] = told.ready === undefined ? 0 : told.ready ? 2 : 1;
    bytes[AT.ways] =
      (ways.descriptor ? WAY.descriptor : 0) |
      (ways.datagram ? WAY.datagram : 0) |
      (ways.check ? WAY.check : 0) |
      (told.socket ? WAY.socket : 0);
  }
}
