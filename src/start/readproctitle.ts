import "../sys/boot.ts";

import { readproctitle } from "../programs/readproctitle.ts";
import { start } from "./start.ts";

start(readproctitle);
