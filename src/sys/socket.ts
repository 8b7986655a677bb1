// Datagrams between processes of one machine, each with who sent it; and descriptors. unix(7)
import { type ByteString, type Fd, fd } from "../units/units.ts";
import { check, EAGAIN, EINTR, failure } from "./errno.ts";
import { close } from "./files.ts";
import { latin1, libc, scratch } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC_NONBLOCK = 0o2004002;
const SOCK_SEQPACKET_CLOEXEC = 0o2000005;
const SOL_SOCKET = 1;
const SO_PASSCRED = 16;
const SCM_RIGHTS = 1;
const SCM_CREDENTIALS = 2;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_TRUNC = 0x20;
/** struct sockaddr_un: family 2, path 108. */
const ADDRESS_SIZE = 110;
const PATH_AT = 2;
/** struct msghdr: name 8, its length 8, iov 8, its count 8, control 8, its length 8, flags 4. */
const MSGHDR_SIZE = 56;
/** Room for one struct cmsghdr (16) with a struct ucred (pid, uid, gid). */
const CONTROL_SIZE = 32;

/** The longest datagram that is taken; a longer one is dropped. As systemd has it. */
export const DATAGRAM_SIZE = 4096;

/** `sender` is 0 where the kernel has no number for it: it is outside of this pid namespace. */
export type Datagram = { readonly text: ByteString; readonly sender: number };

/**
 * A socket that receives at the abstract address `name` (no file; `@name` in environments), and is told by the kernel who
 * sent what. Non-blocking, close-on-exec. @throws {ErrnoError} EADDRINUSE if another has the address
 */
export function receiveAt(name: ByteString): Fd {
  const socket = fd(check(libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC_NONBLOCK, 0), "socket"));
  try {
    scratch.reset();
    const on = scratch.alloc(4);
    scratch.setU32(on, 1);
    check(libc.setsockopt(socket, SOL_SOCKET, SO_PASSCRED, on, 4), "setsockopt");
    const address = scratch.alloc(ADDRESS_SIZE);
    scratch.slice(address, ADDRESS_SIZE).fill(0);
    scratch.slice(address, 1)[0] = AF_UNIX;
    const at = scratch.slice(address + PATH_AT + 1, name.length);
    for (let i = 0; i < name.length; i++) at[i] = name.charCodeAt(i);
    check(libc.bind(socket, address, PATH_AT + 1 + name.length), "bind");
    return socket;
  } catch (error) {
    close(socket);
    throw error;
  }
}

/** The abstract address that `file` receives at; undefined if it is no such socket. */
export function receivesAt(file: Fd): ByteString | undefined {
  scratch.reset();
  const address = scratch.alloc(ADDRESS_SIZE);
  const length = scratch.alloc(4);
  scratch.setU32(length, ADDRESS_SIZE);
  if (libc.getsockname(file, address, length) === -1) return undefined;
  const bytes = scratch.slice(address, Math.min(scratch.u32(length), ADDRESS_SIZE));
  if (bytes[0] !== AF_UNIX || bytes.length <= PATH_AT + 1 || bytes[PATH_AT] !== 0) return undefined;
  return latin1(bytes.subarray(PATH_AT + 1));
}

/** Two connected sockets whose messages stay apart, and whose ends show. Close-on-exec. socketpair(2) @throws {ErrnoError} */
export function socketPair(): readonly [Fd, Fd] {
  const pair = scratch.reset().alloc(8);
  check(libc.socketpair(AF_UNIX, SOCK_SEQPACKET_CLOEXEC, 0, pair), "socketpair");
  return [fd(scratch.i32(pair)), fd(scratch.i32(pair + 4))];
}

/**
 * Sends `file` through a connected socket: from now on what it stands for is open, in the message, until that has been taken
 * or nobody is left who could. Does not wait. sendmsg(2) @throws {ErrnoError} EAGAIN if there is no room, EPIPE
 */
export function sendDescriptor(socket: Fd, file: Fd): void {
  scratch.reset();
  const message = scratch.alloc(MSGHDR_SIZE);
  const vector = scratch.alloc(16);
  const data = scratch.alloc(8);
  const control = scratch.alloc(CONTROL_SIZE);
  scratch.slice(message, MSGHDR_SIZE).fill(0);
  scratch.setPointer(vector, data);
  scratch.setU64(vector + 8, 1n);
  scratch.setPointer(message + 16, vector);
  scratch.setU64(message + 24, 1n);
  scratch.setPointer(message + 32, control);
  // One int, and the room it takes.
  scratch.setU64(message + 40, 24n);
  scratch.setU64(control, 20n);
  scratch.setU32(control + 8, SOL_SOCKET);
  scratch.setU32(control + 12, SCM_RIGHTS);
  scratch.setU32(control + 16, file);
  check(libc.sendmsg(socket, message, MSG_DONTWAIT | MSG_NOSIGNAL), "sendmsg");
}

/**
 * The next datagram; `dropped` if it was too long; undefined if there is none now. Descriptors that come with it are closed by
 * the kernel at once, which is what BARRIER=1 of sd_notify(3) waits for. recvmsg(2) @throws {ErrnoError}
 */
export function receive(socket: Fd): Datagram | "dropped" | undefined {
  scratch.reset();
  const message = scratch.alloc(MSGHDR_SIZE);
  const vector = scratch.alloc(16);
  const data = scratch.alloc(DATAGRAM_SIZE);
  const control = scratch.alloc(CONTROL_SIZE);
  scratch.slice(message, MSGHDR_SIZE).fill(0);
  scratch.setPointer(vector, data);
  scratch.setU64(vector + 8, BigInt(DATAGRAM_SIZE));
  scratch.setPointer(message + 16, vector);
  scratch.setU64(message + 24, 1n);
  for (;;) {
    scratch.setPointer(message + 32, control);
    scratch.setU64(message + 40, BigInt(CONTROL_SIZE));
    const length = libc.recvmsg(socket, message, 0);
    if (length === -1) {
      const error = failure("recvmsg");
      if (error.errno === EAGAIN) return undefined;
      if (error.errno !== EINTR) throw error;
      continue;
    }
    if ((scratch.u32(message + 48) & MSG_TRUNC) !== 0) return "dropped";
    const told =
      scratch.u64(message + 40) >= 28n &&
      scratch.i32(control + 8) === SOL_SOCKET &&
      scratch.i32(control + 12) === SCM_CREDENTIALS;
    return {
      text: latin1(scratch.slice(data, length)),
      sender: told ? Math.max(0, scratch.i32(control + 16)) : 0,
    };
  }
}
