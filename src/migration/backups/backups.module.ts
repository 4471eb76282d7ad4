import { Module } from '@nestjs/common';
import { BackupRecordsRepository } from './backup-records.repository.js';
import { BackupSchedule } from './backup-schedule.js';
import { BackupDatabases } from './collections.repository.js';
import { BackupsService } from './backups.service.js';

@Module({
  providers: [BackupsService, BackupRecordsRepository, BackupDatabases],
  exports: [BackupsService, BackupRecordsRepository, BackupDatabases],
})
export class BackupsModule {}

/** The backups as a job of the service. */
@Module({ imports: [BackupsModule], providers: [BackupSchedule] })
export class BackupScheduleModule {}
