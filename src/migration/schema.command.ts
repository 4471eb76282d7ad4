import type { CommandIo } from '../tools/client/index.js';
import { deploymentRecords } from '../deployment/index.js';
import { EXIT, runCommand, UsageError } from './command-runner.js';
import { schemaContract } from './schema-contract.js';
import { parseSchemaOptions, SCHEMA_USAGE } from './schema-options.js';
import { schemaStatus } from './schema-status.js';
import { schemaUp } from './schema-up.js';

/** `samserver schema …`. @returns the exit code; SCHEMA_USAGE lists them */
export async function runSchema(argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    const options = parseSchemaOptions(argv);
    if (options === 'help') {
      io.stdout.write(SCHEMA_USAGE);
      return EXIT.done;
    }
    return await runCommand(io, options.isJson, (context) => {
      switch (options.action) {
        case 'up':
          return schemaUp(context, options);
        case 'status':
          return schemaStatus(context);
        case 'contract':
          return schemaContract(context, options, deploymentRecords(context.connection));
      }
    });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    io.stderr.write(`${error.message} (--help tells more)\n`);
    return EXIT.usage;
  }
}
