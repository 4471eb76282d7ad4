import { parseArgs } from 'node:util';
import { VEHICLE_TYPES, type VehicleType } from '../../vehicles/index.js';
import { withUsageErrors, UsageError } from '../command-runner.js';

const DEFAULT_EVERY_S = 10;

export interface AdoptOptions {
  readonly isJson: boolean;
  readonly isDryRun: boolean;
  readonly isFollowing: boolean;
  readonly everyMs: number;
  readonly types: ReadonlyMap<string, VehicleType>;
}

/** @throws UsageError */
export function parseAdoptOptions(argv: readonly string[]): AdoptOptions | 'help' {
  const { values } = withUsageErrors(() =>
    parseArgs({
      args: [...argv],
      options: {
        json: { type: 'boolean', default: false },
        'dry-run': { type: 'boolean', default: false },
        follow: { type: 'boolean', default: false },
        every: { type: 'string', default: String(DEFAULT_EVERY_S) },
        type: { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }),
  );
  if (values.help) return 'help';
  if (values.follow && values['dry-run']) throw new UsageError('one of --follow and --dry-run');
  const everyS = /^\d{1,5}$/.test(values.every) ? Number(values.every) : 0;
  if (everyS < 1) throw new UsageError('--every wants seconds, 1 to 99999');
  return {
    isJson: values.json,
    isDryRun: values['dry-run'],
    isFollowing: values.follow,
    everyMs: everyS * 1_000,
    types: new Map(values.type.map(typeOf)),
  };
}

function typeOf(text: string): [string, VehicleType] {
  const at = text.lastIndexOf('=');
  const type = VEHICLE_TYPES.find((each) => each === text.slice(at + 1));
  if (at < 1 || !type) throw new UsageError(`--type wants <type_id>=<one of ${VEHICLE_TYPES.join(', ')}>`);
  return [text.slice(0, at), type];
}

export const ADOPT_USAGE = `Usage: samserver adopt [options]

Takes the old server's ambulances over as vehicles: each keeps its id, by which the old rooms and collections name it, its
box code, its name as call sign and its number as registration. Typed again it carries over what other programs have changed
since, and nothing else: what was changed here stays. Deleted ones are not adopted, and archived where they were. Says what
has to be looked at, and what the old history is worth.

  --dry-run               print what would be done, and do nothing
  --follow                stay, and carry over what other programs change, until it is interrupted
  --every <s>             with --follow: how often it looks (default ${DEFAULT_EVERY_S})
  --type <type_id>=<type> which type stands for a type_id, as often as needed; every other one becomes "other"
  --json                  one JSON object on stdout; with --follow one a line for every look that found something

Settings as for the service (MONGODB_URL …). Exit codes: 0 done, 1 failed or something has to be looked at, 64 wrong use,
69 no database there, or its schema is behind (samserver schema up), 78 wrong settings, 130 interrupted.
`;
