import { describe, expect, test } from "bun:test";
import { canNotify, notifyWords } from "../../tests/support/notify.ts";
import { epollAdd, epollCreate, epollWait } from "./epoll.ts";
import { ErrnoError } from "./errno.ts";
import { AT_FDCWD, close, closeOnExec, O_RDONLY, openat } from "./files.ts";
import { DATAGRAM_SIZE, receive, receiveAt, receivesAt } from "./socket.ts";

let made = 0;
const newName = (): string => `tend-test-${process.pid}-${++made}`;

/** Sends each message. @returns the pid of the process that did, and its exit code */
async function send(name: string, ...messages: string[]): Promise<{ pid: number; code: number }> {
  const sender = Bun.spawn(notifyWords(messages, name), { stdio: ["ignore", "ignore", "inherit"] });
  return { pid: sender.pid, code: await sender.exited };
}

describe.skipIf(!canNotify)("a socket at an abstract address", () => {
  test("receives datagrams byte for byte, in order, each with its sender's pid, and never waits", async () => {
    const name = newName();
    const socket = receiveAt(name);
    expect(closeOnExec(socket)).toBe(true);
    expect(receive(socket)).toBeUndefined();
    const epoll = epollCreate();
    epollAdd(epoll, socket);
    expect(epollWait(epoll, 0)).toEqual([]);
    const { pid, code } = await send(name, "READY=1\nSTATUS=a\xff", "", "x".repeat(DATAGRAM_SIZE));
    expect(code).toBe(0);
    expect(epollWait(epoll, 5000)).toEqual([socket]);
    // An argument of a program is UTF-8 here.
    expect(receive(socket)).toEqual({ text: "READY=1\nSTATUS=a\xc3\xbf", sender: pid });
    expect(receive(socket)).toEqual({ text: "", sender: pid });
    expect(receive(socket)).toEqual({ text: "x".repeat(DATAGRAM_SIZE), sender: pid });
    expect(receive(socket)).toBeUndefined();
    for (const file of [epoll, socket]) close(file);
  });

  test("drops one that is too long, and takes the next", async () => {
    const name = newName();
    const socket = receiveAt(name);
    const { pid } = await send(name, "x".repeat(DATAGRAM_SIZE + 1), "y");
    expect(receive(socket)).toBe("dropped");
    expect(receive(socket)).toEqual({ text: "y", sender: pid });
    close(socket);
  });

  test("is its alone, and free when it is closed; who sends then is told so", async () => {
    const name = newName();
    const socket = receiveAt(name);
    expect(receivesAt(socket)).toBe(name);
    expect(() => receiveAt(name)).toThrow(ErrnoError);
    close(socket);
    expect((await send(name, "x")).code).toBe(1);
    close(receiveAt(name));
  });
});

test("what is no such socket receives nowhere", () => {
  const file = openat(AT_FDCWD, "/dev/null", O_RDONLY);
  expect(receivesAt(file)).toBeUndefined();
  close(file);
});
