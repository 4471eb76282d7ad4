import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/index.js';
import { DeploymentRecordsModule } from './deployment-records.module.js';
import { HttpDrain } from './http-drain.js';
import { InstanceHeartbeat } from './instance-heartbeat.js';
import { InstancesController } from './instances.controller.js';
import { InstancesPoller } from './instances-poller.js';
import { InstanceLifecycle } from './instance-lifecycle.js';
import { DrainService } from './drain.service.js';
import { InstancesService } from './instances.service.js';
import { LogLevelController } from './log-level.controller.js';
import { LogLevelService } from './log-level.service.js';
import { OpsController } from './ops.controller.js';
import { OpsService } from './ops.service.js';
import { RolloutPoller } from './rollout-poller.js';
import { RolloutsService } from './rollouts.service.js';

@Module({
  imports: [AuthModule, DeploymentRecordsModule],
  controllers: [OpsController, InstancesController, LogLevelController],
  providers: [
    HttpDrain,
    InstanceLifecycle,
    InstanceHeartbeat,
    InstancesPoller,
    InstancesService,
    DrainService,
    OpsService,
    LogLevelService,
    RolloutsService,
    RolloutPoller,
  ],
  exports: [
    HttpDrain,
    InstanceLifecycle,
    InstancesPoller,
    DeploymentRecordsModule,
    DrainService,
    RolloutPoller,
    RolloutsService,
  ],
})
export class DeploymentModule {}
