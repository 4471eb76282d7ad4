export { ClusterModule } from './cluster.module.js';
export { EventStream, type StreamState } from './event-stream.js';
export { InstanceIdentity, RELEASE_HEADER, releaseHeader } from './instance-identity.js';
export { InstanceRegistry, type OtherInstance } from './instance-registry.js';
export { Presence, type ConnectedSocket, type SocketCounts } from './presence.js';
export { errorReplyCode, Redis, type RedisClient, RedisUnavailableError } from './redis.js';
export { RedisScript } from './redis-script.js';
export { type SharedCounts, SharedLimits } from './shared-limits.js';
