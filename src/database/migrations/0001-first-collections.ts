import type { mongo } from 'mongoose';
import { makeCollection, type SchemaStep } from './schema-step.js';

interface Collection {
  readonly name: string;
  readonly options?: mongo.CreateCollectionOptions;
  readonly indexes?: readonly mongo.IndexDescription[];
}

/** The declarations of the models when this step was written. The repositories explain each index beside its query. */
export const FIRST_COLLECTIONS: readonly Collection[] = [
  { name: 'users', indexes: [{ key: { email: 1 }, unique: true }, { key: { role: 1 } }] },
  { name: 'sessions' },
  { name: 'admin_guard' },
  {
    name: 'device_credentials',
    indexes: [{ key: { vehicleId: 1 } }, { key: { revokedAt: 1 }, sparse: true }],
  },
  {
    name: 'audit_log',
    indexes: [
      { key: { actorId: 1, _id: 1 } },
      { key: { actorEmail: 1, _id: 1 } },
      { key: { targetId: 1, _id: 1 } },
      { key: { targetEmail: 1, _id: 1 } },
    ],
  },
  {
    name: 'vehicles',
    indexes: [
      { key: { callSignKey: 1 }, unique: true, sparse: true },
      { key: { registrationKey: 1 }, unique: true, sparse: true },
      { key: { boxCodeKey: 1 }, unique: true, sparse: true },
      { key: { archivedAt: 1, _id: 1 } },
      { key: { updatedAt: 1 } },
    ],
  },
  { name: 'vehicle_status_changes' },
  {
    name: 'positions',
    options: { clusteredIndex: { key: { _id: 1 }, unique: true } },
    indexes: [{ key: { recordedAt: 1, _id: 1 } }],
  },
  {
    name: 'quarantined_positions',
    indexes: [
      { key: { vehicleId: 1, code: 1, time: 1 } },
      { key: { isReleased: 1, receivedAt: 1, _id: 1 } },
      { key: { vehicleId: 1, receivedAt: 1, _id: 1 } },
      { key: { isReleased: 1, code: 1 } },
    ],
  },
  { name: 'instances' },
  { name: 'rollout' },
  { name: 'deployment' },
];

export const firstCollections: SchemaStep = {
  version: 1,
  name: 'first-collections',
  kind: 'expand',
  up: async (db, { signal }) => {
    for (const { name, options, indexes } of FIRST_COLLECTIONS) {
      signal.throwIfAborted();
      await makeCollection(db, name, options, indexes);
    }
  },
};
