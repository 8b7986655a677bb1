import { afterAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { bare } from "../../tests/support/bare.ts";
import { Sandbox } from "../../tests/support/sandbox.ts";
import { byteString, bytesOf, type Fd, fd } from "../units/units.ts";
import {
  EAGAIN,
  EEXIST,
  EINVAL,
  EISDIR,
  ENOENT,
  ENOTDIR,
  ENXIO,
  EPIPE,
  ErrnoError,
  errnoOf,
} from "./errno.ts";
import * as files from "./files.ts";
import { Arena } from "./libc.ts";

const { AT_FDCWD, O_CREAT, O_DIRECTORY, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = files;

const place = mkdtempSync(join(tmpdir(), "tend-files-"));
const at = files.openat(AT_FDCWD, place, O_RDONLY | O_DIRECTORY);
afterAll(() => {
  files.close(at);
  rmSync(place, { recursive: true, force: true });
});
let names = 0;
const fresh = (): string => `n${++names}`;
const path = (name: string): string => join(place, name);

/** The error number that `act` fails with. */
function failsWith(act: () => unknown): number {
  try {
    act();
  } catch (error) {
    if (error instanceof ErrnoError) return error.errno;
    throw error;
  }
  throw new Error("it did not fail");
}

/** Opens, uses and closes. */
function withFile<Result>(name: string, flags: number, use: (file: Fd) => Result, mode = 0o644): Result {
  const file = files.openat(at, name, flags, mode);
  try {
    return use(file);
  } finally {
    files.close(file);
  }
}

describe("openat", () => {
  test("opens relative to a directory, and what it opens is closed by exec", () => {
    writeFileSync(path("opened"), "content");
    expect(withFile("opened", O_RDONLY, files.closeOnExec)).toBe(true);
    expect(withFile("opened", O_RDONLY, files.readAll)).toBe("content");
  });

  test("creates with the mode asked for", () => {
    const name = fresh();
    withFile(name, O_WRONLY | O_CREAT, () => {}, 0o600);
    expect(statSync(path(name)).mode & 0o777).toBe(0o600);
  });

  test.each([
    ["a file that is not there", "nosuch", O_RDONLY, ENOENT],
    ["an empty path", "", O_RDONLY, ENOENT],
    ["a file below a file", "opened/x", O_RDONLY, ENOTDIR],
    ["a directory, for writing", ".", O_WRONLY, EISDIR],
    ["a file that must not be there", "opened", O_WRONLY | O_CREAT | O_EXCL, EEXIST],
    ["a file as a directory", "opened", O_RDONLY | O_DIRECTORY, ENOTDIR],
  ])("%s", (_, name, flags, errno) => {
    expect(failsWith(() => withFile(name, flags, () => {}))).toBe(errno);
  });

  test("a fifo without a reader cannot be opened for writing, and one can always be opened for both", () => {
    const name = fresh();
    files.mkfifoat(at, name, 0o600);
    expect(failsWith(() => withFile(name, O_WRONLY | O_NONBLOCK, () => {}))).toBe(ENXIO);
    withFile(name, O_RDWR | O_NONBLOCK, () => withFile(name, O_WRONLY | O_NONBLOCK, () => {}));
  });

  test("any byte but NUL and slash can be in a name", () => {
    const all = Array.from({ length: 255 }, (_, i) => i + 1).filter((byte) => byte !== 0x2f);
    // A name is at most 255 bytes long.
    for (const part of [all.slice(0, 127), all.slice(127)]) {
      const name = String.fromCharCode(...part);
      withFile(name, O_WRONLY | O_CREAT, (file) => files.write(file, name));
      expect(withFile(name, O_RDONLY, files.readAll)).toBe(name);
      expect(files.readdir(at)).toContain(name);
      files.unlinkat(at, name);
      expect(files.existsat(at, name)).toBe(false);
    }
  });

  test("a path as long as the kernel takes, and one that is longer", () => {
    const long = "./".repeat(2000);
    expect(withFile(`${long}opened`, O_RDONLY, files.readAll)).toBe("content");
    expect(failsWith(() => withFile(`${"./".repeat(2048)}opened`, O_RDONLY, () => {}))).toBe(36);
    expect(failsWith(() => withFile("x".repeat(131_000), O_RDONLY, () => {}))).toBe(36);
  });
});

describe("read and write", () => {
  test("bytes come out of a file as they went in, whatever they are and however they are cut", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200_000 }),
        fc.integer({ min: 1, max: 70_000 }),
        (bytes, piece) => {
          const name = fresh();
          withFile(name, O_WRONLY | O_CREAT, (file) => {
            const text = Buffer.from(bytes).toString("latin1");
            for (let i = 0; i < text.length; i += piece) {
              const part = text.slice(i, i + piece);
              expect(files.write(file, part)).toBe(part.length);
            }
          });
          expect(withFile(name, O_RDONLY, (file) => bytesOf(files.readAll(file)))).toEqual(bytes);
          files.unlinkat(at, name);
        },
      ),
      { numRuns: 20 },
    );
  });

  test("readFile reads all of a file", () => {
    writeFileSync(path("whole"), "x".repeat(100_000));
    expect(files.readFile(path("whole")).length).toBe(100_000);
    expect(failsWith(() => files.readFile(path("nosuch")))).toBe(ENOENT);
    expect(failsWith(() => files.readFile(place))).toBe(EISDIR);
  });

  test("read gives at most what is asked for", () => {
    writeFileSync(path("bytes"), "0123456789");
    withFile("bytes", O_RDONLY, (file) => {
      expect(byteString(files.read(file, 4))).toBe("0123");
      expect(byteString(files.read(file))).toBe("456789");
      expect(files.read(file).length).toBe(0);
    });
  });

  test("an empty non-blocking pipe says so, one without writers is at its end, one without readers is broken", () => {
    const [read, write] = files.pipe();
    files.setNonblocking(read, true);
    expect(failsWith(() => files.read(read))).toBe(EAGAIN);
    files.write(write, "left");
    files.close(write);
    expect(byteString(files.read(read))).toBe("left");
    expect(files.read(read).length).toBe(0);
    files.close(read);
    const [read2, write2] = files.pipe();
    files.close(read2);
    expect(failsWith(() => files.write(write2, "x"))).toBe(EPIPE);
    files.close(write2);
  });

  test("pwrite writes in place", () => {
    const name = fresh();
    writeFileSync(path(name), "0123456789");
    expect(withFile(name, O_WRONLY, (file) => files.pwrite(file, bytesOf("ab"), 3))).toBe(2);
    expect(readFileSync(path(name), "latin1")).toBe("012ab56789");
  });

  test("readTo and writeFrom move bytes through C memory", () => {
    const memory = new Arena(300_000);
    const address = memory.alloc(250_000);
    memory.slice(address, 250_000).fill(0x61);
    const name = fresh();
    withFile(name, O_WRONLY | O_CREAT, (file) => files.writeFrom(file, address, 250_000));
    expect(statSync(path(name)).size).toBe(250_000);
    memory.slice(address, 250_000).fill(0);
    expect(withFile(name, O_RDONLY, (file) => files.readTo(file, address, 100))).toBe(100);
    expect(memory.slice(address, 101)).toEqual(new Uint8Array([...new Uint8Array(100).fill(0x61), 0]));
  });

  test("what is closed is not open", () => {
    const [read, write] = files.pipe();
    files.close(read);
    files.close(write);
    expect(failsWith(() => files.read(read))).toBe(9);
    expect(() => files.close(fd(-1))).not.toThrow();
  });
});

