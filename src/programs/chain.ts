// Chain loading: a tool does its part, then becomes the program named by the words left over. Tools that follow each other
// do their parts in this one process, and execve is called once, at the end: what any of them, or the program, can see is
// what it would see of a process for each. reference: README section 1
import { type Edit, edit, edited, valueIn } from "../formats/environment.ts";
import { pathCandidates, search } from "../formats/path-search.ts";
import { inheritedMask } from "../sys/boot.ts";
import { type Environment, environment, environmentOf, getenv, variables } from "../sys/environment.ts";
import { EACCES, EAGAIN, ENOMEM, ErrnoError, errnoOf } from "../sys/errno.ts";
import { AT_FDCWD, executable, statat } from "../sys/files.ts";
import { restoreInherited } from "../sys/inherited.ts";
import { getrlimit, HeldLimits, type Resource, setrlimit } from "../sys/limits.ts";
import { Arguments, type FileAction, Spawner } from "../sys/process.ts";
import { type ByteString, type Errno, errno, type Pid } from "../units/units.ts";
import { Program } from "./program.ts";

/** What is run next: a program, and the words for it. */
export type Command = readonly [program: ByteString, ...args: ByteString[]];

/** A tool: does its part, and says what is run then. */
export type Link = (program: Program, chain: Chain) => Command;

/** The tool called `name`, if there is one. */
export type LinkOf = (name: ByteString) => Link | undefined;

/** What the runtime cannot live under, or not long; every other limit acts from its tool's turn on. */
const HELD: readonly Resource[] = ["AS", "DATA", "STACK", "NPROC", "CPU"];

/** The option of softlimit for each that a process which is to be started cannot be given at once. */
const LETTERS: { readonly [resource in Resource]?: string } = { AS: "a", DATA: "d", STACK: "s" };

/**
 * What the runtime compiles is what has run so many times as often as it asks for itself. From the third or fourth tool on that
 * would be a function of two lines, in a thread or two that cost 0.6 ms.
 */
const NEVER = 100;

/** Runs `link`, and whatever it leads to. */
export function runChain(program: Program, link: Link, linkOf: LinkOf): never {
  Bun.unsafe.setJITPolicy(NEVER);
  restoreInherited();
  const chain = new Chain(linkOf);
  for (let at = { program, link }; ; ) at = chain.follow(at.program, at.link(at.program, chain));
}

/** What the tools of one chain have done that does not show in this process yet. */
export class Chain {
  /** The environment that the tool at hand was given; undefined while it is this process's own. */
  private given: readonly ByteString[] | undefined;
  /** What the tool at hand changes of it: for the next program, not for the search for it. */
  private edits: Edit[] = [];
  private readonly limits = new HeldLimits();
  /** The tool at hand can run nothing. execve(2), EAGAIN */
  private tooManyProcesses = false;

  constructor(private readonly linkOf: LinkOf) {}

  /** Sets a variable for the next program, or removes it. */
  setenv(name: ByteString, value: ByteString | undefined): void {
    this.edits.push(edit(name, value));
  }

  /** Makes `soft`, or the hard limit where that is less, the soft limit of the next program. @throws {ErrnoError} */
  limit(resource: Resource, soft: bigint): void {
    const { hard } = getrlimit(resource);
    const lowered = soft < hard ? soft : hard;
    if (HELD.includes(resource)) this.limits.hold(resource, lowered);
    else setrlimit(resource, { soft: lowered, hard });
  }

  /**
   * Changes the user by `act`, under the limit of processes that was set so far. If the new user has too many, the next
   * execve is to fail with EAGAIN: it is asked for at once, since the kernel forgets when the runtime starts a thread.
   */
  changeUser(act: () => void): void {
    const becomeNothing = new Arguments([]).becoming(NO_FILE, environment());
    this.limits.under(() => {
      act();
      this.tooManyProcesses = becomeNothing() === EAGAIN;
    }, ["NPROC"]);
  }

