// tai64n - puts a timestamp in front of each line. tai64n(8)
import { StampLines } from "../engine/stamp-lines.ts";
import { Filter } from "../runtime/filter.ts";
import { stampTime } from "../sys/clock.ts";
import { exit } from "../sys/process.ts";
import { setDisposition } from "../sys/signals.ts";
import { EXIT, type Program, STDIN, STDOUT } from "./program.ts";

export function tai64n(program: Program): never {
  // The runtime ignores it.
  setDisposition("SIGPIPE", "default");
  const filter = new Filter();
  const lines = new StampLines(filter.view);
  program.attempt(
    () => filter.run(lines, STDIN, STDOUT, () => (lines.now = stampTime())),
    () => exit(EXIT.failure),
  );
  exit(EXIT.ok);
}
