import { setTimeout as sleep } from 'node:timers/promises';
import { OldDatabase } from '../support/old-database.js';
import { OldServer } from '../support/old-server.js';
import { until } from '../support/sockets.js';
import type { Conversation, Dispatch } from './conversation.js';
import { play } from './player.js';
import { record, type Recording } from './recording.js';

/** The ambulances of the conversation in the format of the operators' API, and an open request of one of them. */
export async function addAmbulances({ boxes }: Conversation, database: OldDatabase): Promise<void> {
  for (const { code, ambulanceId } of boxes) {
    await database.addAmbulance(code, { _id: OldDatabase.id(ambulanceId) });
  }
  const [first, second] = boxes.map(({ ambulanceId }) => OldDatabase.id(ambulanceId));
  await database.collection('aoc_requests').insertMany([
    { ambulance_id: first, request_status: 'ON_THE_WAY', request_type: 'EMERGENCY' },
    { ambulance_id: second, request_status: 'COMPLETED', request_type: 'TRANSFER' },
  ]);
}

/** As the operators' API with mongoose: `updatedAt` is set with every update, and no document is inserted. */
export async function dispatch(
  database: OldDatabase,
  { ambulanceId, status, requestType, source, destination }: Dispatch,
): Promise<void> {
  const ambulance_id = OldDatabase.id(ambulanceId);
  const requests = database.collection('aoc_requests');
  const now = new Date();
  const none = { lat: 0, lon: 0 };
  if (status === 'COMPLETED')
    await requests.updateOne({ ambulance_id }, { $set: { request_status: status, updatedAt: now } });
  else await requests.insertOne({ ambulance_id, request_status: status, request_type: requestType });
  if (status !== 'COMPLETED' && !source) return;
  const places = { source_location: source ?? none, destination_location: destination ?? none };
  await database
    .collection('ambulance_trackings')
    .updateOne({ ambulance_id }, { $set: { ...places, updatedAt: now } });
}

/** Plays the conversation against its own old server. */
export async function playAgainstOld(
  conversation: Conversation,
): Promise<{ recording: Recording; restarts: number }> {
  const server = await OldServer.start();
  const database = await OldDatabase.open(server.database.url);
  try {
    await addAmbulances(conversation, database);
    const { url, socketUrl } = server;
    const played = await play(conversation, {
      url,
      socketUrl,
      nextRestart: () => {
        const before = server.restarts;
        return async () => {
          await until(() => server.restarts > before, 'the end of the old server');
          await server.whenUp();
        };
      },
      dispatch: (step) => dispatch(database, step),
      // The old server gives no sign when a write is done.
      whenSettled: () => sleep(1_000),
    });
    const recording = await record(conversation, played, database, server.pictures);
    return { recording, restarts: server.restarts };
  } finally {
    await database.close();
    await server.stop();
  }
}
