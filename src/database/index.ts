export { MAJORITY_JOURNALED } from './connect-options.js';
export { insertOrFindDuplicates } from './insert-or-find-duplicates.js';
export { DatabaseTime, readDatabaseTime } from './database-time.js';
export { DatabaseLink } from './database-link.service.js';
export { DatabaseModule } from './database.module.js';
export { openDatabase, type OpenDatabase } from './open-database.js';
export { SUPPORTED_SCHEMA } from './supported-schema.js';
export { StartSteps } from './start-steps.js';
export { duplicateKeyField, storageUnavailable } from './storage-errors.js';
