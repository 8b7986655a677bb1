import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeStatus, type Status } from "../formats/status.ts";
import { EAGAIN, ENXIO, ErrnoError } from "../sys/errno.ts";
import {
  AT_FDCWD,
  close,
  closeOnExec,
  mkfifoat,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  openat,
  write,
} from "../sys/files.ts";
import type { Fd } from "../units/units.ts";
import { ControlDirectory, readControl, Unable } from "./control-directory.ts";

const place = mkdtempSync(join(tmpdir(), "tend-control-"));
const taken: ControlDirectory[] = [];
afterAll(() => {
  for (const directory of taken) directory.close();
  rmSync(place, { recursive: true, force: true });
});
let names = 0;

/** A new service directory. */
function service(prepare: (path: string) => void = () => {}): string {
  const path = join(place, `s${++names}`);
  mkdirSync(path);
  prepare(path);
  return path;
}
const status = (pid: number, more: Partial<Status> = {}): Status => ({
  since: { seconds: 1_000_000n, nanoseconds: 500 },
  pid,
  paused: false,
  want: "up",
  ...more,
});

function take(path: string, title = "s"): ControlDirectory {
  const directory = new ControlDirectory(AT_FDCWD, path, title);
  taken.push(directory);
  return directory;
}

/** Takes a directory and listens. `said` collects the warnings. */
function supervise(
  path: string,
  said: string[] = [],
): { files: ControlDirectory; control: Fd; said: string[] } {
  const files = take(path);
  return { files, control: files.listen(status(0), (text) => said.push(text)), said };
}

/** The message `act` fails with. */
function says(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof Unable) return error.message;
    throw error;
  }
  return "";
}

const bytes = (path: string): Uint8Array => new Uint8Array(readFileSync(join(path, "supervise/status")));

/** Which file a name in supervise/ stands for. */
const fileOf = (path: string, name: string): number => statSync(join(path, "supervise", name)).ino;

/** Opens for writing as a client does. @returns the error number; 0 if it can be opened */
function knock(path: string): number {
  try {
    close(openat(AT_FDCWD, path, O_WRONLY | O_NONBLOCK));
    return 0;
  } catch (error) {
    if (error instanceof ErrnoError) return error.errno;
    throw error;
  }
}

