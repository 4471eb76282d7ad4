export { LegacyModule } from './legacy.module.js';
export { hasLegacyBody } from './legacy-routes.js';
export { SharedCollectionsModule } from './shared-collections/shared-collections.module.js';
