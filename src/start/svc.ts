import "../sys/boot.ts";

import { svc } from "../programs/svc.ts";
import { start } from "./start.ts";

start(svc);
