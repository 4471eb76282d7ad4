import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { readCgroupMemory } from '../cgroup-memory.js';
import { healthIssue, HealthCheck, type CheckResult } from '../health-check.js';

/** Contract: of the container's limit. */
const MAX_SHARE = 0.9;

/** What counts against the container's limit, and the process's own figure beside it. */
@Injectable()
export class MemoryHealth extends HealthCheck {
  readonly name = 'memory';
  readonly limitMs = 500;
  readonly whenDown = healthIssue('degraded', 'memory.unknown');

  constructor(indicators: HealthIndicatorService) {
    super(indicators);
  }

  protected async measure(): Promise<CheckResult> {
    const group = await readCgroupMemory();
    const isHigh = group !== null && group.usedBytes > group.limitBytes * MAX_SHARE;
    return {
      issues: isHigh ? [healthIssue('degraded', 'memory.high')] : [],
      detail: { rssBytes: process.memoryUsage.rss(), ...group },
    };
  }
}
