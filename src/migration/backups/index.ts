export { BackupScheduleModule } from './backups.module.js';
