// Waiting for descriptors. epoll(7)
import { type Fd, fd } from "../units/units.ts";
import { check, EEXIST, EINTR, failure } from "./errno.ts";
import { Arena, lastErrno, libc, scratch } from "./libc.ts";

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 1;
/** struct epoll_event is packed on x86-64 alone. */
const EVENT = process.arch === "x64" ? { size: 12, data: 4 } : { size: 16, data: 8 };
const MOST = 256;
/** Not the scratch memory: the events are read while handlers call into this layer. */
let events: Arena | undefined;

/** A new epoll instance, close-on-exec. @throws {ErrnoError} */
export const epollCreate = (): Fd => fd(check(libc.epoll_create1(EPOLL_CLOEXEC), "epoll_create"));

/**
 * Reports `file` whenever it is readable or hung up (level-triggered); nothing is done where it is reported already.
 * @throws {ErrnoError} EPERM for a regular file.
 */
export function epollAdd(epoll: Fd, file: Fd): void {
  const event = scratch.reset().alloc(EVENT.size);
  scratch.setU32(event, EPOLLIN);
  scratch.setU32(event + EVENT.data, file);
  scratch.setU32(event + EVENT.data + 4, 0);
  if (libc.epoll_ctl(epoll, EPOLL_CTL_ADD, file, event) === -1 && lastErrno() !== EEXIST)
    throw failure("epoll_ctl");
}

/** Reports `file` no more. @throws {ErrnoError} */
export const epollRemove = (epoll: Fd, file: Fd): void =>
  void check(libc.epoll_ctl(epoll, EPOLL_CTL_DEL, file, 0), "epoll_ctl");

/**
 * The descriptors that are ready, at most 256, after waiting at most `ms` milliseconds; -1 waits without end. None
 * when the time is over or a signal came. The whole process sleeps: nothing of the runtime runs meanwhile.
 * @throws {ErrnoError}
 */
export function epollWait(epoll: Fd, ms: number): Fd[] {
  events ??= new Arena(MOST * EVENT.size);
  const count = libc.epoll_wait(epoll, events.base, MOST, ms);
  if (count === -1) {
    const error = failure("epoll_wait");
    if (error.errno === EINTR) return [];
    throw error;
  }
  const ready: Fd[] = [];
  for (let i = 0; i < count; i++) ready.push(fd(events.i32(events.base + i * EVENT.size + EVENT.data)));
  return ready;
}
