import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type CommandIo,
  type DefineCommand,
  EXIT_CODES,
  type ExitCode,
  exitCodesHelp,
  printResult,
} from '../core/commands/index.js';
import { CommandDatabase, DeploymentIdService } from '../database/index.js';
import { MARKER_FILE, readMarker, writeMarker } from '../images/index.js';
import { withCommandContext } from './command-context.js';

interface InitOptions {
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** `samserver init` */
export const initCommand: DefineCommand = (command, io, setExitCode) => {
  command
    .description(
      'Gives this deployment one random id. Writes it into the database and, when IMAGE_DIR is set, into the image volume. ' +
        'The service compares both, so an empty mount or a wrong database is never used as a new deployment. ' +
        'A second run writes only what is missing.',
    )
    .option('--dry-run', 'print the plan and write nothing', false)
    .option('--json', 'print one JSON object on stdout', false)
    .addHelpText(
      'after',
      exitCodesHelp({
        OK: 'done, now or before',
        FAILURE: 'failed, or database and volume have different ids',
        USAGE: 'wrong usage',
        UNAVAILABLE: 'the database is not reachable',
        CONFIG: 'wrong settings',
        INTERRUPTED: 'interrupted',
      }),
    )
    .action(async (options: InitOptions) => setExitCode(await init(io, options)));
};

function init(io: CommandIo, { dryRun, json }: InitOptions): Promise<ExitCode> {
  return withCommandContext(io, [], async (context, settings) => {
    const database = context.get(DeploymentIdService);
    const { directory } = settings.images;
    const readFacts = async (): Promise<InitFacts> => ({
      database: await database.find(),
      volume: directory === null ? undefined : await markerOf(directory),
    });
    let plan = planInit(await readFacts(), randomUUID);
    if (plan.kind === 'write' && !dryRun) {
      // Two commands can run at the same time: the volume gets the id that won in the database.
      const id = await database.keep(plan.id);
      if (directory !== null && plan.places.includes('volume')) await writeMarker(directory, id);
      const after = planInit(await readFacts(), randomUUID);
      if (after.kind === 'refused') plan = after;
    }
    const places = {
      database: `database ${context.get(CommandDatabase).name}`,
      volume: join(directory ?? '', MARKER_FILE),
    };
    return printResult(io, json, {
      exitCode: plan.kind === 'refused' ? EXIT_CODES.FAILURE : EXIT_CODES.OK,
      lines: resultLines(plan, places, dryRun, directory !== null),
      json: jsonOf(plan, dryRun),
    });
  });
}

/** @throws Error when the directory is missing, or its marker file holds no id */
async function markerOf(directory: string): Promise<string | null> {
  const found = await stat(directory).catch(() => null);
  if (!found?.isDirectory())
    throw new Error(`IMAGE_DIR: ${directory} is no directory; create it or mount the volume first`);
  return readMarker(directory);
}

/** The ids found. Null: no id. `volume` is undefined without IMAGE_DIR. */
interface InitFacts {
  readonly database: string | null;
  readonly volume: string | null | undefined;
}

type InitPlan =
  | { readonly kind: 'done'; readonly id: string }
  | { readonly kind: 'refused'; readonly database: string; readonly volume: string }
  | { readonly kind: 'write'; readonly id: string; readonly places: readonly ('database' | 'volume')[] };

/** @param makeId called only when there is no id yet */
export function planInit({ database, volume }: InitFacts, makeId: () => string): InitPlan {
  if (database !== null && typeof volume === 'string' && database !== volume) {
    return { kind: 'refused', database, volume };
  }
  const places = [
    ...(database === null ? (['database'] as const) : []),
    ...(volume === null ? (['volume'] as const) : []),
  ];
  const id = database ?? volume ?? makeId();
  return places.length === 0 ? { kind: 'done', id } : { kind: 'write', id, places };
}

function resultLines(
  plan: InitPlan,
  places: Readonly<Record<'database' | 'volume', string>>,
  isDryRun: boolean,
  hasVolume: boolean,
): string[] {
  const note = hasVolume ? [] : ['IMAGE_DIR is not set: no image volume is marked'];
  switch (plan.kind) {
    case 'done':
      return [`done already: ${plan.id}`, ...note];
    case 'refused':
      return [
        'refused: database and volume belong to different deployments; nothing was written',
        `  ${places.database} is ${plan.database}`,
        `  ${places.volume} is ${plan.volume}`,
      ];
    case 'write': {
      const verb = isDryRun ? 'would write' : 'wrote';
      // A dry run makes up an id that the real run would not use.
      const id = isDryRun ? 'the id' : plan.id;
      return [...plan.places.map((place) => `${verb} ${id} into ${places[place]}`), ...note];
    }
  }
}

function jsonOf(plan: InitPlan, isDryRun: boolean): Record<string, unknown> {
  switch (plan.kind) {
    case 'done':
      return { result: 'done', id: plan.id };
    case 'refused':
      return { result: 'refused', database: plan.database, volume: plan.volume };
    case 'write':
      return isDryRun
        ? { result: 'planned', places: plan.places }
        : { result: 'done', id: plan.id, places: plan.places };
  }
}
