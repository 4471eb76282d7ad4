export { LegacyModule } from './legacy.module.js';
export { SharedCollectionsModule } from './shared-collections/shared-collections.module.js';
