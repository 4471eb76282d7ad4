/**
 * Exit codes of the service and of every `samserver` command. 64–78 are those of `sysexits.h`; 130 is what a shell
 * reports for SIGINT (128 + 2).
 */
export const EXIT_CODES = {
  OK: 0,
  /** The work was done, and its result is negative: a check failed, a comparison found a difference. */
  FAILURE: 1,
  /** Wrong arguments or options. */
  USAGE: 64,
  /** A resource is missing: the database, the service, a directory, a port. */
  UNAVAILABLE: 69,
  /** An unexpected error. */
  SOFTWARE: 70,
  /** Reading or writing a file failed. */
  IO: 74,
  /** Another process holds the lock; the same command can succeed later. */
  TEMPORARY_FAILURE: 75,
  /** The work needs another user, mostly root; the output has the commands. */
  NO_PERMISSION: 77,
  /** Wrong settings. */
  CONFIG: 78,
  INTERRUPTED: 130,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];
