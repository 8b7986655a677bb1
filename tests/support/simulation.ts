// Very many services in virtual time: each one a world of its own with the state machine of engine/supervise.ts, all of them
// with one heap of deadlines, as in a supervisor. They die, are told things, and now and then there are no processes to be
// had. Every step of every one is checked.
import { deadlineOf } from "../../src/engine/service-state.ts";
import { Deadlines } from "../../src/runtime/deadlines.ts";
import { type Instant, instant } from "../../src/units/units.ts";
import { type Child, World } from "./service-world.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** How often a service dies and is told something, in a day. */
const DEATHS_A_DAY = 12;
const COMMANDS_A_DAY = 24;
/** One service of so many dies within 20 ms of every start; another one ignores TERM; another begins with a down file. */
const ONE_UNRULY = 5000;
const ONE_DEAF = 50;
const ONE_DOWN = 10;
/** One in so many has a finish, and one in so many is to be killed a while after TERM. */
const ONE_FINISH = 20;
const ONE_DEADLY = 20;
/** One in so many is started less often the worse it fares, and one in so many stands in the queue of the scan then. */
const ONE_LIMITED = 20;
const ONE_QUEUED = 20;
/** A storm, in which a tenth of all services dies at once and no process can be started for a while, comes so often. */
const FIRST_STORM = HOUR / 2;
const STORMS_EVERY = 8 * HOUR;
const STORM = 3 * MINUTE;
/** After the end of a supervisor svscan begins another one. */
const SCAN = 5 * SECOND;
/** The kernel tells of a death, and a due deadline is taken, a little later, in milliseconds at most. */
const LATE = 2;
/** A finish takes no longer, with being killed. */
const LONGEST_FINISH = 6 * SECOND;
const NEVER = Number.POSITIVE_INFINITY;

const LETTERS = "uuuuddddooppcchaittk";

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Happening = (at: Instant) => void;

export class Simulation {
  readonly services: Service[];
  readonly heap = new Deadlines<Happening>();
  readonly chance: () => number;
  /** Until when no process can be started. */
  stormUntil = 0;
  /** Nothing more is asked for, and everything that is to start does. */
  calm = false;
  /** Steps of services whose supervisor has left, and how many those were. */
  private stepsBefore = 0;
  private startsBefore = 0;
  left = 0;
  private ms = 0;

  /** @param count services, all begun at 0 */
  constructor(
    count: number,
    private readonly seed = 1,
  ) {
    this.chance = random(this.seed);
    this.services = Array.from({ length: count }, (_, number) => new Service(this, number));
    for (const service of this.services) service.begin();
    this.at(FIRST_STORM, (at) => this.storm(at));
    this.at(this.between(COMMANDS_A_DAY * count), (at) => this.command(at));
  }

  /** `what` happens at `ms`. @returns what takes it back */
  at(ms: number, what: Happening): () => void {
    return this.heap.add(instant(ms), what);
  }

  /** Milliseconds to the next of things that happen `often` times a day, at random. */
  between(often: number): number {
    return (-Math.log(1 - this.chance()) * DAY) / often;
  }

  /** Lets `ms` milliseconds pass. */
  pass(ms: number): void {
    const end = this.ms + ms;
    for (let next = this.heap.next; next !== undefined && next <= end; next = this.heap.next) {
      this.ms = next;
      this.heap.take(next)?.(next);
    }
    this.ms = end;
  }

  /** Events that the state machines have taken, and processes they have started. */
  get steps(): number {
    return this.services.reduce((sum, { steps }) => sum + steps, this.stepsBefore);
  }
  get starts(): number {
    return this.services.reduce((sum, { starts }) => sum + starts, this.startsBefore);
  }

  /** Ends it well: whatever is wanted up comes up. @throws {Error} if something does not */
  settle(): void {
    this.calm = true;
    this.stormUntil = 0;
    this.pass(2 * MINUTE);
    const isLate = ({ state, left }: Service): boolean =>
      state.want === "up" && !left && state.at !== "up" && (deadlineOf(state) ?? NEVER) > this.ms + SECOND;
    // One that has just died may be in its finish.
    let late = this.services.filter(isLate);
    for (let end = this.ms + LONGEST_FINISH; this.ms < end && late.length > 0; late = late.filter(isLate))
      this.pass(SECOND);
    const [one] = late;
    if (one !== undefined) throw new Error(`wanted up, and ${one.state.at}`);
  }

