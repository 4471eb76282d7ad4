// Not part of `core/index.ts`: that one loads Nest, and `samserver --help`, `replay`, `watch` and `db` work without it.
export { CommandError, InterruptedError, UnavailableError, UsageError } from './command.errors.js';
export type { CommandIo, Output } from './command-io.js';
export {
  type CommandEntry,
  type CommandResult,
  type DefineCommand,
  printResult,
  runCommandLine,
} from './command-line.js';
export { exitCodesHelp, numberArgument, originArgument, secondsArgument } from './arguments.js';
export { EXIT_CODES, type ExitCode } from './exit-codes.js';
export { printable } from './printable.js';
export { ProgressDisplay } from './progress-display.js';
