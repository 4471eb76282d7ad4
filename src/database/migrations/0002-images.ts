import type { mongo } from 'mongoose';
import { makeCollection, type SchemaStep } from './schema-step.js';

/** The indexes of `images/image.schema.ts` when this step was written. */
export const IMAGE_INDEXES: readonly mongo.IndexDescription[] = [
  { key: { path: 1 }, unique: true },
  { key: { contentKey: 1 }, unique: true, sparse: true },
  { key: { vehicleId: 1, sha256: 1 } },
  { key: { vehicleId: 1, _id: 1 } },
  { key: { deletedAt: 1 }, sparse: true },
];

export const images: SchemaStep = {
  version: 2,
  name: 'images',
  kind: 'expand',
  up: (db) => makeCollection(db, 'images', {}, IMAGE_INDEXES),
};
