import "../sys/boot.ts";

import { tai64n } from "../programs/tai64n.ts";
import { start } from "./start.ts";

start(tai64n);
