import { parseArgs } from 'node:util';
import { withUsageErrors, UsageError } from './command-runner.js';

const ACTIONS = ['up', 'status', 'contract'] as const;
/** Longer than a crashed owner's lock stands. */
const DEFAULT_WAIT_S = 60;

export interface SchemaOptions {
  readonly action: (typeof ACTIONS)[number];
  readonly isJson: boolean;
  readonly isDryRun: boolean;
  readonly waitMs: number;
  readonly backup: string | undefined;
  readonly isConfirmed: boolean;
}

/** @throws UsageError */
export function parseSchemaOptions(argv: readonly string[]): SchemaOptions | 'help' {
  const { values, positionals } = withUsageErrors(() =>
    parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        'dry-run': { type: 'boolean', default: false },
        wait: { type: 'string', default: String(DEFAULT_WAIT_S) },
        backup: { type: 'string' },
        yes: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }),
  );
  if (values.help) return 'help';
  const action = ACTIONS.find((each) => each === positionals[0]);
  if (!action || positionals.length > 1) throw new UsageError(`one of ${ACTIONS.join(', ')} is wanted`);
  if (action !== 'contract' && (values.backup !== undefined || values.yes)) {
    throw new UsageError('--backup and --yes belong to contract');
  }
  if (!/^\d{1,5}$/.test(values.wait)) throw new UsageError('--wait wants seconds, 0 to 99999');
  return {
    action,
    isJson: values.json,
    isDryRun: values['dry-run'],
    waitMs: Number(values.wait) * 1_000,
    backup: values.backup,
    isConfirmed: values.yes,
  };
}

export const SCHEMA_USAGE = `Usage: samserver schema up|status|contract [options]

  up         run the pending expand steps; also tries a failed one again
  status     which version the database has, what is pending, who holds the lock
  contract   run the next contract step, after which no older release can work with the database

  --dry-run          print what would be done, and do nothing
  --json             one JSON object on stdout
  --wait <s>         how long to wait while another holds the lock (default ${DEFAULT_WAIT_S})
  --backup <path>    contract: the backup of the last 24 hours, a file or a directory
  --yes              contract: the way back may end

Settings as for the service (MONGODB_URL …). docs/schema.md tells what each refusal means.
Exit codes: 0 done (status: it fits), 1 failed or refused, 64 wrong use, 69 no database there (or the evaluation database
is in use by a service: stop it first), 75 somebody else holds the lock, 78 wrong settings, 130 interrupted.
`;
