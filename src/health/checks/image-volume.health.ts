import { Inject, Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { SETTINGS, type Settings } from '../../config/index.js';
import { ImageVolume, type VolumeReport, type VolumeState } from '../../images/index.js';
import { type Effect, type Finding, InstanceService } from '../../release/index.js';
import { finding, HealthCheck, type Look } from '../health-check.js';

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
  readonly whenDown = finding('degraded', 'volume.slow');
  override readonly failures = 1;

  constructor(
    indicators: HealthIndicatorService,
    private readonly volume: ImageVolume,
    private readonly instance: InstanceService,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {
    super(indicators);
  }

  protected async measure(): Promise<Look> {
    const report = await this.volume.check();
    const { state, freeBytes, verified } = report;
    if (state === 'none') return {};
    return {
      findings: this.findingsOf(report),
      detail: {
        path: this.settings.images.directory,
        writable: state === 'usable',
        freeBytes,
        manifest: verified,
      },
    };
  }

  private findingsOf({ state, freeBytes, totalBytes }: VolumeReport): Finding[] {
    const wrong = this.wrongness(state);
    if (wrong) return [wrong];
    const isLow = freeBytes !== null && totalBytes !== null && freeBytes < totalBytes * MIN_FREE_SHARE;
    return isLow ? [finding('degraded', 'volume.low_space')] : [];
  }

  private wrongness(state: VolumeState): Finding | null {
    const atStart: Effect = this.instance.hasEverServed ? 'degraded' : 'blocked';
    switch (state) {
      case 'none':
      case 'unchecked':
      case 'usable':
        return null;
      case 'foreign':
        return finding(atStart, 'volume.foreign');
      case 'unmarked':
        return finding(atStart, 'volume.unmarked');
      case 'empty':
        // What a mount that failed leaves behind. Elsewhere it may be somebody's first try.
        return finding(this.settings.isLive ? atStart : 'degraded', 'volume.empty');
      case 'missing':
        return finding('degraded', 'volume.missing');
      case 'slow':
        return this.whenDown;
      case 'read-only':
        return finding('degraded', 'volume.read_only');
    }
  }
}
