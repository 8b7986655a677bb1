import "../sys/boot.ts";

import { logHost } from "../programs/log-host.ts";

logHost(); // It takes signals as events.
