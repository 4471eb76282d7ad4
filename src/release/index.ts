export { type Backlog, Backlogs } from './backlogs.js';
export { InstanceIdentity } from './instance-identity.js';
export { INSTANCE_STATES, InstanceService, type InstanceState } from './instance.service.js';
export { InstancesRepository, type LivingInstance } from './instances.repository.js';
export { type ClientHolder, type Drain, LettingGo } from './letting-go.service.js';
export { type Effect, type Finding, ReadinessBoard } from './readiness-board.js';
export { RELEASE_HEADER, releaseHeader } from './release-header.js';
export { type ReleaseRecords, releaseRecords } from './release-records.repository.js';
export { ReleaseModule } from './release.module.js';
export {
  type Rollout,
  ROLLOUT_PHASES,
  type RolloutPhase,
  type RolloutSide,
  type RolloutStart,
  type RolloutStep,
} from './rollout.js';
export { RolloutRepository } from './rollout.repository.js';
export { RolloutFollower } from './rollout-follower.js';
export { RolloutChangedError, RolloutsService } from './rollouts.service.js';
