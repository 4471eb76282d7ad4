import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { DatabaseConnection, type SchemaFit, SchemaStatus } from '../../database/index.js';
import { type CheckResult, HealthCheck, healthIssue } from '../check-runner.js';

/** Reasons that block the instance. A pending step within the supported range does not block. */
const REASONS: Readonly<Record<SchemaFit, string | null>> = {
  fits: null,
  too_old: 'schema.too_old',
  too_new: 'schema.too_new',
  failed: 'schema.failed',
};

/** The schema version of the database is in the range that this release supports. */
@Injectable()
export class SchemaHealth extends HealthCheck {
  readonly name = 'schema';
  readonly limitMs = 1_000;
  override readonly isCritical = true;
  /** One read is sufficient: repeated reads of one schema give the same result. */
  override readonly failureThreshold = 1;
  override readonly successThreshold = 1;
  /** A database outage is an issue of the mongo check. */
  readonly whenDown = null;

  constructor(
    indicators: HealthIndicatorService,
    private readonly schema: SchemaStatus,
    private readonly connection: DatabaseConnection,
  ) {
    super(indicators);
  }

  protected async measure(): Promise<CheckResult> {
    // Before the read: a step may complete meanwhile.
    const { phase } = this.connection;
    const { fit, current, pending } = await this.schema.read();
    // The start of this instance has not compared the schema yet, or it runs the missing steps now.
    const isBeingRaised = fit === 'too_old' && (phase === 'connecting' || phase === 'migrating');
    const reason = isBeingRaised ? null : REASONS[fit];
    return { issues: reason === null ? [] : [healthIssue('blocked', reason)], detail: { current, pending } };
  }
}
