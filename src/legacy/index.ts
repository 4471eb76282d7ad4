export { CrewEventsModule } from './crew-events/index.js';
export { LegacyModule } from './legacy.module.js';
export { hasOldBody } from './old-routes.js';
export { runLegacy } from './status/run-legacy.js';
