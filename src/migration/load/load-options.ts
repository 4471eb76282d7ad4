import { type Command, InvalidArgumentError, Option } from 'commander';
import { numberArgument, originArgument } from '../../core/commands/index.js';
import { addServiceOptions, type ServiceOptions } from '../../tools/index.js';
import { STORES, type StoreName } from './ledger.js';

/** The options as commander parses them. */
export interface LoadOptions extends ServiceOptions {
  readonly boxesUrl?: string;
  readonly panelsUrl?: string;
  readonly boxes: number;
  readonly firstBox: number;
  /** Seconds; 0 for crashes and pictures: none. */
  readonly positionEvery: number;
  readonly picturesEvery: number;
  readonly crashEvery: number;
  readonly devices: number;
  readonly panels: number;
  readonly watchers: number;
  /** Seconds. */
  readonly duration: number;
  /** Posts and device positions a second. */
  readonly maxRate: number;
  readonly maxInFlight: number;
  /** Megabytes of the process. */
  readonly maxMemory: number;
  /** Seconds. */
  readonly settle: number;
  readonly stores: readonly StoreName[];
  readonly oldDatabase?: string;
  readonly oldPictures?: string;
  readonly ledger?: string;
  readonly iOwnThis: readonly string[];
  readonly seed: number;
  readonly yes: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

export function addLoadOptions(command: Command): Command {
  const count = numberArgument(0, 1_000);
  const seconds = (low: number): ((text: string) => number) => numberArgument(low, 86_400, false);
  command
    .addOption(new Option('--boxes-url <url>', 'where boxes post (default: --url)').argParser(originArgument))
    .addOption(
      new Option('--panels-url <url>', 'where panels connect (default: --socket-url)').argParser(
        originArgument,
      ),
    )
    .option('--boxes <n>', 'old boxes', count, 16)
    .option(
      '--first-box <code>',
      'code of the first box; the others count on. The old system needs an ambulance for each code',
      numberArgument(1, 2_000_000_000),
      990_001,
    )
    .option('--position-every <s>', 'between two positions of a box', seconds(0.1), 1)
    .option('--pictures-every <s>', 'between two picture posts of a box, 0 for none', seconds(0), 0.7)
    .option(
      '--crash-every <s>',
      'between two crash reports of a box, 0 for none. A crash can end the process of the old server',
      seconds(0),
      0,
    )
    .option('--devices <n>', 'devices on /devices, one position a second each', count, 0)
    .option('--panels <n>', 'panels of the old server', numberArgument(0, 100), 0)
    .option('--watchers <n>', 'watchers on /live', numberArgument(0, 100), 0)
    .option('--duration <s>', 'length of the load', numberArgument(1, 86_400), 60)
    .option('--max-rate <n>', 'refuse a plan with more posts a second', numberArgument(1, 5_000), 200)
    .option(
      '--max-in-flight <n>',
      'posts without an answer; further ones are skipped',
      numberArgument(1, 20_000),
      500,
    )
    .option('--max-memory <mb>', 'end the load when the process uses more', numberArgument(100, 8_000), 512)
    .option(
      '--settle <s>',
      'time for the servers to store what they have acknowledged',
      numberArgument(1, 3_600),
      30,
    )
    .addOption(
      new Option('--stores <list>', `where to look for what was sent: ${STORES.join(',')}`)
        .argParser(parseStores)
        .default(['samserver'], 'samserver'),
    )
    .option(
      '--old-database <url>',
      'MongoDB address of the old server (default: OLD_DATABASE_URL, which no list of processes shows)',
    )
    .option('--old-pictures <place>', "the old server's `public` directory, or its http:// address")
    .option('--ledger <file>', 'write a line of JSON for each post')
    .option('--i-own-this <host>', 'a host that is not this machine, repeatable', collect, [])
    .option('--seed <n>', 'one seed always yields the same drives', numberArgument(0, 0xffff_ffff), 1)
    .option('--yes', 'load a live service (ENVIRONMENT=LIVE), too', false)
    .option('--dry-run', 'print the plan and send nothing', false)
    .option('--json', 'print one JSON object', false);
  return addServiceOptions(command, 'who may create vehicles and device credentials');
}

function collect(text: string, hosts: readonly string[]): readonly string[] {
  return [...hosts, text.toLowerCase()];
}

function parseStores(text: string): readonly StoreName[] {
  return text.split(',').map((name) => {
    const store = STORES.find((each) => each === name.trim());
    if (!store) throw new InvalidArgumentError(`Give ${STORES.join(' or ')}, or both with a comma.`);
    return store;
  });
}
