import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { AuthModule } from '../auth/index.js';
import { Backlogs } from './backlogs.js';
import { InstanceHeartbeat } from './instance-heartbeat.js';
import { InstanceIdentity } from './instance-identity.js';
import { InstanceRecord, InstanceSchema } from './instance.schema.js';
import { InstanceService } from './instance.service.js';
import { InstancesRepository } from './instances.repository.js';
import { LettingGo } from './letting-go.service.js';
import { OpsController } from './ops.controller.js';
import { OpsService } from './ops.service.js';
import { ReadinessBoard } from './readiness-board.js';
import { RolloutFollower } from './rollout-follower.js';
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
  controllers: [OpsController],
  providers: [
    Backlogs,
    InstanceIdentity,
    InstanceService,
    InstancesRepository,
    InstanceHeartbeat,
    LettingGo,
    OpsService,
    ReadinessBoard,
    RolloutRepository,
    RolloutsService,
    RolloutFollower,
  ],
  exports: [
    Backlogs,
    InstanceIdentity,
    InstanceService,
    InstancesRepository,
    LettingGo,
    ReadinessBoard,
    RolloutFollower,
    RolloutsService,
  ],
})
export class ReleaseModule {}
