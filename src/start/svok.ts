import "../sys/boot.ts";

import { svok } from "../programs/svok.ts";
import { start } from "./start.ts";

start(svok);
