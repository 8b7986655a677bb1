// The two ways svscan supervises: in its own process, or with a program for each service, as the C svscan does.
import { CONTROL_LETTERS, type ControlLetter } from "../formats/control.ts";
import { pathCandidates, search } from "../formats/path-search.ts";
import { EAGAIN, ENOMEM, ErrnoError, errnoOf } from "../sys/errno.ts";
import { AT_FDCWD, close, O_NONBLOCK, O_WRONLY, openat, write } from "../sys/files.ts";
import type { FileAction } from "../sys/process.ts";
import { type ByteString, errno, type Fd } from "../units/units.ts";
import { Unable } from "./control-directory.ts";
import type { HandedHalf } from "./handover.ts";
import type { Assignment, Begin, Supervisor } from "./scan-directory.ts";
import { ServiceHost, type ServicePlace } from "./service-host.ts";
import type { World } from "./world.ts";

/** The end of the pair's pipe that this half uses. */
const pipeActions = ({ part, pipe }: Assignment): readonly FileAction[] => {
  const ends = pipe();
  return ends === undefined ? [] : part === "log" ? ends.input() : ends.output();
};

/** A class, for there are thousands: they share what an object with functions would have each for itself. */
class Hosted implements Supervisor {
  constructor(private readonly host: ServiceHost) {}

  command(letters: ByteString): void {
    for (const letter of letters) this.host.command(CONTROL_LETTERS[letter as ControlLetter]);
  }
  check(): void {
    this.host.check();
  }
  get coming(): boolean {
    return this.host.coming;
  }
  get handedOn(): HandedHalf | undefined {
    return this.host.handedOn;
  }
}

/** Supervises in this process. */
export const hosted =
  (world: World): Begin =>
  (assignment) => {
    const { title, onLeave } = assignment;
    try {
      const { handed, others } = assignment;
      const place: ServicePlace = {
        at: AT_FDCWD,
        path: directoryOf(assignment),
        title,
        pipes: () => pipeActions(assignment),
        pipe: () => assignment.pipe()?.identity,
        others,
        handed,
        onLeave,
      };
      return new Hosted(world.taking(handed, () => new ServiceHost(world, place)));
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      throw new Unable(`supervise: fatal: ${error.message}`, error);
    }
  };

const directoryOf = ({ name, part }: Assignment): ByteString => (part === "log" ? `${name}/log` : name);

/**
 * Supervises with `program`, one process for each half: `PROGRAM NAME` in the scan directory, `PROGRAM log` in the service's.
 * @param path where to look for it, as in the variable PATH
 * @param scanDirectory the working directory, open
 */
export const delegated =
  (world: World, program: ByteString, path: ByteString | undefined, scanDirectory: Fd): Begin =>
  (assignment) => {
    const { name, part, title, onLeave } = assignment;
    const actions: FileAction[] = [...pipeActions(assignment)];
    // The pipe's actions have changed to the service's directory, which is where the logger's half begins.
    if (part === "service") actions.push({ do: "fchdir", directory: scanDirectory });
    const argv = [program, part === "log" ? "log" : name];
    let running = true;
    const onEnd = () => {
      running = false;
      onLeave();
    };
    const code = search(pathCandidates(program, path), (file) => {
      try {
        world.spawn(file, argv, actions, onEnd);
        return undefined;
      } catch (error) {
        return errnoOf(error);
      }
    });
    if (code !== undefined) {
      const reason = new ErrnoError(errno(code), "posix_spawn", program);
      const failed = code === EAGAIN || code === ENOMEM ? `fork for ${title}` : `start ${program} ${title}`;
      throw new Unable(`svscan: warning: unable to ${failed}: ${reason.text}`, reason);
    }
    return {
      command: (letters) => tellControl(`${directoryOf(assignment)}/supervise/control`, letters),
      check: () => {},
      get coming() {
        return running;
      },
      // Who runs is known to this image alone.
      handedOn: undefined,
    };
  };

/** Writes `letters` into the fifo at `path`; where nobody reads it there is nobody to tell. */
export function tellControl(path: ByteString, letters: ByteString): void {
  try {
    const control = openat(AT_FDCWD, path, O_WRONLY | O_NONBLOCK);
    try {
      write(control, letters);
    } finally {
      close(control);
    }
  } catch (error) {
    errnoOf(error);
  }
}
