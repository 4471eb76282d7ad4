import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { type SchemaFit, SchemaStatus } from '../../database/index.js';
import { healthIssue, HealthCheck, type CheckResult } from '../health-check.js';

/** What keeps an instance from working; a pending step within the supported range does not. */
const REASONS: Readonly<Record<SchemaFit, string | null>> = {
  fits: null,
  too_old: 'schema.too_old',
  too_new: 'schema.too_new',
  failed: 'schema.failed',
};

/** Whether the database's schema is one that this release works with. */
@Injectable()
export class SchemaHealth extends HealthCheck {
  readonly name = 'schema';
  readonly limitMs = 1_000;
  override readonly isCritical = true;
  /** What one read says is so: no second read is needed to believe it. */
  override readonly failures = 1;
  override readonly passes = 1;
  /** Nothing is known then, and that the database is away is another check's to say. */
  readonly whenDown = null;

  constructor(
    indicators: HealthIndicatorService,
    private readonly schema: SchemaStatus,
  ) {
    super(indicators);
  }

  protected async measure(): Promise<CheckResult> {
    const { fit, current, pending } = await this.schema.read();
    const reason = REASONS[fit];
    return { issues: reason === null ? [] : [healthIssue('blocked', reason)], detail: { current, pending } };
  }
}
