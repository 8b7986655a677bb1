// What svc and svok do, without a process: a test that many run beside waits for fewer starts.
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { join } from "node:path";

const { O_WRONLY, O_NONBLOCK } = constants;

/** Gives the supervisor of the service directory commands, a letter each. @throws if there is none */
export function command(directory: string, letters: string): void {
  const control = openSync(join(directory, "supervise/control"), O_WRONLY | O_NONBLOCK);
  try {
    writeSync(control, letters);
  } finally {
    closeSync(control);
  }
}

/** Whether there is a supervisor. */
export function supervised(directory: string): boolean {
  try {
    closeSync(openSync(join(directory, "supervise/ok"), O_WRONLY | O_NONBLOCK));
    return true;
  } catch {
    return false;
  }
}
