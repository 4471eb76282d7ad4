import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, type CommandIo, type CommandResult, EXIT_CODES } from '../../core/commands/index.js';
import { DEFAULT_PLAN, MISSED_LOG, readGreenGaps, recordedPlan } from '../front-door/index.js';
import { GreenClient } from './green-client.js';
import { MoveJournal } from './move-journal.js';
import { opsTokenOf } from './ops-token.js';
import { criteriaOf } from './report-criteria.js';
import { gapsWithin, moveFigures } from './report-figures.js';
import { reportPage } from './report-page.js';

/**
 * Writes the report of the last move as one HTML file.
 * @throws CommandError FAILURE without a move; IO when the file cannot be written
 */
export async function shiftReport(
  io: CommandIo,
  directory: string,
  stateDirectory: string,
  output: string,
): Promise<CommandResult> {
  const nowMs = Date.now();
  const move = moveFigures(await MoveJournal.read(stateDirectory), nowMs);
  if (move === null) throw new CommandError(`${stateDirectory} has no journal of a move`, EXIT_CODES.FAILURE);
  const plan = (await recordedPlan(directory)) ?? { ...DEFAULT_PLAN, directory };
  const log = join(plan.logDirectory, MISSED_LOG);
  const allGaps = await readGreenGaps(log).catch(() => null);
  const gaps = allGaps === null ? null : gapsWithin(allGaps, move);
  const token = await opsTokenOf(io.env).catch(() => null);
  const green = plan.green && token !== null ? new GreenClient(`http://${plan.green.http}`, token) : null;
  const pictures = (await green?.ready())?.volume?.manifest ?? null;
  const criteria = criteriaOf(move, gaps);
  await writeFile(output, reportPage({ move, criteria, gaps, pictures, nowMs })).catch(
    (error: NodeJS.ErrnoException) => {
      throw new CommandError(`${output} cannot be written (${error.code})`, EXIT_CODES.IO);
    },
  );
  return {
    exitCode: EXIT_CODES.OK,
    lines: [
      ...criteria.map(({ name, result, figure }) => `${name}: ${result}: ${figure}`),
      `written to ${output}`,
    ],
    json: { output, move: move.state.move, phase: move.state.phase, criteria, gaps },
  };
}
