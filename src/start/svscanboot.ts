import "../sys/boot.ts";

import { svscanboot } from "../programs/svscanboot.ts";
import { called } from "./start.ts";

svscanboot(called); // It takes signals as events.
