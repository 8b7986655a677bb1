// Loopback ports, and one question to whoever listens there.

/** A port that nobody listens on now. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

/** What is answered to `question`, to its first chunk or its end; throws where nobody listens or answers. */
export async function ask(port: number, question: string, deadlineMs = 2000): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  promise.catch(() => {});
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_socket, data) => resolve(data.toString("latin1")),
      error: (_socket, error) => reject(error),
      close: () => reject(new Error(`port ${port} closed the connection`)),
    },
  });
  const deadline = setTimeout(() => reject(new Error(`no answer from port ${port}`)), deadlineMs);
  try {
    socket.write(question);
    return await promise;
  } finally {
    clearTimeout(deadline);
    socket.terminate();
  }
}
