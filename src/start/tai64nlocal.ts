import "../sys/boot.ts";

import { tai64nlocal } from "../programs/tai64nlocal.ts";
import { start } from "./start.ts";

start(tai64nlocal);
