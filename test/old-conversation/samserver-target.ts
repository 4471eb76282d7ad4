import { BoxDirectory } from '../../src/legacy/boxes/box-directory.js';
import { OpenRequestsService } from '../../src/legacy/open-requests/open-requests.service.js';
import { adoptAmbulances } from '../support/adopt-ambulances.js';
import { OldDatabase } from '../support/old-database.js';
import { Scrape } from '../support/scrape.js';
import { until } from '../support/sockets.js';
import { OPS_TOKEN, startTestService } from '../support/test-service.js';
import { createTestVolume } from '../support/test-volume.js';
import type { Conversation } from './conversation.js';
import { addAmbulances, dispatch } from './old-target.js';
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
    await adoptAmbulances(service.database.url);
    // The service can have read the box codes just before.
    const { code } = conversation.boxes.at(-1) as Conversation['boxes'][number];
    const directory = service.service.app.get(BoxDirectory);
    await until(async () => (await directory.find(code)) !== null, 'the boxes to be known');
    const played = await play(conversation, {
      url: service.url,
      socketUrl: service.socketUrl,
      nextRestart: () => () => Promise.resolve(),
      dispatch: async (step) => {
        await dispatch(database, step);
        // Requests are read every 5 s, and the conversation is faster than its times.
        await service.service.app.get(OpenRequestsService).refreshNow([step.ambulanceId]);
      },
      whenSettled: () => until(async () => (await lagS(service)) === 0, 'the lag to end'),
    });
    return await record(conversation, played, database, volume.path);
  } finally {
    await database.close();
    await service.stop();
    await volume.remove();
  }
}

async function lagS(service: { readonly url: string }): Promise<number> {
  const { samples } = await Scrape.of(service);
  const lags = samples.filter(({ name }) => name === 'samserver_legacy_collections_lag_seconds');
  return Math.max(...lags.map(({ value }) => value));
}
