import type { mongo } from 'mongoose';
import { makeCollection, type SchemaStep } from './schema-step.js';

/** The indexes of `crew-events/crew-event.schema.ts` when this step was written. */
export const CREW_EVENT_INDEXES: readonly mongo.IndexDescription[] = [
  { key: { recordedAt: 1, _id: 1 } },
  { key: { sendState: 1, recordedAt: 1, _id: 1 } },
];

/** `crew_states` holds one document per vehicle, `leases` one per lock. Both are read by `_id` or completely. */
export const crewEvents: SchemaStep = {
  version: 4,
  name: 'crew-events',
  kind: 'expand',
  up: async (db, { signal }) => {
    await makeCollection(db, 'crew_events', {}, CREW_EVENT_INDEXES);
    signal.throwIfAborted();
    await makeCollection(db, 'crew_states');
    await makeCollection(db, 'leases');
  },
};