describe("a directory that is taken", () => {
  test("has what the C program makes, with its modes, and is not open for a program that is started", () => {
    const path = service();
    const { files } = supervise(path);
    const modes = readdirSync(join(path, "supervise")).map((name) => {
      const { mode } = statSync(join(path, "supervise", name));
      return `${name} ${(mode & 0o7777).toString(8)}`;
    });
    const umask = process.umask();
    const masked = (mode: number) => (mode & ~umask).toString(8);
    expect(modes.sort()).toEqual([
      `control ${masked(0o600)}`,
      `lock ${masked(0o600)}`,
      `ok ${masked(0o600)}`,
      `status ${masked(0o644)}`,
    ]);
    expect((statSync(join(path, "supervise")).mode & 0o777).toString(8)).toBe(masked(0o700));
    for (const file of files.held) expect(closeOnExec(file)).toBe(true);
  });

  test("has no supervisor before listen, and one after", () => {
    const path = service();
    const files = take(path);
    expect(knock(join(path, "supervise/ok"))).toBe(2);
    files.listen(status(0), () => {});
    expect(knock(join(path, "supervise/ok"))).toBe(0);
    expect(knock(join(path, "supervise/control"))).toBe(0);
    files.close();
    expect(knock(join(path, "supervise/ok"))).toBe(ENXIO);
    expect(knock(join(path, "supervise/control"))).toBe(ENXIO);
  });

  test("has one fifo of two names, whose reader is one descriptor", () => {
    const path = service();
    const { files, control } = supervise(path);
    expect(fileOf(path, "ok")).toBe(fileOf(path, "control"));
    expect(files.held).toHaveLength(3);
    files.close();
    // The next supervisor finds it so, and has written its status before a client is told that it is there.
    const order: number[] = [];
    const next = take(path);
    const { write } = next;
    next.write = (status) => {
      order.push(knock(join(path, "supervise/ok")));
      write.call(next, status);
    };
    expect(next.listen(status(7), () => {})).toBe(control);
    expect(order).toEqual([ENXIO]);
    expect(knock(join(path, "supervise/ok"))).toBe(0);
    expect(next.held).toHaveLength(3);
  });

  test("stays taken without a descriptor for its lock, until it is let go", () => {
    const path = service();
    const { files } = supervise(path);
    const before = files.held.length;
    expect(files.spare()).toBe(true);
    expect(files.spare()).toBe(false);
    expect(files.held).toHaveLength(before - 1);
    expect(says(() => take(path))).toBe("unable to acquire s/supervise/lock: temporary failure");
    files.close();
    take(path);
  });

  test("does without its own descriptor, and finds itself again under another name", () => {
    const path = service();
    const { files } = supervise(path);
    const before = files.held.length;
    expect(files.lend()).toBe(true);
    expect(files.lend()).toBe(false);
    expect(files.held).toHaveLength(before - 1);
    renameSync(path, `${path}.old`);
    mkdirSync(join(path, "supervise"), { recursive: true });
    files.write(status(8));
    expect(bytes(`${path}.old`)).toEqual(encodeStatus(status(8)));
    expect(readdirSync(join(path, "supervise"))).toEqual([]);
    expect(files.held).toHaveLength(before);
  });

  test("is not found again once it is removed, whatever has its name", () => {
    const path = service();
    const { files } = supervise(path);
    files.lend();
    rmSync(path, { recursive: true });
    mkdirSync(join(path, "supervise"), { recursive: true });
    expect(says(() => files.write(status(8)))).toBe("unable to chdir to s: file does not exist");
    expect(readdirSync(join(path, "supervise"))).toEqual([]);
  });

  test.each([
    ["supervise is elsewhere", (path: string) => symlinkSync(`${path}.elsewhere`, join(path, "supervise"))],
    [
      "supervise is another service's",
      (path: string) => {
        mkdirSync(`${path}.other/supervise`, { recursive: true });
        symlinkSync(`${path}.other/supervise`, join(path, "supervise"));
      },
    ],
  ])("keeps its descriptor where no name would lead to it: %s", (_, prepare) => {
    const path = service(prepare);
    const { files } = supervise(path);
    expect(files.lend()).toBe(false);
    files.write(status(8));
    expect(bytes(path)).toEqual(encodeStatus(status(8)));
  });

  test("keeps its descriptor where its fifo is gone", () => {
    const path = service();
    const { files } = supervise(path);
    rmSync(join(path, "supervise/control"));
    expect(files.lend()).toBe(false);
    files.write(status(8));
  });

  test("cannot be taken again before it is let go", () => {
    const path = service();
    const first = take(path);
    expect(says(() => take(path, "DIR"))).toBe("unable to acquire DIR/supervise/lock: temporary failure");
    first.close();
    take(path);
  });

  test("stays ours when it is renamed, and what has its name now is another", () => {
    const path = service();
    const { files } = supervise(path);
    renameSync(path, `${path}.old`);
    mkdirSync(path);
    files.write(status(7));
    expect(bytes(`${path}.old`)).toEqual(encodeStatus(status(7)));
    expect(existsSync(join(path, "supervise"))).toBe(false);
    take(path);
  });

  test("is wanted up unless there is anything called down", () => {
    expect(take(service()).normallyUp).toBe(true);
    expect(take(service((path) => writeFileSync(join(path, "down"), ""))).normallyUp).toBe(false);
    expect(take(service((path) => mkdirSync(join(path, "down")))).normallyUp).toBe(false);
    expect(take(service((path) => symlinkSync("nowhere", join(path, "down")))).normallyUp).toBe(true);
  });

  test("letters that wait in the fifo are read, none is an end", () => {
    const path = service();
    const { control } = supervise(path);
    expect(readControl(control).length).toBe(0);
    const client = openat(AT_FDCWD, join(path, "supervise/control"), O_WRONLY | O_NONBLOCK);
    write(client, "dx\n\xff");
    close(client);
    expect([...readControl(control)]).toEqual([0x64, 0x78, 0x0a, 0xff]);
    expect(readControl(control).length).toBe(0);
  });

  test("4096 commands may wait in the fifo, each written by itself, and one more is refused", () => {
    const path = service();
    const { control } = supervise(path);
    const client = openat(AT_FDCWD, join(path, "supervise/control"), O_WRONLY | O_NONBLOCK);
    for (let i = 0; i < 4096; i++) write(client, "t");
    expect(() => write(client, "t")).toThrow(expect.objectContaining({ errno: EAGAIN }));
    expect(readControl(control).length).toBe(4096);
    write(client, "d");
    close(client);
    expect([...readControl(control)]).toEqual([0x64]);
  });
});

