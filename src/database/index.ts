export { MAJORITY_JOURNALED } from './connect-options.js';
export { insertOrFindDuplicates } from './insert-or-find-duplicates.js';
export { DatabaseTime, readDatabaseTime } from './database-time.js';
export { DatabaseLink, type DatabasePhase } from './database-link.service.js';
export { DatabaseModule } from './database.module.js';
export { DeploymentId } from './deployment-id.service.js';
export { DeploymentRepository } from './deployment.repository.js';
export type { Lease } from './lease.js';
export { type HeldLease, LeaseLostError, Leases } from './leases.repository.js';
export { MIGRATIONS, SUPPORTED_SCHEMA } from './migrations/index.js';
export { type OpenDatabase, openDatabase } from './open-database.js';
export {
  failureText,
  SchemaLockBusyError,
  SchemaLockLostError,
  SchemaStepFailedError,
} from './schema/schema-errors.js';
export { type ContractOutcome, SchemaMigrations } from './schema/schema-migrations.js';
export type { ContractPlan, UpPlan } from './schema/schema-plan.js';
export type { SchemaState, StepRecord } from './schema/schema-state.js';
export { SchemaStateRepository } from './schema/schema-state.repository.js';
export { SchemaStatus } from './schema/schema-status.service.js';
export { type SchemaStep, stepTitle } from './schema/schema-step.js';
export { type SchemaFit, type SchemaView, type SupportedSchema, viewOf } from './schema/schema-view.js';
export { openStepConnection } from './schema/step-connection.js';
export { StartSteps } from './start-steps.js';
export { duplicateKeyField, storageUnavailable, translateStorageError } from './storage-errors.js';
