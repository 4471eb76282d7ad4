import { EXIT_CODES, type ExitCode } from './exit-codes.js';

/** Ends a command with an exit code. The message is printed on stderr; an empty message prints nothing. */
export class CommandError extends Error {
  constructor(
    message: string,
    readonly exitCode: ExitCode,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The arguments, the options or an input file are wrong. */
export class UsageError extends CommandError {
  constructor(message: string) {
    super(message, EXIT_CODES.USAGE);
  }
}

/** A directory, the database or the service is missing. */
export class UnavailableError extends CommandError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, EXIT_CODES.UNAVAILABLE, options);
  }
}

/** SIGINT or SIGTERM ended the command before its work was done. */
export class InterruptedError extends CommandError {
  constructor(message = '') {
    super(message, EXIT_CODES.INTERRUPTED);
  }
}
