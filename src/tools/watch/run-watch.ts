/** The command: options in, exit code out. */
import {
  type CommandIo,
  EXIT,
  findAdminLogin,
  printable,
  UnreachableError,
  UsageError,
} from '../client/index.js';
import { parseOptions } from './options.js';
import { USAGE } from './usage.js';
import { watch } from './watch-session.js';

/**
 * @param argv without the command's own name
 * @returns 0 after `--seconds`, 1 the stream was refused, 2 wrong use, 69 no service there, 130 interrupted
 */
export async function runWatch(argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    const options = parseOptions(argv);
    if (options === 'help') {
      io.stdout.write(USAGE);
      return 0;
    }
    return await watch(options, await findAdminLogin(options, io.env), io);
  } catch (error) {
    return explain(error, io);
  }
}

function explain(error: unknown, io: CommandIo): number {
  if (error instanceof UsageError) {
    io.stderr.write(`${printable(error.message)} (--help tells more)\n`);
    return EXIT.usage;
  }
  if (error instanceof UnreachableError) {
    io.stderr.write(`${error.message}\nno service there: start one with  npm start\n`);
    return EXIT.unavailable;
  }
  io.stderr.write(`${printable(error instanceof Error ? error.message : String(error))}\n`);
  return io.signal.aborted ? EXIT.interrupted : EXIT.failed;
}
