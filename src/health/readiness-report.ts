import { Injectable } from '@nestjs/common';
import { SchemaStatus } from '../database/index.js';
import {
  InstanceIdentity,
  InstanceLifecycle,
  type InstanceState,
  DrainService,
  RolloutPoller,
} from '../deployment/index.js';
import { type CheckReport, CheckRunner } from './check-runner.js';

/** What everybody may know. */
export interface ReadyAnswer {
  readonly status: 'ready' | 'not_ready';
  readonly state: InstanceState;
  readonly reasons: readonly string[];
}

/** What operators and admins see beside it. */
export interface ReadyDetails {
  readonly since: Date;
  readonly release: {
    readonly version: string;
    readonly revision: string | null;
    readonly color: string | null;
    readonly startedAt: Date;
    /** null: nothing was ever moved, as good as `idle`. */
    readonly rollout: RolloutSummary | null;
  };
  /** null before the first look. */
  readonly schema: {
    readonly current: number;
    readonly supported: { readonly min: number; readonly max: number };
    readonly pending: number;
    readonly lock: { readonly held: boolean };
  } | null;
  readonly drain: {
    readonly active: boolean;
    /** Calls under way. */
    readonly http: number;
    readonly sockets: number;
    readonly deadline: Date | null;
  };
  readonly handover: { readonly active: boolean };
  /** null: there are no pictures here. */
  readonly volume: Readonly<Record<string, unknown>> | null;
  readonly tls: { readonly daysLeft: number | null };
  readonly checks: Readonly<Record<string, CheckReport>>;
}

interface RolloutSummary {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly phase: string;
  readonly weightPct: number;
  readonly epoch: number;
}

/** Readiness, put together from what is known already: nothing is asked of anybody. */
@Injectable()
export class ReadinessReport {
  constructor(
    private readonly instance: InstanceLifecycle,
    private readonly identity: InstanceIdentity,
    private readonly drainService: DrainService,
    private readonly rollout: RolloutPoller,
    private readonly checks: CheckRunner,
    private readonly schema: SchemaStatus,
  ) {}

  answer(): ReadyAnswer {
    const { state, reasons, isServing } = this.instance;
    return { status: isServing ? 'ready' : 'not_ready', state, reasons };
  }

  details(): ReadyDetails {
    const { drain, handover } = this.drainService;
    const checks = this.checks.reports;
    const volume = checks['volume']?.detail ?? {};
    const daysLeft = checks['certificate']?.detail['daysLeft'];
    return {
      since: this.instance.since,
      release: {
        ...this.identity.release,
        startedAt: this.identity.startedAt,
        rollout: this.rolloutSummary(),
      },
      schema: this.schemaSummary(),
      drain: {
        active: drain !== null,
        http: this.drainService.openCount('http'),
        sockets: this.drainService.openCount('sockets'),
        deadline: drain?.deadline ?? null,
      },
      handover: { active: handover !== null && !handover.isDone },
      volume: 'path' in volume ? volume : null,
      tls: { daysLeft: typeof daysLeft === 'number' ? daysLeft : null },
      checks,
    };
  }

  private schemaSummary(): ReadyDetails['schema'] {
    const view = this.schema.lastView;
    if (!view) return null;
    const { current, supported, pending, lock } = view;
    return { current, supported, pending, lock };
  }

  private rolloutSummary(): RolloutSummary | null {
    const current = this.rollout.current;
    if (!current) return null;
    const { id, from, to, phase, weightPct, epoch } = current;
    return { id, from, to, phase, weightPct, epoch };
  }
}
