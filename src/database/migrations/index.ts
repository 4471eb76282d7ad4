import type { SchemaStep } from './schema-step.js';
import type { SupportedSchema } from './schema-view.js';
import { firstCollections } from './0001-first-collections.js';
import { images } from './0002-images.js';
import { crashes } from './0003-crashes.js';
import { crewEvents } from './0004-crew-events.js';

/** All steps in order. A released step is never changed; a new step corrects it. */
export const MIGRATIONS: readonly SchemaStep[] = [firstCollections, images, crashes, crewEvents];

/**
 * `max` is the version of the newest step. Raise `min` when the code needs what a step created, and before a contract
 * step.
 */
export const SUPPORTED_SCHEMA: SupportedSchema = { min: 2, max: 4 };
