export { adoptCommand } from './adopt/adopt.command.js';
export { backupCommand } from './backups/backup.command.js';
export { initCommand } from './init.command.js';
export { legacyCommand } from './legacy-status.command.js';
export { preflightCommand } from './preflight/index.js';
export { schemaCommand } from './schema.command.js';
