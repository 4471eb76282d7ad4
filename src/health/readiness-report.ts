import { Injectable } from '@nestjs/common';
import { SchemaStatus } from '../database/index.js';
import { InstanceIdentity } from '../cluster/index.js';
import { DrainService, InstanceLifecycle, type InstanceState, RolloutPoller } from '../deployment/index.js';
import { type CheckReport, CheckRunner } from './check-runner.js';

/** Answer of `/ready` to anonymous callers. */
export interface ReadyAnswer {
  readonly status: 'ready' | 'not_ready';
  readonly state: InstanceState;
  readonly reasons: readonly string[];
}

/** Additional fields for operators and admins. */
export interface ReadyDetails {
  readonly since: Date;
  readonly release: {
    readonly version: string;
    readonly revision: string | null;
    readonly color: string | null;
    readonly startedAt: Date;
    /** null means the same as phase `idle`. */
    readonly rollout: RolloutSummary | null;
  };
  /** null before the first read. */
  readonly schema: {
    readonly current: number;
    readonly supported: { readonly min: number; readonly max: number };
    readonly pending: number;
    readonly lock: { readonly held: boolean };
  } | null;
  readonly drain: {
    readonly active: boolean;
    /** Requests in flight. */
    readonly http: number;
    readonly sockets: number;
    readonly deadline: Date | null;
  };
  readonly handover: { readonly active: boolean };
  /** null: no picture directory is configured. */
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

/** Builds the answers of `/ready` from values in memory. */
@Injectable()
export class ReadinessReport {
  constructor(
    private readonly lifecycle: InstanceLifecycle,
    private readonly identity: InstanceIdentity,
    private readonly drainService: DrainService,
    private readonly rollout: RolloutPoller,
    private readonly checks: CheckRunner,
    private readonly schema: SchemaStatus,
  ) {}

  answer(): ReadyAnswer {
    const { state, reasons, isServing } = this.lifecycle;
    return { status: isServing ? 'ready' : 'not_ready', state, reasons };
  }

  details(): ReadyDetails {
    const { drain, handover } = this.drainService;
    const checks = this.checks.reports;
    const volume = checks['volume']?.detail ?? {};
    const daysLeft = checks['certificate']?.detail['daysLeft'];
    return {
      since: this.lifecycle.since,
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

/** Example of a refusal for anonymous callers, for the API document. */
export const READY_REFUSAL = { status: 'not_ready', state: 'not_ready', reasons: ['mongo.down'] };

/** Example with all details, for the API document. */
export const READY_DETAILS = {
  status: 'ready',
  state: 'degraded',
  reasons: ['tls.expiring'],
  since: '2026-11-24T03:00:00.000Z',
  release: {
    version: '0.1.0',
    revision: '1b2c3d4e5f60718293a4b5c6d7e8f90123456789',
    color: 'green',
    startedAt: '2026-11-24T02:59:58.000Z',
    rollout: {
      id: '0d6f7c0e-7f5b-4a43-9d6e-0f0f5a3f8a11',
      from: 'blue',
      to: 'green',
      phase: 'shifting',
      weightPct: 25,
      epoch: 7,
    },
  },
  schema: { current: 1, supported: { min: 1, max: 1 }, pending: 0, lock: { held: false } },
  drain: { active: false, http: 3, sockets: 214, deadline: null },
  handover: { active: false },
  volume: {
    path: '/app/public/uploads/ambulance_images',
    writable: true,
    freeBytes: 51_000_000_000,
    manifest: { files: 311_204, verifiedAt: '2026-11-23T03:00:00.000Z', mismatched: 0 },
  },
  tls: { daysLeft: 9 },
  checks: {
    mongo: { status: 'up', critical: true, latencyMs: 3, reasons: [], detail: { clockSkewMs: 0 } },
    certificate: {
      status: 'degraded',
      critical: false,
      latencyMs: 1,
      reasons: ['tls.expiring'],
      detail: { daysLeft: 9 },
    },
  },
};
