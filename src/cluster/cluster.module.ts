import { Global, Module } from '@nestjs/common';
import { EventStream } from './event-stream.js';
import { InstanceIdentity } from './instance-identity.js';
import { RateSharing } from './rate-sharing.js';
import { Redis } from './redis.js';
import { SharedLimits } from './shared-limits.js';
import { StreamMetrics } from './stream-metrics.js';
import { StreamWriter } from './stream-writer.js';

/** What several instances share through Redis. Without Redis every part works for one instance. */
@Global()
@Module({
  providers: [EventStream, InstanceIdentity, RateSharing, Redis, SharedLimits, StreamMetrics, StreamWriter],
  exports: [EventStream, InstanceIdentity, Redis, SharedLimits],
})
export class ClusterModule {}
