export { ClusterModule } from './cluster.module.js';
export { EventStream } from './event-stream.js';
export { InstanceIdentity, RELEASE_HEADER, releaseHeader } from './instance-identity.js';
export { Redis, type RedisClient, RedisUnavailableError } from './redis.js';
export { type SharedCounts, SharedLimits } from './shared-limits.js';
