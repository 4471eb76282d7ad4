import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { readCgroupMemory } from '../cgroup-memory.js';
import { finding, HealthCheck, type Look } from '../health-check.js';

/** Contract: of the container's limit. */
const MAX_SHARE = 0.9;

/** What counts against the container's limit, and the process's own figure beside it. */
@Injectable()
export class MemoryHealth extends HealthCheck {
  readonly name = 'memory';
  readonly limitMs = 500;
  readonly whenDown = finding('degraded', 'memory.unknown');

  constructor(indicators: HealthIndicatorService) {
    super(indicators);
  }

  protected async measure(): Promise<Look> {
    const group = await readCgroupMemory();
    const isHigh = group !== null && group.usedBytes > group.limitBytes * MAX_SHARE;
    return {
      findings: isHigh ? [finding('degraded', 'memory.high')] : [],
      detail: { rssBytes: process.memoryUsage.rss(), ...group },
    };
  }
}
