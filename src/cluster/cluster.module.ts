import { Global, Module } from '@nestjs/common';
import { EventStream } from './event-stream.js';
import { InstanceIdentity } from './instance-identity.js';
import { InstanceRegistry } from './instance-registry.js';
import { RateSharing } from './rate-sharing.js';
import { Presence } from './presence.js';
import { Redis } from './redis.js';
import { SharedLimits } from './shared-limits.js';
import { StreamMetrics } from './stream-metrics.js';
import { StreamWriter } from './stream-writer.js';

/** What several instances share through Redis. Without Redis every part works for one instance. */
@Global()
@Module({
  providers: [
    EventStream,
    InstanceIdentity,
    InstanceRegistry,
    Presence,
    RateSharing,
    Redis,
    SharedLimits,
    StreamMetrics,
    StreamWriter,
  ],
  exports: [EventStream, InstanceIdentity, InstanceRegistry, Presence, Redis, SharedLimits],
})
export class ClusterModule {}
