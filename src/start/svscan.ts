import "../sys/boot.ts";

import { svscan } from "../programs/svscan.ts";
import { called } from "./start.ts";

svscan(called); // It takes signals as events.
