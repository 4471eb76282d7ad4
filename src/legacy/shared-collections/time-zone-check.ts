import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { LagMonitor } from '../../core/index.js';
import { DatabaseConnection } from '../../database/index.js';
import { fittingTimeZones } from './old-time-zone.js';
import { PictureCollectionsRepository } from './picture-collections.repository.js';

/**
 * Compares LEGACY_TIME_ZONE with the names of the newest old pictures when the service has started. A wrong zone puts new
 * pictures into other folders than the old server's; it degrades the instance, which stops a shift.
 */
@Injectable()
export class TimeZoneCheck implements OnApplicationBootstrap {
  private readonly logger = new Logger(TimeZoneCheck.name);

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly pictures: PictureCollectionsRepository,
    private readonly database: DatabaseConnection,
    private readonly lagMonitor: LagMonitor,
  ) {}

  onApplicationBootstrap(): void {
    const { legacy, sharedCollections } = this.settings;
    if (!legacy.isEnabled && !sharedCollections.isEnabled) return;
    void this.database
      .whenStarted()
      .then((hasStarted) => (hasStarted ? this.check(legacy.timeZone) : undefined))
      .catch((error: unknown) => this.logger.warn({ err: error }, 'old pictures not readable'));
  }

  private async check(timeZone: string): Promise<void> {
    const zones = fittingTimeZones(await this.pictures.listPosts(), timeZone);
    if (!zones) return;
    this.logger.error(
      { timeZone, zones },
      `LEGACY_TIME_ZONE is ${timeZone}, and the names of the old server's newest pictures have another zone; ` +
        `set LEGACY_TIME_ZONE to one of: ${zones.join(', ')}`,
    );
    this.lagMonitor.add({ name: 'old_time_zone', lagMs: 0, issues: ['legacy.time_zone'], detail: { zones } });
  }
}
