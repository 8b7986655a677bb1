// What a scan directory asks for all its services, in files in `.tend/`: each as in a service directory, which may ask otherwise;
// and how many starts there may be a second. service-directory(5)
import type { ByteString } from "../units/units.ts";
import { startsPerSecond } from "./restart-files.ts";
import { type Asking, type Asks, asked, askedBy, isValueFile } from "./service-files.ts";

/** The directory in the scan directory. Its name begins with a dot: svscan takes it for no service. */
export const SCAN_FILES: ByteString = ".tend";

/** What is a matter of one service alone, such as a program it brings, is not among them. */
const FOR_ALL: readonly Asking[] = [
  ...(["restart", "backoff", "start-limit"] as const),
  ...([
    "timeout-kill",
    "down-signal",
    "process-group",
    "session",
    "cgroup",
    "timeout-finish",
    "timeout-control",
    "max-death-tally",
  ] as const),
];
const RATE = "starts-per-second";
export type ScanAsking = Asking | typeof RATE;

export const scanAsking = (names: readonly ByteString[]): ScanAsking[] =>
  names.filter(
    (name): name is ScanAsking => name === RATE || (FOR_ALL as readonly ByteString[]).includes(name),
  );

/** What the file `name` asks for; `text` is its content, where that says anything. @throws {FormatError} */
export function scanAsked(name: ScanAsking, text: () => ByteString | undefined): Partial<Asks> {
  if (name !== RATE && !isValueFile(name)) return askedBy(name);
  const content = text();
  if (content === undefined) return {};
  return name === RATE ? { startsPerSecond: startsPerSecond(content) } : asked(name, content);
}
