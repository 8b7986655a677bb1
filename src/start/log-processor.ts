import "../sys/boot.ts";

import { logProcessor } from "../programs/log-processor.ts";
import { called, takeNoSignals } from "./start.ts";

takeNoSignals();
logProcessor(called.args.slice(1));
