export { LegacyModule } from './legacy.module.js';
export { hasOldBody } from './old-routes.js';
