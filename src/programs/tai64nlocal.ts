// tai64nlocal - converts precise timestamps to a human-readable format. tai64nlocal(8)
import { LocalizeLines } from "../engine/localize-lines.ts";
import { Filter } from "../runtime/filter.ts";
import { localtime } from "../sys/local-time.ts";
import { exit } from "../sys/process.ts";
import { setDisposition } from "../sys/signals.ts";
import { EXIT, type Program, STDIN, STDOUT } from "./program.ts";

export function tai64nlocal(program: Program): never {
  // The runtime ignores it.
  setDisposition("SIGPIPE", "default");
  program.attempt(
    () => new Filter().run(new LocalizeLines(localtime), STDIN, STDOUT),
    () => exit(EXIT.failure),
  );
  exit(EXIT.ok);
}
