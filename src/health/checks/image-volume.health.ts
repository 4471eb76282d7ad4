import { Inject, Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { SETTINGS, type Settings } from '../../config/index.js';
import { ImageVolume, type VolumeReport, type VolumeState } from '../../images/index.js';
import { type Effect, type HealthIssue, InstanceLifecycle } from '../../deployment/index.js';
import { healthIssue, HealthCheck, type CheckResult } from '../health-check.js';

/** Contract. */
const MIN_FREE_SHARE = 0.1;

/**
 * The place where pictures are kept. A wrong one stops a start, because pictures would go where nobody looks for them;
 * once the instance has served, it costs the pictures and nothing else: positions go on.
 */
@Injectable()
export class ImageVolumeHealth extends HealthCheck {
  readonly name = 'volume';
  /** The look limits itself: to half a second, but for the first. */
  readonly limitMs = 6_000;
  readonly whenDown = healthIssue('degraded', 'volume.slow');
  override readonly failures = 1;

  constructor(
    indicators: HealthIndicatorService,
    private readonly volume: ImageVolume,
    private readonly instance: InstanceLifecycle,
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
    const wrong = this.stateIssue(state);
    if (wrong) return [wrong];
    const isLow = freeBytes !== null && totalBytes !== null && freeBytes < totalBytes * MIN_FREE_SHARE;
    return isLow ? [healthIssue('degraded', 'volume.low_space')] : [];
  }

  private stateIssue(state: VolumeState): HealthIssue | null {
    const atStart: Effect = this.instance.hasEverServed ? 'degraded' : 'blocked';
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
        // What a mount that failed leaves behind. Elsewhere it may be somebody's first try.
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