describe("a directory that cannot be taken says what the C program says", () => {
  const acquire = "unable to acquire s/supervise/lock: ";
  test.each([
    ["missing", () => join(place, "nosuch"), "unable to chdir to s: file does not exist"],
    ["the empty name", () => "", "unable to chdir to s: file does not exist"],
    [
      "a file",
      () =>
        join(
          service((path) => writeFileSync(join(path, "file"), "")),
          "file",
        ),
      "unable to chdir to s: not a directory",
    ],
    [
      "down is a link to itself",
      () => service((path) => symlinkSync("down", join(path, "down"))),
      "unable to stat s/down: symbolic link loop",
    ],
    [
      "supervise is a file",
      () => service((path) => writeFileSync(join(path, "supervise"), "")),
      `${acquire}not a directory`,
    ],
    [
      "supervise is a link to itself",
      () => service((path) => symlinkSync("supervise", join(path, "supervise"))),
      `${acquire}symbolic link loop`,
    ],
    [
      "lock is a directory",
      () => service((path) => mkdirSync(join(path, "supervise/lock"), { recursive: true })),
      `${acquire}is a directory`,
    ],
  ])("%s", (_, path, message) => {
    const before = readdirSync("/proc/self/fd").length;
    expect(says(() => take(path()))).toBe(message);
    expect(readdirSync("/proc/self/fd").length).toBe(before);
  });

  test("control is a directory: the lock stays, and it may be tried again", () => {
    const path = service((at) => mkdirSync(join(at, "supervise/control"), { recursive: true }));
    const files = take(path);
    expect(says(() => files.listen(status(0), () => {}))).toBe(
      "unable to write s/supervise/control: is a directory",
    );
    rmSync(join(path, "supervise/control"), { recursive: true });
    files.listen(status(0), () => {});
    expect(knock(join(path, "supervise/ok"))).toBe(0);
  });

  test("supervise is a dangling link: the directory it names is made, as in Debian's build", () => {
    const path = service((at) => symlinkSync("../elsewhere", join(at, "supervise")));
    supervise(path);
    expect(existsSync(join(place, "elsewhere/status"))).toBe(true);
  });
});

describe("fifos that are something else", () => {
  test("files make way, and what was in them is no command", () => {
    const path = service((at) => {
      mkdirSync(join(at, "supervise"));
      writeFileSync(join(at, "supervise/control"), "x");
      writeFileSync(join(at, "supervise/ok"), "");
    });
    const { control } = supervise(path);
    expect(readControl(control).length).toBe(0);
    expect(statSync(join(path, "supervise/control")).isFIFO()).toBe(true);
    expect(statSync(join(path, "supervise/ok")).isFIFO()).toBe(true);
  });

  test("an ok that is a fifo of its own, as the C program makes it, becomes the control fifo", () => {
    const path = service((at) => {
      mkdirSync(join(at, "supervise"));
      for (const name of ["control", "ok"]) mkfifoat(AT_FDCWD, join(at, "supervise", name), 0o600);
      writeFileSync(join(at, "supervise/ok.new"), "left by one that was killed");
    });
    const control = fileOf(path, "control");
    const { files } = supervise(path);
    expect([fileOf(path, "ok"), fileOf(path, "control")]).toEqual([control, control]);
    expect(files.held).toHaveLength(3);
    expect(readdirSync(join(path, "supervise")).sort()).toEqual(["control", "lock", "ok", "status"]);
  });

  test("an ok that is a link to a fifo elsewhere stays, and has a reader of its own", () => {
    const path = service((at) => {
      mkdirSync(join(at, "supervise"));
      mkfifoat(AT_FDCWD, join(at, "elsewhere"), 0o600);
      symlinkSync("../elsewhere", join(at, "supervise/ok"));
    });
    const { files } = supervise(path);
    expect(knock(join(path, "elsewhere"))).toBe(0);
    expect(files.held).toHaveLength(4);
  });

  test("a fifo that is there is kept", () => {
    const path = service((at) => {
      mkdirSync(join(at, "supervise"));
      mkfifoat(AT_FDCWD, join(at, "supervise/control"), 0o644);
    });
    const { ino } = statSync(join(path, "supervise/control"));
    supervise(path);
    expect(statSync(join(path, "supervise/control")).ino).toBe(ino);
  });
});

