// supervise/record, mapped into memory. formats/service-record.ts says what is in it.
import type { Left } from "../engine/adoption.ts";
import { type Phase, RECORD_CHILD, RECORD_SIZE, ServiceRecord } from "../formats/service-record.ts";
import { EMFILE, ENFILE, ENOSPC, ErrnoError, errnoOf } from "../sys/errno.ts";
import {
  close,
  fstat,
  O_CREAT,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  openat,
  pwrite,
  read,
  unlinkat,
} from "../sys/files.ts";
import { mapShared } from "../sys/memory.ts";
import type { ByteString, Fd } from "../units/units.ts";

const RECORD: ByteString = "supervise/record";

export type RecordFile = {
  readonly record: ServiceRecord;
  /** Where in memory the record's `child` is. */
  readonly child: number;
  readonly close: () => void;
};

/**
 * Maps the record of the service in `directory`, making the file where there is none. Its disk space is there before the
 * first store. @throws {ErrnoError} ENOSPC, EROFS, ENODEV, ...: the service can be supervised without
 */
export function openRecord(directory: Fd): RecordFile {
  const file = openRegular(directory);
  try {
    const { size, blocks } = fstat(file);
    if (size < RECORD_SIZE || blocks === 0) {
      // A hole in a copied file is filled with what it reads as.
      const page = new Uint8Array(RECORD_SIZE);
      page.set(read(file, RECORD_SIZE));
      if (pwrite(file, page, 0) !== RECORD_SIZE) throw new ErrnoError(ENOSPC, "write", RECORD);
    }
    const { bytes, address, unmap } = mapShared(file, RECORD_SIZE);
    return { record: new ServiceRecord(bytes), child: address + RECORD_CHILD, close: unmap };
  } finally {
    close(file);
  }
}

/** Whatever is there of that name and is no plain file makes way, if it can. */
function openRegular(directory: Fd): Fd {
  const open = () => openat(directory, RECORD, O_RDWR | O_NONBLOCK | O_CREAT | O_NOFOLLOW, 0o600);
  let file: Fd | undefined;
  try {
    file = open();
    const { type, links } = fstat(file);
    if (type === "file" && links === 1) return file;
    close(file);
  } catch (error) {
    // Without a descriptor to look with, nothing is known of what is there.
    const code = errnoOf(error);
    if (code === EMFILE || code === ENFILE) throw error;
  }
  unlinkat(directory, RECORD);
  return open();
}

/** What a phase means where it does not matter whose it is: the service's, its `finish`'s, or its group's. */
const PLAIN = {
  idle: "idle",
  pending: "pending",
  intent: "intent",
  running: "running",
  "finish-intent": "intent",
  finishing: "running",
  emptying: "idle",
} as const satisfies Record<Phase, Phase>;

/** What a record of the boot `boot` says, as it stands now; undefined if it is none, or its supervisor left in order. */
export function leftBy(record: ServiceRecord, boot: Uint8Array): Left | undefined {
  if (!record.isOf(boot)) return undefined;
  const { phase, pid, child, ticks, origin, ownGroup, want, paused, exiting, owed } = record;
  return {
    finish: phase === "finish-intent" || phase === "finishing",
    emptying: phase === "emptying",
    ownGroup,
    phase: PLAIN[phase],
    pid,
    child,
    ticks,
    origin,
    want,
    paused,
    exiting,
    owed,
  };
}

/** What is noted for the service at `path`, for one who only looks; undefined if nothing is. */
export function peekRecord(at: Fd, path: ByteString, boot: Uint8Array): Left | undefined {
  try {
    const file = openat(at, `${path}/${RECORD}`, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    try {
      const bytes = new Uint8Array(RECORD_SIZE);
      bytes.set(read(file, RECORD_SIZE));
      return leftBy(new ServiceRecord(bytes), boot);
    } finally {
      close(file);
    }
  } catch (error) {
    if (error instanceof ErrnoError) return undefined;
    throw error;
  }
}
