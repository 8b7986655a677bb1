// svscan becomes a new version of itself, in place: asked with SIGUSR2. The new executable is tried first; one that cannot
// run leaves the old one as it was. svscan(8)
import { decodeWaitStatus } from "../formats/wait-status.ts";
import { ErrnoError } from "../sys/errno.ts";
import { AT_FDCWD, close, O_RDONLY, O_WRONLY, openat, pipe, read, readableNow } from "../sys/files.ts";
import { type ByteString, byteString, type Fd, fd, later } from "../units/units.ts";
import type { ScanDirectory } from "./scan-directory.ts";
import type { World } from "./world.ts";

/** How long the new executable may take to tell its version, in milliseconds. */
const PROBE_MS = 5000;
/** So many descriptors the new image has to be able to open before it can give some up. */
const ROOM = 16;

export class Upgrade {
  private probing = false;

  constructor(
    private readonly world: World,
    private readonly scan: ScanDirectory,
  ) {}

  /** Tries the executable, and becomes it. What goes wrong is said, and changes nothing. */
  begin(): void {
    if (this.probing) return;
    try {
      this.probe();
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      this.refuse(error.text);
    }
  }

  private refuse(why: ByteString): void {
    this.world.report(`svscan: warning: unable to re-execute ${this.world.executable}: ${why}`);
  }

  /** Runs `tend --version`. @throws {ErrnoError} if there is nothing to run */
  private probe(): void {
    const { loop, executable, descriptors } = this.world;
    const [output, input] = descriptors.open(pipe);
    let nothing: Fd | undefined;
    try {
      const source = descriptors.open(() => openat(AT_FDCWD, "/dev/null", O_RDONLY));
      nothing = source;
      const probe = this.world.spawn(
        executable,
        ["tend", "--version"],
        [
          { do: "dup2", from: source, to: fd(0) },
          { do: "dup2", from: input, to: fd(1) },
          { do: "open", to: fd(2), path: "/dev/null", flags: O_WRONLY },
        ],
        (status) => {
          tooLong();
          this.probing = false;
          const told = readableNow(output) ? byteString(read(output, 64)) : "";
          close(output);
          const ended = status === undefined ? undefined : decodeWaitStatus(status);
          if (
            ended === undefined ||
            !("exited" in ended) ||
            ended.exited !== 0 ||
            !told.startsWith("tend ")
          ) {
            return this.refuse("it does not tell its version");
          }
          this.become();
        },
      );
      this.probing = true;
      const tooLong = loop.at(later(this.world.now().at, PROBE_MS), () => this.world.kill(probe, "SIGKILL"));
    } catch (error) {
      close(output);
      throw error;
    } finally {
      close(input);
      if (nothing !== undefined) close(nothing);
    }
  }

  private become(): void {
    // Everything the services' files are to say must be in them.
    this.world.loop.settle();
    try {
      const handedOn = this.world.descriptors.withRoom(ROOM, () => this.scan.handOn());
      if (handedOn === undefined) return this.refuse("what it supervises could not be handed on");
      this.world.becomeAnew(handedOn);
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      this.refuse(error.text);
    }
  }
}
