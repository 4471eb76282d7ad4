import { Inject, Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { SETTINGS, type Settings } from '../../config/index.js';
import { ImageVolume, lowSpacePct, type VolumeReport, type VolumeState } from '../../images/index.js';
import { type Effect, type HealthIssue, InstanceLifecycle } from '../../deployment/index.js';
import { type CheckResult, HealthCheck, healthIssue } from '../check-runner.js';

/**
 * The picture volume. A wrong volume blocks a start, because pictures would be written to the wrong place. After the
 * instance has served it only degrades: picture routes fail, positions continue.
 */
@Injectable()
export class ImageVolumeHealth extends HealthCheck {
  readonly name = 'volume';
  /** `ImageVolume.check` has its own limit: 0.5 s, more for the first run. */
  readonly limitMs = 6_000;
  readonly whenDown = healthIssue('degraded', 'volume.slow');
  override readonly failureThreshold = 1;

  constructor(
    indicators: HealthIndicatorService,
    private readonly volume: ImageVolume,
    private readonly lifecycle: InstanceLifecycle,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {
    super(indicators);
  }

  protected async measure(): Promise<CheckResult> {
    const report = await this.volume.check();
    const { state, freeBytes, verified } = report;
    if (state === 'none') return {};
    return {
      issues: this.issuesOf(report),
      detail: {
        path: this.settings.images.directory,
        writable: state === 'usable',
        freeBytes,
        manifest: verified,
      },
    };
  }

  private issuesOf({ state, freeBytes, totalBytes }: VolumeReport): HealthIssue[] {
    const stateIssue = this.stateIssue(state);
    if (stateIssue) return [stateIssue];
    const lowPct = lowSpacePct(this.settings.images.minFreePct);
    const isLow = freeBytes !== null && totalBytes !== null && freeBytes < (totalBytes * lowPct) / 100;
    return isLow ? [healthIssue('degraded', 'volume.low_space')] : [];
  }

  private stateIssue(state: VolumeState): HealthIssue | null {
    const atStart: Effect = this.lifecycle.hasEverServed ? 'degraded' : 'blocked';
    switch (state) {
      case 'none':
      case 'unchecked':
      case 'usable':
        return null;
      case 'foreign':
        return healthIssue(atStart, 'volume.foreign');
      case 'unmarked':
        return healthIssue(atStart, 'volume.unmarked');
      case 'empty':
        // A failed mount leaves an empty directory. Outside of ENVIRONMENT=LIVE it may be a first start.
        return healthIssue(this.settings.isLive ? atStart : 'degraded', 'volume.empty');
      case 'missing':
        return healthIssue('degraded', 'volume.missing');
      case 'slow':
        return this.whenDown;
      case 'read-only':
        return healthIssue('degraded', 'volume.read_only');
    }
  }
}
