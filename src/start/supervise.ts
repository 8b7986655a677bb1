import "../sys/boot.ts";

import { supervise } from "../programs/supervise.ts";
import { called } from "./start.ts";

supervise(called); // It takes signals as events.
