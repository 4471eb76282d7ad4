export { LegacyModule } from './legacy.module.js';
export { hasLegacyBody } from './legacy-routes.js';
export { runLegacy } from './status/legacy-status.command.js';
