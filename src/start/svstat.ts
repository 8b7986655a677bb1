import "../sys/boot.ts";

import { svstat } from "../programs/svstat.ts";
import { start } from "./start.ts";

start(svstat);
