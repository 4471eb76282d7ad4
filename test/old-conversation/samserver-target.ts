import type { Connection } from 'mongoose';
import { AdoptionService } from '../../src/migration/adopt/adoption.service.js';
import { AdoptionsRepository } from '../../src/migration/adopt/adoptions.repository.js';
import { OldCollectionsRepository } from '../../src/migration/adopt/old-collections.repository.js';
import { VehicleRegister } from '../../src/vehicles/index.js';
import { OldDatabase } from '../support/old-database.js';
import { Scrape } from '../support/scrape.js';
import { until } from '../support/sockets.js';
import { OPS_TOKEN, startTestService } from '../support/test-service.js';
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
    await adopt(database.connection);
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

async function adopt(connection: Connection): Promise<void> {
  const register = new VehicleRegister(connection);
  const adopter = new AdoptionService(
    new OldCollectionsRepository(connection),
    register,
    new AdoptionsRepository(connection),
    new Map(),
  );
  const { conflicts } = await adopter.adopt(AbortSignal.timeout(30_000));
  if (conflicts.length > 0) throw new Error(JSON.stringify(conflicts));
}

async function lagS(service: { readonly url: string }): Promise<number> {
  const { samples } = await Scrape.of(service);
  const lags = samples.filter(({ name }) => name === 'samserver_legacy_collections_lag_seconds');
  return Math.max(...lags.map(({ value }) => value));
}
