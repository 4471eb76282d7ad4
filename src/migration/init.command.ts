import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { CommandIo } from '../tools/client/index.js';
import { DeploymentIdRepository } from '../database/index.js';
import { MARKER_FILE, readMarker, writeMarker } from '../images/index.js';
import {
  type CommandContext,
  type CommandResult,
  EXIT,
  withUsageErrors,
  runCommand,
  UsageError,
} from './command-runner.js';
import { type InitPlan, planInit } from './init-plan.js';

export const INIT_USAGE = `Usage: samserver init [options]

Gives this deployment one random id, in the database and, when IMAGE_DIR is set, in its picture volume. The service
compares the two: an empty mount or a wrong database never starts afresh. Typed again it completes what is missing.

  --dry-run   print what would be written, and write nothing
  --json      one JSON object on stdout

Exit codes: 0 done, 1 failed or refused, 64 wrong use, 69 no database there, 78 wrong settings.
`;

/** `samserver init`. @returns the exit code; INIT_USAGE lists them */
export async function runInit(argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    const { values } = withUsageErrors(() =>
      parseArgs({
        args: [...argv],
        options: {
          json: { type: 'boolean', default: false },
          'dry-run': { type: 'boolean', default: false },
          help: { type: 'boolean', short: 'h', default: false },
        },
      }),
    );
    if (values.help) {
      io.stdout.write(INIT_USAGE);
      return EXIT.done;
    }
    return await runCommand(io, values.json, (context) => init(context, values['dry-run']));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    io.stderr.write(`${error.message} (--help tells more)\n`);
    return EXIT.usage;
  }
}

async function init(
  { connection, settings }: Pick<CommandContext, 'connection' | 'settings'>,
  isDryRun: boolean,
): Promise<CommandResult> {
  const deployment = new DeploymentIdRepository(connection);
  const { directory } = settings.images;
  const facts = async (): Promise<Parameters<typeof planInit>[0]> => ({
    database: await deployment.find(),
    volume: directory === null ? undefined : await markerOf(directory),
  });
  const places = { database: `database ${connection.name}`, volume: join(directory ?? '', MARKER_FILE) };
  let plan = planInit(await facts(), randomUUID);
  if (plan.kind === 'write' && !isDryRun) {
    // The database decides when two do this at once; the volume is given what stands there.
    const id = await deployment.keep(plan.id);
    if (directory !== null && plan.places.includes('volume')) await writeMarker(directory, id);
    const after = planInit(await facts(), randomUUID);
    if (after.kind === 'refused') plan = after;
  }
  return answer(plan, places, isDryRun, directory !== null);
}

/** @throws Error when the directory is not there, or its marker is not one of ours */
async function markerOf(directory: string): Promise<string | null> {
  const found = await stat(directory).catch(() => null);
  if (!found?.isDirectory())
    throw new Error(`IMAGE_DIR: ${directory} is no directory; make it, or mount the volume, first`);
  return readMarker(directory);
}

function answer(
  plan: InitPlan,
  places: Readonly<Record<'database' | 'volume', string>>,
  isDryRun: boolean,
  hasVolume: boolean,
): CommandResult {
  const note = hasVolume ? [] : ['IMAGE_DIR is not set: no picture volume is marked'];
  switch (plan.kind) {
    case 'done':
      return {
        exitCode: EXIT.done,
        lines: [`done already: ${plan.id}`, ...note],
        json: { result: 'done', id: plan.id },
      };
    case 'refused': {
      const { database, volume } = plan;
      const lines = [
        'refused: two deployments are mixed up, and nothing was written',
        `  ${places.database} is ${database}`,
        `  ${places.volume} is ${volume}`,
      ];
      return { exitCode: EXIT.failed, lines, json: { result: 'refused', database, volume } };
    }
    case 'write': {
      const where = plan.places.map((place) => places[place]);
      const verb = isDryRun ? 'would write' : 'wrote';
      // Until it is written, the id is not one.
      const what = isDryRun ? 'the id' : plan.id;
      return {
        exitCode: EXIT.done,
        lines: [...where.map((place) => `${verb} ${what} into ${place}`), ...note],
        json: {
          result: isDryRun ? 'planned' : 'done',
          ...(!isDryRun && { id: plan.id }),
          places: plan.places,
        },
      };
    }
  }
}
