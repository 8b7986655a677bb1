// supervise/record, mapped into memory. formats/service-record.ts says what is in it.
import { RECORD_SIZE, ServiceRecord } from "../formats/service-record.ts";
import { ENOSPC, ErrnoError } from "../sys/errno.ts";
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

export type RecordFile = { readonly record: ServiceRecord; readonly close: () => void };

/**
 * Maps the record of the service in `directory`, making the file where there is none. Its disk space is there before the
 * first store. @throws {ErrnoError} ENOSPC, EROFS, ENODEV, ...: the service can be supervised without
 */
export function openRecord(directory: Fd): RecordFile {
  const file = openRegular(directory);
  try {
    const { size } = fstat(file);
    if (size < RECORD_SIZE) {
      const missing = new Uint8Array(RECORD_SIZE - size);
      if (pwrite(file, missing, size) !== missing.length) throw new ErrnoError(ENOSPC, "write", RECORD);
    }
    const { bytes, unmap } = mapShared(file, RECORD_SIZE);
    return { record: new ServiceRecord(bytes), close: unmap };
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
    if (!(error instanceof ErrnoError)) throw error;
  }
  unlinkat(directory, RECORD);
  return open();
}

/** The pid that is noted for the service at `path`, for one who only looks; 0 if there is none. */
export function recordedPid(at: Fd, path: ByteString): number {
  try {
    const file = openat(at, `${path}/${RECORD}`, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    try {
      const bytes = new Uint8Array(RECORD_SIZE);
      bytes.set(read(file, RECORD_SIZE));
      return new ServiceRecord(bytes).pid;
    } finally {
      close(file);
    }
  } catch (error) {
    if (error instanceof ErrnoError) return 0;
    throw error;
  }
}
