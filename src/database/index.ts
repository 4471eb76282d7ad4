export { MAJORITY_JOURNALED } from './connect-options.js';
export { insertOrFindDuplicates } from './insert-or-find-duplicates.js';
export { DatabaseTime, readDatabaseTime } from './database-time.js';
export { CommandDatabase, CommandDatabaseModule } from './command-database.module.js';
export { DatabaseConnection, type DatabasePhase } from './database-connection.js';
export { DatabaseModule } from './database.module.js';
export { DeploymentIdService } from './deployment-id.service.js';
export { DeploymentIdRepository } from './deployment-id.repository.js';
export type { DatabaseLock } from './database-lock.js';
export { type AcquiredLock, LockLostError, LockRepository } from './lock.repository.js';
export { MIGRATIONS, SUPPORTED_SCHEMA } from './migrations/index.js';
export {
  failureText,
  SchemaLockBusyError,
  SchemaLockLostError,
  SchemaStepFailedError,
} from './migrations/schema-errors.js';
export { type ContractOutcome, SchemaMigrator } from './migrations/schema-migrator.js';
export type { ContractPlan, UpPlan } from './migrations/schema-plan.js';
export type { SchemaState, StepRecord } from './migrations/schema-state.js';
export { SchemaStateRepository } from './migrations/schema-state.repository.js';
export { SchemaStatus } from './migrations/schema-status.service.js';
export { type SchemaStep, stepTitle } from './migrations/schema-step.js';
export { type SchemaFit, type SchemaView, type SupportedSchema, viewOf } from './migrations/schema-view.js';
export { openStepConnection } from './migrations/step-connection.js';
export { StartupTasks } from './startup-tasks.js';
export { duplicateKeyField, storageUnavailable, translateStorageError } from './storage-errors.js';
