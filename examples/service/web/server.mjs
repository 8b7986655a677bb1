// Answers each request with a line, and prints a line about it. Once it listens, it says so: a newline on the descriptor in
// notification-fd, which tend status shows.
import { writeSync } from "node:fs";
import { createServer } from "node:http";

const port = Number(process.env.PORT);
const server = createServer((request, response) => {
  console.log(`${request.method} ${request.url}`);
  response.end(`hello from process ${process.pid}\n`);
});
server.on("error", ({ message }) => {
  console.error(`web: fatal: ${message}`);
  process.exit(111);
});
server.listen(port, "127.0.0.1", () => {
  console.log(`web: listening on http://127.0.0.1:${port}/`);
  try {
    writeSync(3, "\n");
  } catch {
    // Whoever started it did not ask.
  }
});
