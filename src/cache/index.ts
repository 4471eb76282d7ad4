export { Cache } from './cache.js';
export { CacheModule } from './cache.module.js';
export type { MemoryReads } from './memory-reads.js';
export { type CachedReads, UNCACHED } from './cached-reads.js';