  /** Becomes the program of `command`, or returns it where it is a tool of ours, to be run here. */
  follow(program: Program, command: Command): { readonly program: Program; readonly link: Link } {
    const [name, ...args] = command;
    if (this.tooManyProcesses) unableToRun(program, name, EAGAIN);
    const tool = name.slice(name.lastIndexOf("/") + 1);
    const link = this.linkOf(tool);
    const path = this.path();
    this.applyEdits();
    let become: ((file: ByteString) => Errno) | undefined;
    const failure = search(pathCandidates(name, path), (file) => {
      if (link !== undefined && isThisExecutable(file)) {
        return executable(AT_FDCWD, file) ? undefined : EACCES;
      }
      become ??= this.becoming(command);
      return become(file);
    });
    if (failure !== undefined || link === undefined) return unableToRun(program, name, failure);
    return { program: new Program(tool, args, tool), link };
  }

  /**
   * Starts the program of `command` in a new process; fatal if that fails. Limits are set in between by a softlimit of its
   * own: posix_spawn(3) does not set them, and cannot work under those of memory.
   */
  spawn(program: Program, command: Command, actions: readonly FileAction[]): Pid {
    const [name] = command;
    const path = this.path();
    const words = this.limits.entries().flatMap(([resource, soft]) => {
      const letter = LETTERS[resource];
      return letter === undefined ? [] : [`-${letter}${soft}`];
    });
    const argv = words.length === 0 ? command : ["softlimit", ...words, ...command];
    const files = words.length === 0 ? pathCandidates(name, path) : [OWN];
    const spawner = new Spawner({ mask: inheritedMask, defaults: 0n }, this.environment());
    let child: Pid | undefined;
    const start = (file: ByteString): Errno | undefined => {
      try {
        child = spawner.spawn(file, argv, actions);
        return undefined;
      } catch (error) {
        return errnoOf(error);
      }
    };
    // Where there may be no process more, there can be no thread either, and the runtime, which wants one now and then for what
    // it runs for the first time, ends: so that this is not the first time.
    if (this.limits.entries().length > 0) start(NO_FILE);
    const failure = search(files, (file) => this.limits.under(() => start(file), ["NPROC", "CPU"]));
    if (child !== undefined) return child;
    if (failure === EAGAIN || failure === ENOMEM)
      return program.fatal("unable to fork", new ErrnoError(errno(failure), "posix_spawn"));
    return unableToRun(program, name, failure);
  }

  /** PATH, as the tool at hand was given it. */
  private path(): ByteString | undefined {
    return this.given === undefined ? getenv("PATH") : valueIn(this.given, "PATH");
  }

  private applyEdits(): void {
    if (this.edits.length === 0) return;
    this.given = edited(this.given ?? variables(environment()), this.edits);
    this.edits = [];
  }

  private becoming(command: Command): (file: ByteString) => Errno {
    const args = new Arguments(command);
    const env = this.environment();
    return (file) => this.limits.under(args.becoming(file, env));
  }

  private environment(): Environment {
    return this.given === undefined ? environment() : environmentOf(this.given);
  }
}

function unableToRun(program: Program, name: ByteString, code = 0): never {
  return program.fatal(`unable to run ${name}`, new ErrnoError(errno(code), "execve", name));
}

const OWN = "/proc/self/exe";
const NO_FILE = "/dev/null/none";

/** What this process runs; undefined where that cannot be told, or running it would change the ids. */
let own: { readonly identity: ByteString | undefined } | undefined;

function isThisExecutable(file: ByteString): boolean {
  own ??= { identity: identify(OWN) };
  return own.identity !== undefined && identify(file) === own.identity;
}

const SET_IDS = 0o6000;

function identify(file: ByteString): ByteString | undefined {
  try {
    const { identity, permissions } = statat(AT_FDCWD, file);
    return (permissions & SET_IDS) === 0 ? identity : undefined;
  } catch (error) {
    // Running it will say what is wrong.
    errnoOf(error);
    return undefined;
  }
}