describe("pipes", () => {
  test("both ends of a pipe are closed by exec; setCloseOnExec changes that", () => {
    const ends = files.pipe();
    for (const end of ends) {
      expect(files.closeOnExec(end)).toBe(true);
      files.setCloseOnExec(end, false);
      expect(files.closeOnExec(end)).toBe(false);
      files.setCloseOnExec(end, true);
      expect(files.closeOnExec(end)).toBe(true);
      files.close(end);
    }
  });

  test("bytesWaiting counts what is unread", () => {
    const [read, write] = files.pipe();
    expect(files.bytesWaiting(read)).toBe(0);
    files.write(write, "12345");
    expect(files.bytesWaiting(read)).toBe(5);
    files.read(read, 2);
    expect(files.bytesWaiting(read)).toBe(3);
    files.close(read);
    files.close(write);
  });

  test("writableNow is false for a full pipe, and true again when it has been read", () => {
    const [read, write] = files.pipe();
    files.setNonblocking(write, true);
    expect(files.writableNow(write)).toBe(true);
    expect(
      failsWith(() => {
        for (;;) files.write(write, "x".repeat(4096));
      }),
    ).toBe(EAGAIN);
    expect(files.writableNow(write)).toBe(false);
    files.read(read);
    expect(files.writableNow(write)).toBe(true);
    files.close(read);
    files.close(write);
  });

  test("duplicate gives another descriptor for the same open file, from a number up, closed by exec", () => {
    const [read, write] = files.pipe();
    const copy = files.duplicate(write, 100);
    expect(copy).toBeGreaterThanOrEqual(100);
    expect(files.closeOnExec(copy)).toBe(true);
    files.close(write);
    files.write(copy, "through the copy");
    expect(byteString(files.read(read))).toBe("through the copy");
    files.close(copy);
    expect(files.read(read).length).toBe(0);
    files.close(read);
  });
});

