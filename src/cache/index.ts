export { Cache } from './cache.js';
export { CacheModule } from './cache.module.js';
export type { CachedReads } from './cached-reads.js';
