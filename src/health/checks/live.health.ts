import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { EventStream, Redis } from '../../cluster/index.js';
import { InstancesPoller } from '../../deployment/index.js';
import { type CheckResult, HealthCheck, healthIssue } from '../check-runner.js';

/**
 * The events of every other instance with a heartbeat arrive here. With Redis, an issue needs three runs: a new instance writes
 * its heartbeat about a second before its first event, and one that shuts down ends the stream before it removes its heartbeat.
 * Without Redis nothing can arrive, so one run is enough.
 */
@Injectable()
export class LiveHealth extends HealthCheck {
  readonly name = 'live';
  readonly limitMs = 1_000;
  /** The heartbeats were not read in time: an issue of the mongo check. */
  readonly whenDown = null;
  override readonly failureThreshold: number;

  constructor(
    indicators: HealthIndicatorService,
    redis: Redis,
    private readonly stream: EventStream,
    private readonly instances: InstancesPoller,
  ) {
    super(indicators);
    this.failureThreshold = redis.isConfigured ? 3 : 1;
  }

  protected async measure(): Promise<CheckResult> {
    await this.instances.whenRead();
    const silent = new Set(this.stream.silentIds);
    return {
      issues: silent.size > 0 ? [healthIssue('degraded', 'live.not_shared')] : [],
      detail: {
        stream: this.stream.state,
        lagMs: this.stream.lagMs,
        instances: this.instances.others.map(({ id, color, version }) => ({
          id,
          color,
          version,
          heard: !silent.has(id),
        })),
      },
    };
  }
}
