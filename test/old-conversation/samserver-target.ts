import { runCommandLine } from '../../src/core/commands/index.js';
import { adoptCommand } from '../../src/migration/index.js';
import { OldDatabase } from '../support/old-database.js';
import { Scrape } from '../support/scrape.js';
import { until } from '../support/sockets.js';
import { JWT_SECRET, OPS_TOKEN, startTestService } from '../support/test-service.js';
import { createTestVolume } from '../support/test-volume.js';
import type { Conversation } from './conversation.js';
import { addAmbulances } from './old-target.js';
import { play } from './player.js';
import { record, type Recording } from './recording.js';

/** Plays the conversation against Samserver in place of the old server: clients, collections, adopted ambulances. */
export async function playAgainstSamserver(conversation: Conversation): Promise<Recording> {
  const volume = await createTestVolume();
  const service = await startTestService({
    ...volume.env,
    LEGACY_CLIENTS: 'on',
    LEGACY_COLLECTIONS: 'write',
    OPS_TOKEN,
    // Half an hour is played in half a minute, so the speeds would count as jumps.
    POSITION_MAX_SPEED_MPS: '10000',
  });
  const database = await OldDatabase.open(service.database.url);
  try {
    await addAmbulances(conversation, database);
    await adopt(service.database.url);
    const played = await play(conversation, {
      url: service.url,
      socketUrl: service.socketUrl,
      whenUp: () => Promise.resolve(),
      whenSettled: () => until(async () => (await lagS(service)) === 0, 'the lag to end'),
    });
    return await record(conversation, played, database, volume.path);
  } finally {
    await database.close();
    await service.stop();
    await volume.remove();
  }
}

async function adopt(url: string): Promise<void> {
  let output = '';
  const write = (text: string): void => void (output += text);
  const exitCode = await runCommandLine(
    ['adopt'],
    {
      env: { MONGODB_URL: url, JWT_SECRET },
      stdout: { write },
      stderr: { write },
      signal: AbortSignal.timeout(30_000),
    },
    [{ name: 'adopt', summary: '', load: () => Promise.resolve(adoptCommand) }],
  );
  if (exitCode !== 0) throw new Error(output);
}

async function lagS(service: { readonly url: string }): Promise<number> {
  const { samples } = await Scrape.of(service);
  const lags = samples.filter(({ name }) => name === 'samserver_legacy_collections_lag_seconds');
  return Math.max(...lags.map(({ value }) => value));
}
