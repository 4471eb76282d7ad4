export { adoptCommand } from './adopt/adopt.command.js';
export { initCommand } from './init.command.js';
export { legacyCommand } from './legacy-status.command.js';
export { schemaCommand } from './schema.command.js';
