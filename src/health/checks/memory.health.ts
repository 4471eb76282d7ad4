import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { readCgroupMemory } from '../cgroup-memory.js';
import { type CheckResult, HealthCheck, healthIssue } from '../check-runner.js';

/** Share of the container's limit, fixed by the contract. */
const MAX_SHARE = 0.9;

/** Memory of the container against its limit. The detail also has the resident set size of this process. */
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
