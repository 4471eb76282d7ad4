import type { SchemaStep } from './schema-step.js';
import type { SupportedSchema } from './schema-view.js';
import { firstCollections } from './0001-first-collections.js';
import { images } from './0002-images.js';
import { crashes } from './0003-crashes.js';
import { crewEvents } from './0004-crew-events.js';

/** Every step there is, in order. One that was released is never changed: the next one mends it. */
export const MIGRATIONS: readonly SchemaStep[] = [firstCollections, images, crashes, crewEvents];

/** `max` is the newest step above; `min` goes up when the code needs what a step made, and before a contract step. */
export const SUPPORTED_SCHEMA: SupportedSchema = { min: 2, max: 4 };
