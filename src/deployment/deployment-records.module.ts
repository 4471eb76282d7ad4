import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { InstanceRecord, InstanceSchema } from './instance.schema.js';
import { InstancesRepository } from './instances.repository.js';
import { RolloutRepository } from './rollout.repository.js';
import { RolloutRecord, RolloutSchema } from './rollout.schema.js';

/** The records of live instances and of the rollout, without background work. */
@Module({
  imports: [
    MongooseModule.forFeature([
      { name: InstanceRecord.name, schema: InstanceSchema },
      { name: RolloutRecord.name, schema: RolloutSchema },
    ]),
  ],
  providers: [InstancesRepository, RolloutRepository],
  exports: [InstancesRepository, RolloutRepository],
})
export class DeploymentRecordsModule {}
