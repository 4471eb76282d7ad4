export { HttpDrain } from './http-drain.js';
export { InstanceIdentity } from './instance-identity.js';
export { INSTANCE_STATES, InstanceLifecycle, type InstanceState } from './instance-lifecycle.js';
export { InstancesRepository, type LiveInstance } from './instances.repository.js';
export { type Drainable, type Drain, DrainService } from './drain.service.js';
export { type Effect, type HealthIssue, ReadinessState } from './readiness-state.js';
export { RELEASE_HEADER, releaseHeader } from './release-header.js';
export { DeploymentRecordsModule } from './deployment-records.module.js';
export { DeploymentModule } from './deployment.module.js';
export {
  type Rollout,
  ROLLOUT_PHASES,
  type RolloutPhase,
  type RolloutSide,
  type RolloutStart,
  type RolloutStep,
} from './rollout.js';
export { RolloutRepository } from './rollout.repository.js';
export { RolloutPoller } from './rollout-poller.js';
export { RolloutChangedError, RolloutsService } from './rollouts.service.js';
