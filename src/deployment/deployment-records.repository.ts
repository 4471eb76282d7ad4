import type { Connection } from 'mongoose';
import { DatabaseTime } from '../database/index.js';
import { InstanceRecord, InstanceSchema } from './instance.schema.js';
import { InstancesRepository } from './instances.repository.js';
import { RolloutRepository } from './rollout.repository.js';
import { RolloutRecord, RolloutSchema } from './rollout.schema.js';

/** Who is alive and what is being moved, for a command that has a connection and no service around it. */
export interface DeploymentRecords {
  readonly instances: InstancesRepository;
  readonly rollouts: RolloutRepository;
}

export function deploymentRecords(connection: Connection): DeploymentRecords {
  return {
    instances: new InstancesRepository(
      connection.model<InstanceRecord>(InstanceRecord.name, InstanceSchema),
      new DatabaseTime(connection),
    ),
    rollouts: new RolloutRepository(connection.model<RolloutRecord>(RolloutRecord.name, RolloutSchema)),
  };
}
