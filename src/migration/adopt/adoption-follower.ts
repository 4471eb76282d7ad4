import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { BackgroundJobs } from '../../core/index.js';
import { DatabaseConnection } from '../../database/index.js';
import { LegacyRoles } from '../../legacy/index.js';
import { AdoptionService } from './adoption.service.js';

const INTERVAL_MS = 10_000;

/**
 * During a move, makes a vehicle of each ambulance that is added on the old side, and carries changed box codes over. One
 * instance does it for all.
 */
@Injectable()
export class AdoptionFollower implements OnApplicationBootstrap {
  private readonly logger = new Logger(AdoptionFollower.name);
  private readonly logged = new Set<string>();

  constructor(
    private readonly adoption: AdoptionService,
    private readonly roles: LegacyRoles,
    private readonly database: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'legacy'>,
  ) {}

  onApplicationBootstrap(): void {
    const { teeUrl, role } = this.settings.legacy;
    if (teeUrl === null && role !== 'old') return;
    this.jobs.start({
      name: 'legacy-adoption',
      intervalMs: INTERVAL_MS,
      lock: {},
      startsAfter: () => this.database.whenStarted(),
      run: (signal) => this.follow(signal),
    });
  }

  private async follow(signal: AbortSignal): Promise<void> {
    if (this.roles.role !== 'old') return;
    const { done, conflicts } = await this.adoption.adoptBoxes(signal);
    for (const { kind, id } of done)
      this.logger.log({ ambulance: id, step: kind }, 'ambulance of the old server adopted');
    for (const { ambulance, reason } of conflicts) {
      if (this.logged.has(`${ambulance} ${reason}`)) continue;
      this.logged.add(`${ambulance} ${reason}`);
      this.logger.warn({ ambulance, reason }, 'ambulance of the old server not adopted');
    }
  }
}
