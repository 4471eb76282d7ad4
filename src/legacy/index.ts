export { LegacyModule } from './legacy.module.js';
export { hasLegacyBody } from './legacy-routes.js';
