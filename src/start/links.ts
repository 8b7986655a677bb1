import "../sys/boot.ts";

import { runLink } from "../programs/links.ts";
import type { LinkName } from "../programs/names.ts";
import { start } from "./start.ts";

start((program) => runLink(program, program.name as LinkName));
