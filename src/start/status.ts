import "../sys/boot.ts";

import { put, STDERR, STDOUT } from "../programs/program.ts";
import { exit } from "../sys/process.ts";
import { status } from "../tend/status.ts";
import { called, takeNoSignals } from "./start.ts";

takeNoSignals();
const { output, error, code } = status(called.args.slice(1));
put(STDOUT, output);
put(STDERR, error);
exit(code);