describe("status", () => {
  test("is written whole each time, whatever was there", () => {
    const path = service((at) => {
      mkdirSync(join(at, "supervise"));
      writeFileSync(join(at, "supervise/status"), "short");
      writeFileSync(join(at, "supervise/status.new"), "x".repeat(100));
    });
    const { files } = supervise(path);
    for (let pid = 0; pid < 20; pid++) {
      files.write(status(pid, { paused: pid % 2 === 1 }));
      expect(bytes(path)).toEqual(encodeStatus(status(pid, { paused: pid % 2 === 1 })));
    }
  });

  test("is there at every moment, and never anything but 18 bytes", async () => {
    const path = service();
    const { files } = supervise(path);
    const reader = Bun.spawn(
      [
        "/bin/sh",
        "-c",
        'i=0; while [ $i -lt 300 ]; do wc -c <"$1" || exit 1; i=$((i+1)); done',
        "sh",
        join(path, "supervise/status"),
      ],
      { stdout: "pipe", stderr: "ignore" },
    );
    let done = false;
    const code = reader.exited.then((value) => {
      done = true;
      return value;
    });
    for (let pid = 1; !done; pid++) {
      files.write(status(pid));
      if (pid % 50 === 0) await Bun.sleep(0);
    }
    expect(await code).toBe(0);
    expect(new Set((await new Response(reader.stdout).text()).trim().split("\n"))).toEqual(new Set(["18"]));
  });

  test("unchanged, is not written again", () => {
    const path = service();
    const { files } = supervise(path);
    files.write(status(5));
    const { ino, mtimeNs } = statSync(join(path, "supervise/status"), { bigint: true });
    files.write(status(5));
    expect(statSync(join(path, "supervise/status"), { bigint: true })).toMatchObject({ ino, mtimeNs });
  });

  test.each([
    ["a link", (file: string) => symlinkSync(join(place, "victim"), file)],
    ["a second name of a file", (file: string) => linkSync(join(place, "victim"), file)],
    ["a fifo", (file: string) => mkfifoat(AT_FDCWD, file, 0o600)],
  ])("%s in the place of status.new makes way, and what it led to is untouched", (_, plant) => {
    writeFileSync(join(place, "victim"), "precious");
    const path = service();
    const { files } = supervise(path);
    files.write(status(1));
    rmSync(join(path, "supervise/status.new"), { force: true });
    plant(join(path, "supervise/status.new"));
    files.write(status(2));
    expect(bytes(path)).toEqual(encodeStatus(status(2)));
    files.write(status(3));
    expect(bytes(path)).toEqual(encodeStatus(status(3)));
    expect(readFileSync(join(place, "victim"), "latin1")).toBe("precious");
  });

  test("a directory in the place of status.new is said, and the old status stays until it is gone", () => {
    const path = service();
    const { files } = supervise(path);
    files.write(status(1));
    rmSync(join(path, "supervise/status.new"), { force: true });
    mkdirSync(join(path, "supervise/status.new"));
    expect(says(() => files.write(status(2)))).toBe("unable to open s/supervise/status.new: is a directory");
    expect(bytes(path)).toEqual(encodeStatus(status(1)));
    rmSync(join(path, "supervise/status.new"), { recursive: true });
    files.write(status(2));
    expect(bytes(path)).toEqual(encodeStatus(status(2)));
  });

  test("a directory in the place of status is said, as C says it", () => {
    const path = service((at) => mkdirSync(join(at, "supervise/status"), { recursive: true }));
    const { files, said } = supervise(path);
    expect(said).toEqual(["unable to rename s/supervise/status.new to status: is a directory"]);
    expect(statSync(join(path, "supervise/status")).isDirectory()).toBe(true);
    rmSync(join(path, "supervise/status"), { recursive: true });
    files.write(status(2));
    expect(bytes(path)).toEqual(encodeStatus(status(2)));
  });

  test("a status that was removed is there again after the next change", () => {
    const path = service();
    const { files } = supervise(path);
    files.write(status(1));
    rmSync(join(path, "supervise/status"));
    files.write(status(2));
    expect(bytes(path)).toEqual(encodeStatus(status(2)));
  });

  test("readStatus gives what is there, at most 18 bytes, and nothing where there is nothing to read", () => {
    const path = service();
    const { files } = supervise(path);
    expect(files.readStatus()).toEqual(encodeStatus(status(0)));
    writeFileSync(join(path, "supervise/status"), "x".repeat(100));
    expect(files.readStatus().length).toBe(18);
    rmSync(join(path, "supervise/status"));
    expect(files.readStatus().length).toBe(0);
  });

  test("the directory may be gone: it is said, and nothing else happens", () => {
    const path = service();
    const { files } = supervise(path);
    rmSync(path, { recursive: true });
    expect(says(() => files.write(status(9)))).toBe(
      "unable to open s/supervise/status.new: file does not exist",
    );
  });
});

test("a lock that another holds is the error of a lock, whatever opens it", () => {
  const path = service();
  take(path);
  const again = openat(AT_FDCWD, join(path, "supervise/lock"), O_RDONLY);
  close(again);
  try {
    take(path);
    expect.unreachable();
  } catch (error) {
    expect((error as Unable).errno).toBe(EAGAIN);
  }
  chmodSync(path, 0o755);
});
