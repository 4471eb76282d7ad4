export { HttpDrain } from './http-drain.js';
export {
  type Effect,
  type HealthIssue,
  INSTANCE_STATES,
  InstanceLifecycle,
  type InstanceState,
} from './instance-lifecycle.js';
export { InstancesPoller } from './instances-poller.js';
export { InstancesRepository, type LiveInstance } from './instances.repository.js';
export { type Drainable, DrainService } from './drain.service.js';
export { DeploymentRecordsModule } from './deployment-records.module.js';
export { DeploymentModule } from './deployment.module.js';
export { type Rollout, ROLLOUT_PHASES, type RolloutPhase } from './rollout.js';
export { RolloutRepository } from './rollout.repository.js';
export { RolloutPoller } from './rollout-poller.js';
export { RolloutChangedError, RolloutsService } from './rollouts.service.js';
