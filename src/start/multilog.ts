import "../sys/boot.ts";

import { multilog } from "../programs/multilog.ts";
import { called } from "./start.ts";

multilog(called); // It takes signals as events.
