import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { type CheckResult, HealthCheck, healthIssue } from '../check-runner.js';

const RESOLUTION_MS = 10;
/** Fixed by the contract. */
const MAX_P99_MS = 200;

/** 99th percentile of the event loop delay since the last run. */
@Injectable()
export class EventLoopHealth extends HealthCheck implements OnApplicationShutdown {
  readonly name = 'eventLoop';
  readonly limitMs = 500;
  readonly whenDown = healthIssue('degraded', 'event_loop.slow');
  private readonly delays: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor(indicators: HealthIndicatorService) {
    super(indicators);
    this.delays.enable();
  }

  onApplicationShutdown(): void {
    this.delays.disable();
  }

  protected measure(): Promise<CheckResult> {
    // The histogram records the time between two samples, which includes the sampling interval.
    const p99Ms = Math.max(0, this.delays.percentile(99) / 1e6 - RESOLUTION_MS);
    this.delays.reset();
    return Promise.resolve({
      issues: p99Ms > MAX_P99_MS ? [this.whenDown] : [],
      detail: { p99Ms: Math.round(p99Ms * 10) / 10 },
    });
  }
}