  private command(at: Instant): void {
    if (this.calm) return;
    const service = this.services[Math.floor(this.chance() * this.services.length)] as Service;
    const letter = LETTERS[Math.floor(this.chance() * LETTERS.length)] as string;
    // What was stopped or taken down does not stay so: it would be a quiet day in the end.
    if (letter === "p") this.at(at + this.chance() * HOUR, (later) => service.told("c", later));
    if (letter === "d" || letter === "o")
      this.at(at + this.chance() * HOUR, (later) => service.told("u", later));
    service.told(this.chance() < 0.01 ? "x" : letter, at);
    this.at(at + this.between(COMMANDS_A_DAY * this.services.length), (next) => this.command(next));
  }

  private storm(at: Instant): void {
    if (this.calm) return;
    this.stormUntil = at + STORM;
    for (const service of this.services) if (this.chance() < 0.1) service.dies(at);
    this.at(at + STORMS_EVERY, (next) => this.storm(next));
  }

  /** The supervisor of number `number` has left: svscan begins another one. */
  replace(number: number, { steps, starts }: Service, at: Instant): void {
    this.left++;
    this.stepsBefore += steps;
    this.startsBefore += starts;
    const next = new Service(this, number, at);
    this.services[number] = next;
    next.begin();
  }
}

class Service extends World {
  private readonly unruly: boolean;
  private takeBack: (() => void) | undefined;

  constructor(
    private readonly all: Simulation,
    private readonly number: number,
    at = 0,
  ) {
    super(number % ONE_DOWN === 1 && at === 0, at);
    this.unruly = number % ONE_UNRULY === 2;
    this.deaf = number % ONE_DEAF === 3;
    if (number % ONE_FINISH === 4) this.directory = "finish";
    if (number % ONE_DEADLY === 3) this.directory = "deadly";
    if (number % ONE_LIMITED === 5) this.directory = "limited";
    if (number % ONE_QUEUED === 6) this.directory = "queued backoff";
  }

  told(letter: string, at: Instant): void {
    if (this.left) return;
    this.comes(at);
    this.letters(letter);
    this.leave(at);
  }

  dies(at: Instant): void {
    this.comes(at);
    this.end();
  }

  private leave(at: Instant): void {
    if (this.left)
      this.all.at(at + this.all.chance() * SCAN, (later) => this.all.replace(this.number, this, later));
  }

  /** It is `ms` now for the service, unless something came to it late and it is later already. */
  private comes(ms: number): void {
    const { all } = this;
    this.ms = Math.max(this.ms, ms);
    this.jitter = all.chance();
    // `run` is missing now and then too.
    this.health = this.ms >= all.stormUntil ? "starts" : this.jitter < 0.2 ? "no-program" : "no-process";
  }

  protected override wakeAt(at: Instant | undefined): void {
    if (at === this.wake && this.takeBack !== undefined) return;
    super.wakeAt(at);
    this.takeBack?.();
    this.takeBack = undefined;
    if (at === undefined) return;
    this.takeBack = this.all.at(at, () => {
      this.takeBack = undefined;
      if (this.left) return;
      this.comes(at + this.all.chance() * LATE);
      this.timer();
    });
  }

  protected override started(child: Child): void {
    const { all } = this;
    const life = this.unruly ? all.chance() * 20 : all.between(DEATHS_A_DAY);
    all.at(this.ms + life, (at) => {
      if (this.child === child) this.dies(at);
    });
  }

  protected override finishStarted(): void {
    const { all } = this;
    // Now and then it takes longer than it may.
    all.at(this.ms + all.chance() * 5200, (at) => {
      this.comes(at);
      this.endFinish();
      this.leave(at);
    });
  }

  protected override ends(child: Child): void {
    super.ends(child);
    this.all.at(this.ms + this.all.chance() * LATE, (at) => {
      this.comes(at);
      this.reap();
      this.leave(at);
    });
  }
}
