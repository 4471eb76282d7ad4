/** Exit codes of the toolkit; from 64 on those of `sysexits.h`, 130 as shells have it. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 64,
  unavailable: 69,
  /** Somebody else held the lock for the whole time of waiting. */
  busy: 75,
  settings: 78,
  interrupted: 130,
} as const;

/** Wrong use, in one line. */
export class UsageError extends Error {}

/** What the command needs is not there: a directory, the database. */
export class UnavailableError extends Error {}
