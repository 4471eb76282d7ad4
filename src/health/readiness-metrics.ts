import { Injectable } from '@nestjs/common';
import { Metrics } from '../core/index.js';
import { SchemaStatus } from '../database/index.js';
import {
  INSTANCE_STATES,
  InstanceLifecycle,
  DrainService,
  ROLLOUT_PHASES,
  RolloutPoller,
} from '../deployment/index.js';
import { CheckRunner } from './check-runner.js';

const STATUS_VALUE = { pending: NaN, down: 0, degraded: 0.5, up: 1 } as const;

/** What the instance is and what its checks found, as figures. */
@Injectable()
export class ReadinessMetrics {
  constructor(
    metrics: Metrics,
    instance: InstanceLifecycle,
    checks: CheckRunner,
    rollout: RolloutPoller,
    drainService: DrainService,
    schema: SchemaStatus,
  ) {
    metrics.gauge({
      name: 'samserver_instance_state',
      help: '1 for the state that the instance is in, 0 for the others.',
      labelNames: ['state'],
      collect: (gauge) => {
        const { state } = instance;
        for (const each of INSTANCE_STATES) gauge.set({ state: each }, each === state ? 1 : 0);
      },
    });
    metrics.gauge({
      name: 'samserver_check_status',
      help: 'What each readiness check has come to: 1 up, 0.5 degraded, 0 down, NaN before its first look.',
      labelNames: ['check'],
      collect: (gauge) => {
        for (const [check, { status }] of Object.entries(checks.reports))
          gauge.set({ check }, STATUS_VALUE[status]);
      },
    });
    metrics.gauge({
      name: 'samserver_schema_version',
      help: 'Version of the database’s schema; NaN before the first look.',
      collect: (gauge) => gauge.set(schema.lastView?.current ?? NaN),
    });
    metrics.gauge({
      name: 'samserver_rollout_phase',
      help: '1 for the phase of the move that is under way or was last, 0 for the others.',
      labelNames: ['phase'],
      collect: (gauge) => {
        const current = rollout.current?.phase ?? 'idle';
        for (const phase of ROLLOUT_PHASES) gauge.set({ phase }, phase === current ? 1 : 0);
      },
    });
    metrics.gauge({
      name: 'samserver_rollout_weight_ratio',
      help: 'Share of new traffic that goes to the side that is moved to.',
      collect: (gauge) => gauge.set((rollout.current?.weightPct ?? 0) / 100),
    });
    metrics.gauge({
      name: 'samserver_draining',
      help: '1 from the beginning of a drain on, 2 when it is past its deadline with work still open.',
      collect: (gauge) => gauge.set(drainService.isOverdue ? 2 : drainService.drain ? 1 : 0),
    });
  }
}
