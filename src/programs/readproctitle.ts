// readproctitle - shows the end of its input in its own command line. readproctitle(8)
import { clearTitle, SHORTEST_TITLE, shiftIntoTitle } from "../engine/title-window.ts";
import { Reading } from "../runtime/footprint.ts";
import { read } from "../sys/files.ts";
import { lastArgument } from "../sys/inherited.ts";
import { exit, setName } from "../sys/process.ts";
import { EXIT, type Program, STDIN } from "./program.ts";

export function readproctitle(program: Program): never {
  setName(program.name);
  const last = program.args.at(-1);
  if (last === undefined || last.length < SHORTEST_TITLE) exit(EXIT.usage);
  program.attempt(
    () => {
      const title = lastArgument();
      clearTitle(title);
      const reading = new Reading();
      for (;;) {
        reading.await(STDIN);
        const bytes = read(STDIN);
        if (bytes.length === 0) return;
        shiftIntoTitle(title, bytes);
      }
    },
    () => exit(EXIT.failure),
  );
  exit(EXIT.ok);
}