describe("names", () => {
  test("mkdirat, mkfifoat: made with the mode, refused if there is anything of that name", () => {
    for (const make of [files.mkdirat, files.mkfifoat]) {
      const name = fresh();
      make(at, name, 0o700);
      expect(statSync(path(name)).mode & 0o777).toBe(0o700);
      expect(failsWith(() => make(at, name, 0o700))).toBe(EEXIST);
    }
    symlinkSync("nowhere", path("dangling"));
    expect(failsWith(() => files.mkdirat(at, "dangling", 0o700))).toBe(EEXIST);
  });

  test("unlinkat removes a name, a directory's not", () => {
    writeFileSync(path("u"), "");
    files.unlinkat(at, "u");
    expect(existsSync(path("u"))).toBe(false);
    expect(failsWith(() => files.unlinkat(at, "u"))).toBe(ENOENT);
    mkdirSync(path("udir"));
    expect(failsWith(() => files.unlinkat(at, "udir"))).toBe(EISDIR);
  });

  test("renameat replaces what is there", () => {
    writeFileSync(path("from"), "new");
    writeFileSync(path("to"), "old");
    files.renameat(at, "from", "to");
    expect(readFileSync(path("to"), "latin1")).toBe("new");
    expect(failsWith(() => files.renameat(at, "from", "to"))).toBe(ENOENT);
  });

  test("exchange swaps two names in one step, and needs both", () => {
    writeFileSync(path("a"), "1");
    writeFileSync(path("b"), "2");
    if (!files.exchange(at, "a", "b")) return; // not on this file system
    expect(readFileSync(path("a"), "latin1") + readFileSync(path("b"), "latin1")).toBe("21");
    expect(failsWith(() => files.exchange(at, "a", "nosuch"))).toBe(ENOENT);
    expect(readFileSync(path("a"), "latin1")).toBe("2");
  });

  test("linkat gives a file a second name, and replaces nothing", () => {
    writeFileSync(path("first"), "x");
    files.linkat(at, "first", "second");
    expect(files.statat(at, "second")).toEqual(files.statat(at, "first"));
    expect(files.statat(at, "second").links).toBe(2);
    expect(failsWith(() => files.linkat(at, "first", "second"))).toBe(EEXIST);
  });

  test("readlinkat gives what a link says, of any length", () => {
    for (const text of ["x", "../\xff\n", "y/".repeat(2000)]) {
      const name = fresh();
      symlinkSync(Buffer.from(text, "latin1"), path(name));
      expect(files.readlinkat(at, name)).toBe(text);
    }
    expect(failsWith(() => files.readlinkat(at, "first"))).toBe(EINVAL);
  });

  test("readdir lists a directory each time anew, however many names it has", () => {
    const name = fresh();
    mkdirSync(path(name));
    withFile(name, O_RDONLY | O_DIRECTORY, (directory) => {
      expect(files.readdir(directory).sort()).toEqual([".", ".."]);
      for (let i = 0; i < 3000; i++) writeFileSync(path(`${name}/${String(i).padStart(60, "0")}`), "");
      const expected = [".", "..", ...readdirSync(path(name))].sort();
      expect(files.readdir(directory).sort()).toEqual(expected);
      expect(files.readdir(directory).length).toBe(3002);
    });
    writeFileSync(path("plain"), "");
    expect(failsWith(() => withFile("plain", O_RDONLY, files.readdir))).toBe(ENOTDIR);
  });
});

