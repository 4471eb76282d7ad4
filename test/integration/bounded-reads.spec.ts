import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Connection, createConnection, Types } from 'mongoose';
import type { Position } from '../../src/core/index.js';
import { TrackContextLoader } from '../../src/tracking/ingest/track-context.js';
import { PositionRecord, PositionSchema } from '../../src/tracking/position.schema.js';
import { PositionsRepository } from '../../src/tracking/positions.repository.js';
import { QuarantineRepository } from '../../src/tracking/quarantine/quarantine.repository.js';
import { QuarantineRecord, QuarantineSchema } from '../../src/tracking/quarantine/quarantine.schema.js';
import { isRealMongo } from '../support/embedded-mongo.js';
import { startTestDatabase, type TestDatabase } from '../support/test-database.js';

const describeEmbedded = isRealMongo ? describe.skip : describe;

const FIXES = 5_000;
const START_MS = Date.now() - 30 * 86_400_000;
/** In this order, like the ids of their positions. */
const VEHICLES = Array.from({ length: 3 }, () => new Types.ObjectId().toHexString()).sort();
const [FIRST = '', BUSY = '', LAST = ''] = VEHICLES;
const fix = (vehicleId: string, n: number): Position => ({
  vehicleId,
  lat: 48,
  lon: 11,
  timeMs: START_MS + n * 10_000,
  receivedAtMs: START_MS,
});

/** Documents, not milliseconds: with millions of positions, each document more is a delay for all other devices. */
describeEmbedded(
  'only here (a real server does not count): documents read for a few positions among many',
  () => {
    let database: TestDatabase;
    let connection: Connection;
    let positions: PositionsRepository;
    let contexts: TrackContextLoader;
    const examinedBy = async (work: () => Promise<unknown>): Promise<number> => {
      const before = database.stats?.documentsExamined ?? 0;
      await work();
      return (database.stats?.documentsExamined ?? 0) - before;
    };

    beforeAll(async () => {
      database = await startTestDatabase();
      connection = await createConnection(database.url, { autoIndex: false, autoCreate: false }).asPromise();
      const positionModel = connection.model<PositionRecord>(PositionRecord.name, PositionSchema);
      const quarantine = new QuarantineRepository(
        connection.model<QuarantineRecord>(QuarantineRecord.name, QuarantineSchema),
      );
      await positionModel.createCollection();
      positions = new PositionsRepository(positionModel);
      contexts = new TrackContextLoader(positions, quarantine);
      const all = [fix(FIRST, 0), ...Array.from({ length: FIXES }, (_, n) => fix(BUSY, n)), fix(LAST, 0)];
      await positions.insert(all.map((position) => ({ position, late: false, recordedAtMs: START_MS })));
    });
    afterAll(async () => {
      await connection.close();
      await database.stop();
    });

    it('are few when a batch has the oldest fix of a vehicle and a new one', async () => {
      const batch = [fix(BUSY, 0), fix(BUSY, FIXES)];
      const examined = await examinedBy(async () => {
        const [track] = await contexts.load(batch);
        expect(track?.context.at(batch[0]?.timeMs ?? 0)).toEqual(batch[0]);
        expect(await track?.context.before(batch[1]?.timeMs ?? 0)).toEqual(fix(BUSY, FIXES - 1));
      });
      // One more than the 2,000 that are loaded as one part of the track, and a few look-ups.
      expect(examined).toBeLessThan(2_010);
    });

    it('are as many as there are positions when those of several vehicles are looked up', async () => {
      const examined = await examinedBy(async () => {
        expect((await positions.findRecorded([fix(FIRST, 0), fix(LAST, 0), fix(LAST, 1)])).size).toBe(2);
      });
      expect(examined).toBe(2);
    });
  },
);
