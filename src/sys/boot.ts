// The first module of the executable: blocks the signals that any program of the suite takes as events, before the runtime
// has started a thread that would have them unblocked, and take them (Bun 1.4.5 starts its first a millisecond later). A
// program that wants none of them puts `inheritedMask` back.
import { block, type Signal, type SignalSet, signalSet } from "./signals.ts";

/** The signals that a program may take as events. */
export const EVENT_SIGNALS = [
  "SIGCHLD",
  "SIGTERM",
  "SIGINT",
  "SIGHUP",
  "SIGQUIT",
  "SIGALRM",
  "SIGUSR1",
  "SIGUSR2",
] as const satisfies readonly Signal[];
export type EventSignal = (typeof EVENT_SIGNALS)[number];

/** What was blocked when this process began: what a program that is started gets. */
export const inheritedMask: SignalSet = block(signalSet(EVENT_SIGNALS));
