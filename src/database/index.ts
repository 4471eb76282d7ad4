export { insertOrFindDuplicates } from './insert-or-find-duplicates.js';
export { insertRaw, insertRawOrFindDuplicates } from './insert-raw.js';
export { BSONType, decodeDocument, encodeDocument, findRaw } from './raw-documents.js';
export { CursorsRepository } from './cursors.repository.js';
export { DatabaseTime, readDatabaseTime } from './database-time.js';
export { CommandDatabase, CommandDatabaseModule } from './command-database.module.js';
export { DatabaseConnection, type DatabasePhase, StartupTasks } from './database-connection.js';
export { DatabaseModule } from './database.module.js';
export { DeploymentIdRepository, DeploymentIdService } from './deployment-id.service.js';
export { collectionOf, databaseOf } from './collection-of.js';
export { openConnection } from './connections.js';
export { LockLostError } from './database-lock.js';
export { LocksService } from './locks.service.js';
export { MIGRATIONS, SUPPORTED_SCHEMA } from './migrations/index.js';
export {
  failureText,
  SchemaLockBusyError,
  SchemaLockLostError,
  SchemaStepFailedError,
} from './migrations/schema-errors.js';
export { SchemaMigrator } from './migrations/schema-migrator.js';
export type { ContractPlan, UpPlan } from './migrations/schema-plan.js';
export type { SchemaState } from './migrations/schema-state.js';
export { SchemaStateRepository } from './migrations/schema-state.repository.js';
export { SchemaStatus } from './migrations/schema-status.service.js';
export { type SchemaStep, stepTitle } from './migrations/schema-step.js';
export { type SchemaFit, type SchemaView, viewOf } from './migrations/schema-view.js';
export { openStepConnection } from './migrations/run-step.js';
export { duplicateKeyField, storageUnavailable, translateStorageError } from './storage-errors.js';
export { unreachableMembersHint } from './unreachable-members.js';
export {
  TIME_ORDERED_ID_BYTES,
  timeOrderedId,
  timeOrderedIdBounds,
  writeTimeOrderedId,
} from './time-ordered-id.js';
