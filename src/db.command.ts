import { join, resolve } from 'node:path';
import { type DefineCommand, EXIT_CODES, exitCodesHelp, numberArgument } from './core/commands/index.js';

interface DbOptions {
  readonly directory?: string;
  readonly port: number;
}

/**
 * `samserver db`. It uses the embedded database directly and needs no application context: it is the server that the
 * other commands connect to.
 */
export const dbCommand: DefineCommand = (command, io, setExitCode) => {
  command
    .description(
      'Runs the embedded evaluation database without the service, on 127.0.0.1, until SIGINT or SIGTERM. ' +
        'Prints the MONGODB_URL for the service and the other commands.',
    )
    .option('--directory <dir>', 'data directory (default: $DATA_DIR/db, or data/db)')
    .option('--port <port>', 'TCP port; 0 selects a free port', numberArgument(0, 65_535), 27_018)
    .addHelpText(
      'after',
      exitCodesHelp({
        OK: 'stopped by a signal',
        FAILURE: 'the start failed, e.g. another process serves the directory',
        USAGE: 'wrong usage',
        IO: 'the storage engine failed',
      }),
    )
    .action(async ({ directory, port }: DbOptions) => {
      const path = resolve(directory ?? join(io.env['DATA_DIR'] ?? 'data', 'db'));
      const { serveEmbeddedMongo } = await import('./embedded-mongo/index.js');
      const printLine = (line: string): void => void io.stdout.write(`${line}\n`);
      const served = await serveEmbeddedMongo({ directory: path, port, onLog: printLine });
      // Programs read the URL from this line.
      printLine(`Evaluation database in ${path}: MONGODB_URL=${served.uri}samserver?retryWrites=false`);
      const interrupted = new Promise<void>((settle) => {
        if (io.signal.aborted) settle();
        io.signal.addEventListener('abort', () => settle());
      });
      const hasFailed = await Promise.race([interrupted.then(() => false), served.failed.then(() => true)]);
      await served.stop();
      setExitCode(hasFailed ? EXIT_CODES.IO : EXIT_CODES.OK);
    });
};
