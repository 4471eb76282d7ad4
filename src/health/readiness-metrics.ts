import { Injectable } from '@nestjs/common';
import { Metrics } from '../core/index.js';
import { SchemaStatus } from '../database/index.js';
import {
  DrainService,
  INSTANCE_STATES,
  InstanceLifecycle,
  ROLLOUT_PHASES,
  RolloutPoller,
} from '../deployment/index.js';
import { CheckRunner } from './check-runner.js';

const STATUS_VALUE = { pending: NaN, down: 0, degraded: 0.5, up: 1 } as const;

/** State of the instance and results of its checks as metrics. */
@Injectable()
export class ReadinessMetrics {
  constructor(
    metrics: Metrics,
    lifecycle: InstanceLifecycle,
    checks: CheckRunner,
    rollout: RolloutPoller,
    drainService: DrainService,
    schema: SchemaStatus,
  ) {
    metrics.gauge({
      name: 'samserver_instance_state',
      help: '1 for the current state of the instance, 0 for the others.',
      labelNames: ['state'],
      collect: (gauge) => {
        const { state } = lifecycle;
        for (const each of INSTANCE_STATES) gauge.set({ state: each }, each === state ? 1 : 0);
      },
    });
    metrics.gauge({
      name: 'samserver_check_status',
      help: 'Latest result of each health check: 1 up, 0.5 degraded, 0 down, NaN before its first run.',
      labelNames: ['check'],
      collect: (gauge) => {
        for (const [check, { status }] of Object.entries(checks.reports))
          gauge.set({ check }, STATUS_VALUE[status]);
      },
    });
    metrics.gauge({
      name: 'samserver_schema_version',
      help: 'Version of the database schema; NaN before the first read.',
      collect: (gauge) => gauge.set(schema.lastView?.current ?? NaN),
    });
    metrics.gauge({
      name: 'samserver_rollout_phase',
      help: '1 for the phase of the current or last rollout, 0 for the others.',
      labelNames: ['phase'],
      collect: (gauge) => {
        const current = rollout.current?.phase ?? 'idle';
        for (const phase of ROLLOUT_PHASES) gauge.set({ phase }, phase === current ? 1 : 0);
      },
    });
    metrics.gauge({
      name: 'samserver_rollout_weight_ratio',
      help: 'Share of new traffic for the target side of the rollout, 0 to 1.',
      collect: (gauge) => gauge.set((rollout.current?.weightPct ?? 0) / 100),
    });
    metrics.gauge({
      name: 'samserver_draining',
      help: '1 from the start of a drain, 2 when the drain has not finished by its deadline.',
      collect: (gauge) => gauge.set(drainService.isOverdue ? 2 : drainService.drain ? 1 : 0),
    });
    const detail = (check: string, field: string): number | null => {
      const value = checks.reports[check]?.detail[field];
      return typeof value === 'number' ? value : null;
    };
    metrics.gauge({
      name: 'samserver_certificate_left_seconds',
      help: 'Time until the certificate of the reverse proxy ends, whole days; absent without one.',
      collect: (gauge) => {
        const daysLeft = detail('certificate', 'daysLeft');
        if (daysLeft !== null) gauge.set(daysLeft * 86_400);
      },
    });
    metrics.gauge({
      name: 'samserver_image_volume_free_bytes',
      help: 'Free space of the picture volume; absent without one.',
      collect: (gauge) => {
        const freeBytes = detail('volume', 'freeBytes');
        if (freeBytes !== null) gauge.set(freeBytes);
      },
    });
  }
}
