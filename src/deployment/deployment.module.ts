import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { AuthModule } from '../auth/index.js';
import { HttpDrain } from './http-drain.js';
import { InstanceHeartbeat } from './instance-heartbeat.js';
import { InstanceIdentity } from './instance-identity.js';
import { InstanceRecord, InstanceSchema } from './instance.schema.js';
import { InstanceLifecycle } from './instance-lifecycle.js';
import { InstancesRepository } from './instances.repository.js';
import { DrainService } from './drain.service.js';
import { LogLevelController } from './log-level.controller.js';
import { LogLevelService } from './log-level.service.js';
import { OpsController } from './ops.controller.js';
import { OpsService } from './ops.service.js';
import { RolloutPoller } from './rollout-poller.js';
import { RolloutRepository } from './rollout.repository.js';
import { RolloutRecord, RolloutSchema } from './rollout.schema.js';
import { RolloutsService } from './rollouts.service.js';

@Module({
  imports: [
    AuthModule,
    MongooseModule.forFeature([
      { name: InstanceRecord.name, schema: InstanceSchema },
      { name: RolloutRecord.name, schema: RolloutSchema },
    ]),
  ],
  controllers: [OpsController, LogLevelController],
  providers: [
    HttpDrain,
    InstanceIdentity,
    InstanceLifecycle,
    InstancesRepository,
    InstanceHeartbeat,
    DrainService,
    OpsService,
    LogLevelService,
    RolloutRepository,
    RolloutsService,
    RolloutPoller,
  ],
  exports: [
    HttpDrain,
    InstanceIdentity,
    InstanceLifecycle,
    InstancesRepository,
    DrainService,
    RolloutPoller,
    RolloutsService,
  ],
})
export class DeploymentModule {}
