export type { LegacyClient, LegacyClientKind } from './legacy-client.schema.js';
export { LegacyClientsModule } from './legacy-clients.module.js';
export { LegacyClientsRepository } from './legacy-clients.repository.js';
