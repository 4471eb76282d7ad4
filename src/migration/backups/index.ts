export { backupCommand } from './backup.command.js';
export { BackupScheduleModule } from './backups.module.js';
