import { Inject, Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Clock } from '../../core/index.js';
import { SETTINGS, type Settings } from '../../config/index.js';
import { type CheckResult, HealthCheck, healthIssue } from '../check-runner.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Fixed by the contract. */
const MIN_DAYS = 14;

/** Expiry of the reverse proxy's certificate. The file is read every hour, because a renewal replaces it. */
@Injectable()
export class CertificateHealth extends HealthCheck {
  readonly name = 'certificate';
  readonly limitMs = 5_000;
  readonly whenDown = healthIssue('degraded', 'tls.unreadable');
  override readonly intervalMs = HOUR_MS;
  override readonly failureThreshold = 1;
  override readonly successThreshold = 1;

  constructor(
    indicators: HealthIndicatorService,
    private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {
    super(indicators);
  }

  protected async measure(): Promise<CheckResult> {
    const path = this.settings.tls.certPath;
    if (path === null) return {};
    const { validTo } = new X509Certificate(await readFile(path));
    const daysLeft = Math.floor((Date.parse(validTo) - this.clock.nowMs()) / DAY_MS);
    const reason = daysLeft < 0 ? 'tls.expired' : daysLeft < MIN_DAYS ? 'tls.expiring' : null;
    return { issues: reason === null ? [] : [healthIssue('degraded', reason)], detail: { daysLeft } };
  }
}