describe("stat", () => {
  test("tells a file, a directory, a fifo and anything else apart", () => {
    writeFileSync(path("file"), "");
    mkdirSync(path("directory"));
    files.mkfifoat(at, "fifo", 0o600);
    for (const type of ["file", "directory", "fifo"])
      expect(files.statat(at, type).type).toBe(type as "file");
    expect(files.statat(AT_FDCWD, "/dev/null").type).toBe("other");
  });

  test("says what stat(2) says", () => {
    writeFileSync(path("stat"), "12345", { mode: 0o640 });
    const { dev, ino, uid } = statSync(path("stat"));
    const found = files.statat(at, "stat");
    expect(found).toMatchObject({ permissions: 0o640, size: 5, links: 1, uid });
    expect(found.identity.endsWith(`:${ino}`)).toBe(true);
    expect(withFile("stat", O_RDONLY, files.fstat)).toEqual(found);
    expect(dev).toBe(statSync(place).dev);
    expect(files.statat(at, ".").identity.split(":").slice(0, 2)).toEqual(
      found.identity.split(":").slice(0, 2),
    );
  });

  test("follows links: two names of one directory are the same", () => {
    mkdirSync(path("real"));
    symlinkSync("real", path("alias"));
    expect(files.statat(at, "alias")).toEqual(files.statat(at, "real"));
    expect(files.statat(at, "alias").identity).not.toBe(files.statat(at, ".").identity);
  });

  test("existsat is false for what is not there, and fails where that cannot be told", () => {
    symlinkSync("loop", path("loop"));
    symlinkSync("nowhere", path("broken"));
    expect(files.existsat(at, "real")).toBe(true);
    expect(files.existsat(at, "broken")).toBe(false);
    expect(files.existsat(at, "none")).toBe(false);
    expect(failsWith(() => files.existsat(at, "loop"))).toBe(40);
    expect(failsWith(() => files.existsat(at, "file/below"))).toBe(ENOTDIR);
    expect(failsWith(() => files.statat(at, "none"))).toBe(ENOENT);
  });
});

test("a lock is of one open file: another cannot have it until that is closed", () => {
  writeFileSync(path("lock"), "");
  const first = files.openat(at, "lock", O_WRONLY);
  const second = files.openat(at, "lock", O_WRONLY);
  files.flock(first, true);
  files.flock(first, true);
  expect(failsWith(() => files.flock(second, true))).toBe(EAGAIN);
  files.close(first);
  files.flock(second, false);
  files.close(second);
});

test("ftruncate, fchmod and fsync change the open file", () => {
  writeFileSync(path("f"), "0123456789");
  withFile("f", O_WRONLY, (file) => {
    files.ftruncate(file, 4);
    files.fchmod(file, 0o744);
    files.fsync(file);
    expect(files.fstat(file)).toMatchObject({ size: 4, permissions: 0o744 });
  });
  const [read, write] = files.pipe();
  expect(failsWith(() => files.fsync(read))).toBe(EINVAL);
  files.close(read);
  files.close(write);
});

test("chdir, fchdir and umask change the process", async () => {
  await using box = new Sandbox();
  const got = await bare(
    box,
    `const start = files.openat(files.AT_FDCWD, ".", files.O_RDONLY);
     files.mkdirat(files.AT_FDCWD, "\\xfe", 0o755);
     files.chdir("\\xfe");
     say(files.readlinkat(files.AT_FDCWD, "/proc/self/cwd"));
     files.fchdir(start);
     say(files.readlinkat(files.AT_FDCWD, "/proc/self/cwd"));
     try { files.chdir("nosuch"); } catch (error) { say(errors.errnoOf(error)); }
     files.umask(0o077);
     say(files.umask(0o022));
     files.mkdirat(files.AT_FDCWD, "masked", 0o777);
     say(files.statat(files.AT_FDCWD, "masked").permissions);`,
  );
  expect(got).toEqual([`${box.path}/\xfe`, box.path, ENOENT, 0o077, 0o755]);
});

test("errors of files are ErrnoErrors", () => {
  try {
    files.mkdirat(at, "no/such", 0o700);
    expect.unreachable();
  } catch (error) {
    expect(errnoOf(error)).toBe(ENOENT);
    expect((error as Error).message).toBe("mkdir no/such: file does not exist");
  }
});
