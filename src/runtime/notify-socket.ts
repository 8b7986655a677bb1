// The socket to which a service sends datagrams as sd_notify(3) does. Its address is an abstract one: services that are not
// root may not enter supervise/, a path has at most 107 bytes, and a directory may be renamed. A new supervisor takes the same
// address; who sends while there is none is told so at once (ECONNREFUSED).
import { FormatError } from "../formats/format-error.ts";
import { decodeProcStat, type ProcStat } from "../formats/proc-stat.ts";
import { decodeNotification, type Notification } from "../formats/sd-notify.ts";
import { ErrnoError } from "../sys/errno.ts";
import { close, readFile } from "../sys/files.ts";
import { receive, receiveAt } from "../sys/socket.ts";
import { type ByteString, type Fd, later, type Pid } from "../units/units.ts";
import type { World } from "./world.ts";

/** So many datagrams are taken in so many milliseconds; the rest waits in the socket, and then who sends it. */
const MOST_AT_ONCE = 64;
const REST_MS = 100;
/** An ancestor farther away than this is none. */
const MOST_GENERATIONS = 32;

/** Bytes of the address that are drawn by lot. */
export const ADDRESS_BYTES = 8;

/** The address as `sys` has it: without the zero byte or `@` before it. */
const addressOf = (id: Uint8Array): ByteString =>
  `tend-notify-${[...id].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;

export class NotifySocket {
  readonly socket: Fd;
  /** What the service finds in its environment. */
  readonly variable: ByteString;
  private taken = 0;
  private from = 0;
  private wake: (() => void) | undefined;

  /**
   * @param id the part of the address that is this service's own
   * @param service the service's process, while it is there
   * @param member whether a process is in the cgroup that it has
   * @param told what it says @param stranger told who else says something
   * @throws {ErrnoError} EADDRINUSE, EMFILE
   */
  constructor(
    private readonly world: World,
    id: Uint8Array,
    private readonly service: () => Pid | undefined,
    private readonly member: (process: number) => boolean,
    private readonly told: (said: Notification) => void,
    private readonly stranger: (sender: number) => void,
  ) {
    const address = addressOf(id);
    this.variable = `NOTIFY_SOCKET=@${address}`;
    this.socket = world.claimSocket(address) ?? world.descriptors.open(() => receiveAt(address));
    world.loop.watch(this.socket, () => this.take());
  }

  close(): void {
    if (this.wake === undefined) this.world.loop.unwatch(this.socket);
    else this.wake();
    close(this.socket);
  }

  private take(): void {
    const now = this.world.now().at;
    if (now - this.from >= REST_MS) {
      this.from = now;
      this.taken = 0;
    }
    for (; this.taken < MOST_AT_ONCE; this.taken++) {
      const datagram = receive(this.socket);
      if (datagram === undefined) return;
      if (datagram === "dropped") continue;
      const service = this.service();
      // What an earlier run sent is of no use.
      if (service === undefined) continue;
      const { sender } = datagram;
      const from = whose(sender, service);
      if (from === "the service's" || (from === "a stranger's" && this.member(sender)))
        this.told(decodeNotification(datagram.text));
      else if (from === "a stranger's") this.stranger(sender);
    }
    this.rest();
  }

  /** Too much at once: who sends waits. */
  private rest(): void {
    const { loop } = this.world;
    loop.unwatch(this.socket);
    this.wake = loop.at(later(this.world.now().at, REST_MS), () => {
      this.wake = undefined;
      loop.watch(this.socket, () => this.take());
    });
  }
}

/**
 * Whether `sender` is the process `service`, one that descends from it, or one of a session or process group that it leads. Of
 * one that has ended nothing can be said, if it was not the service itself.
 */
function whose(sender: number, service: Pid): "the service's" | "a stranger's" | "gone" {
  let number = sender;
  for (let generation = 0; generation < MOST_GENERATIONS && number > 1; generation++) {
    if (number === service) return "the service's";
    const stat = statOf(number);
    if (stat === undefined) return "gone";
    if (stat.session === service || stat.group === service) return "the service's";
    number = stat.parent;
  }
  return "a stranger's";
}

function statOf(process: number): ProcStat | undefined {
  try {
    return decodeProcStat(readFile(`/proc/${process}/stat`));
  } catch (error) {
    if (error instanceof ErrnoError || error instanceof FormatError) return undefined;
    throw error;
  }
}
