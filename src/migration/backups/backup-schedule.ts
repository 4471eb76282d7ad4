import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { BackgroundJobs, LagMonitor, Metrics } from '../../core/index.js';
import { DatabaseConnection } from '../../database/index.js';
import { withRunLock } from '../images/run-lock.js';
import { type BackupRecord, BackupRecordsRepository } from './backup-records.repository.js';
import { BackupsService } from './backups.service.js';
import { BackupDatabases } from './collections.repository.js';

const STATUS_INTERVAL_MS = 60_000;
const RETRY_MS = 600_000;
/** A third of the time of one core at most: devices come first. */
const PAUSE_FACTOR = 2;
const RECORDS = 50;

/** The backups of the service: the schedule, which one instance keeps, and what the metrics and `/ready` show of them. */
@Injectable()
export class BackupSchedule implements OnModuleInit, OnApplicationBootstrap {
  private readonly logger = new Logger(BackupSchedule.name);
  /** For `/ready`. */
  readonly name = 'backups';
  readonly isInformative = true;
  readonly lagMs = 0;
  private newest: readonly BackupRecord[] = [];

  constructor(
    private readonly backups: BackupsService,
    private readonly records: BackupRecordsRepository,
    private readonly database: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
    private readonly lagMonitor: LagMonitor,
    private readonly metrics: Metrics,
    private readonly databases: BackupDatabases,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'backups'>,
  ) {}

  onModuleInit(): void {
    // A half that looks whole must not serve.
    this.database.beforeSchemaCheck.add('unfinished restore', () => this.refuseUnfinishedRestore());
    if (this.settings.backups.directory !== null) this.lagMonitor.add(this);
    this.observe();
  }

  onApplicationBootstrap(): void {
    const { directory, everyMs } = this.settings.backups;
    const startsAfter = (): Promise<boolean> => this.database.whenStarted();
    this.jobs.start({
      name: 'backup-status',
      intervalMs: STATUS_INTERVAL_MS,
      runsAtStart: true,
      startsAfter,
      run: async () => void (this.newest = await this.records.newest(RECORDS)),
    });
    if (directory === null || everyMs === 0) return;
    this.jobs.start({
      name: 'backup',
      intervalMs: everyMs,
      retryMs: Math.min(RETRY_MS, everyMs),
      lock: {},
      startsAfter,
      run: (signal) => this.makeBackup(directory, signal),
    });
  }

  /** For `/ready`: of the newest set, and of the newest good rehearsal. */
  get detail(): Readonly<Record<string, unknown>> {
    const [last] = this.newest;
    return {
      last: last?.madeAt ?? null,
      verified: this.verified?.verifiedAt ?? null,
      rehearsed: this.rehearsed?.rehearsedAt ?? null,
      rehearsalFault: this.lastRehearsal?.rehearsalFault ?? null,
    };
  }

  private get verified(): BackupRecord | undefined {
    return this.newest.find(({ verifyFaults }) => verifyFaults === 0);
  }

  private get lastRehearsal(): BackupRecord | undefined {
    const time = ({ rehearsedAt }: BackupRecord): number => rehearsedAt?.getTime() ?? 0;
    const [last] = [...this.newest].sort((one, other) => time(other) - time(one));
    return last?.rehearsedAt ? last : undefined;
  }

  private get rehearsed(): BackupRecord | undefined {
    const last = this.lastRehearsal;
    return last?.rehearsalFault === null ? last : undefined;
  }

  private async makeBackup(directory: string, signal: AbortSignal): Promise<void> {
    const onUnprotected = (reason: string): void =>
      this.logger.warn({ reason }, 'directory of the backups cannot be locked');
    await withRunLock(directory, onUnprotected, async () => {
      const work = { signal, onProgress: () => undefined };
      const { set } = await this.backups.run([], PAUSE_FACTOR, work);
      const { faults } = await this.backups.verify(set, signal);
      if (faults.length > 0) throw new Error(`backup ${set} is damaged: ${faults.slice(0, 3).join('; ')}`);
      for (const old of await this.backups.prunable(this.settings.backups.keep))
        await this.backups.remove(old);
      this.logger.log({ set }, 'backup made and verified');
    });
    this.newest = await this.records.newest(RECORDS);
  }

  private async refuseUnfinishedRestore(): Promise<void> {
    const set = await this.databases.own.unfinishedRestore();
    if (set !== null)
      throw new Error(`the restore of ${set} has not ended: run samserver backup restore ${set} again`);
  }

  private observe(): void {
    const gauge = (name: `samserver_${string}`, help: string, value: () => number | undefined): void => {
      this.metrics.gauge({
        name,
        help,
        collect: (metric) => {
          const now = value();
          if (now !== undefined) metric.set(now);
        },
      });
    };
    const seconds = (date: Date | null | undefined): number | undefined =>
      date ? date.getTime() / 1_000 : undefined;
    gauge(
      'samserver_backup_made_timestamp_seconds',
      'End of the newest backup of the database; absent without one.',
      () => seconds(this.newest[0]?.madeAt),
    );
    gauge(
      'samserver_backup_size_bytes',
      'Size of the newest backup of the database.',
      () => this.newest[0]?.bytes,
    );
    gauge(
      'samserver_backup_verified_timestamp_seconds',
      'Newest verification of a backup that found no fault.',
      () => seconds(this.verified?.verifiedAt),
    );
    gauge(
      'samserver_backup_rehearsed_timestamp_seconds',
      'Newest rehearsal of a restore that was good.',
      () => seconds(this.rehearsed?.rehearsedAt),
    );
    gauge('samserver_backup_interval_seconds', 'Interval of scheduled backups; 0: none is scheduled.', () =>
      this.settings.backups.directory === null ? 0 : this.settings.backups.everyMs / 1_000,
    );
  }
}
