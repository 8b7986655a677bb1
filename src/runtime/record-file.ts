// supervise/record, mapped into memory. formats/service-record.ts says what is in it.
import type { Left } from "../engine/adoption.ts";
import {
  type Phase,
  RECORD_CHILD,
  RECORD_SCRIPT_CHILD,
  RECORD_SIZE,
  ServiceRecord,
} from "../formats/service-record.ts";
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
  renameat,
  unlinkat,
  unlinkIfThere,
} from "../sys/files.ts";
import { mapPage } from "../sys/memory.ts";
import type { ByteString, Fd } from "../units/units.ts";

const RECORD: ByteString = "supervise/record";
const RECORD_NEW: ByteString = "supervise/record.new";

export type RecordFile = {
  readonly record: ServiceRecord;
  /** Where in memory the record's `child` is. */
  readonly child: number;
  /** The same of the script of a command. */
  readonly scriptChild: number;
  readonly close: () => void;
};

/**
 * Maps the record of the service in `directory`, making the file where there is none. Its disk space is there before the
 * first store. @throws {ErrnoError} ENOSPC, EROFS, ENODEV, ...: the service can be supervised without
 */
export function openRecord(directory: Fd): RecordFile {
  const { file, filled } = openRegular(directory);
  try {
    if (!filled) {
      // A hole in a copied file is filled with what it reads as.
      const page = new Uint8Array(RECORD_SIZE);
      page.set(read(file, RECORD_SIZE));
      if (pwrite(file, page, 0) !== RECORD_SIZE) throw new ErrnoError(ENOSPC, "write", RECORD);
    }
    return map(file);
  } finally {
    close(file);
  }
}

function map(file: Fd): RecordFile {
  const { bytes, address, unmap } = mapPage(file);
  const record = new ServiceRecord(bytes);
  record.own(Math.floor(Math.random() * 2 ** 32));
  return { record, child: address + RECORD_CHILD, scriptChild: address + RECORD_SCRIPT_CHILD, close: unmap };
}

/**
 * Makes the record anew, in place of one that was lost: of the old one what can be read of the history is kept, the rest is
 * for `fill`, after which the new one is whole and gets its name. Nothing is left of either where it cannot be: what is out of
 * date would mislead.
 * @throws {ErrnoError} as openRecord
 */
export function renewRecord(directory: Fd, fill: (record: ServiceRecord) => void): RecordFile {
  const page = new Uint8Array(RECORD_SIZE);
  const old = readRecord(directory, RECORD);
  if (old !== undefined && ServiceRecord.isRecord(old)) page.set(old);
  let made: RecordFile | undefined;
  try {
    unlinkIfThere(directory, RECORD_NEW);
    const file = openat(directory, RECORD_NEW, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      if (pwrite(file, page, 0) !== RECORD_SIZE) throw new ErrnoError(ENOSPC, "write", RECORD_NEW);
      made = map(file);
    } finally {
      close(file);
    }
    fill(made.record);
    renameat(directory, RECORD_NEW, RECORD);
    return made;
  } catch (error) {
    made?.close();
    for (const name of [RECORD_NEW, RECORD]) unlinkIfThere(directory, name);
    throw error;
  }
}

/** Whatever is there of that name and is no plain file makes way, if it can. `filled`: it has its size, and its disk space. */
function openRegular(directory: Fd): { readonly file: Fd; readonly filled: boolean } {
  const open = () => openat(directory, RECORD, O_RDWR | O_NONBLOCK | O_CREAT | O_NOFOLLOW, 0o600);
  let file: Fd | undefined;
  try {
    file = open();
    const { type, links, size, blocks } = fstat(file);
    if (type === "file" && links === 1) return { file, filled: size >= RECORD_SIZE && blocks > 0 };
    close(file);
  } catch (error) {
    // Without a descriptor to look with, nothing is known of what is there.
    const code = errnoOf(error);
    if (code === EMFILE || code === ENFILE) throw error;
  }
  unlinkat(directory, RECORD);
  return { file: open(), filled: false };
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
  const { phase, pid, child, ticks, origin, set, want, paused, exiting, owed } = record;
  return {
    finish: phase === "finish-intent" || phase === "finishing",
    emptying: phase === "emptying",
    set,
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
  const bytes = readRecord(at, `${path}/${RECORD}`);
  return bytes && leftBy(new ServiceRecord(bytes), boot);
}

function readRecord(at: Fd, path: ByteString): Uint8Array | undefined {
  try {
    const file = openat(at, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    try {
      const bytes = new Uint8Array(RECORD_SIZE);
      bytes.set(read(file, RECORD_SIZE));
      return bytes;
    } finally {
      close(file);
    }
  } catch (error) {
    // Without a descriptor to look with, nothing is known.
    const code = errnoOf(error);
    if (code === EMFILE || code === ENFILE) throw error;
    return undefined;
  }
}
