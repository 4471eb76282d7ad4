import { Injectable, Logger } from '@nestjs/common';
import { DatabaseConnection } from '../database/index.js';
import { DrainService } from './drain.service.js';
import { ReadinessState } from './readiness-state.js';

export const INSTANCE_STATES = [
  'starting',
  'migrating',
  'ready',
  'degraded',
  'not_ready',
  'blocked',
  'draining',
] as const;
export type InstanceState = (typeof INSTANCE_STATES)[number];

const SERVING: readonly InstanceState[] = ['ready', 'degraded'];

/** What this instance can do just now, for probes and for the doors that new sockets come through. */
@Injectable()
export class InstanceLifecycle {
  private readonly logger = new Logger(InstanceLifecycle.name);
  private last: { readonly state: InstanceState; readonly since: Date } | null = null;
  private wasServing = false;

  constructor(
    private readonly databaseConnection: DatabaseConnection,
    private readonly readiness: ReadinessState,
    private readonly drainService: DrainService,
  ) {
    readiness.subscribe(() => this.updateState());
    drainService.subscribe(() => this.updateState());
  }

  get state(): InstanceState {
    return this.updateState().state;
  }

  /** When it came into this state. */
  get since(): Date {
    return this.updateState().since;
  }

  /** Traffic may be sent here. */
  get isServing(): boolean {
    return SERVING.includes(this.state);
  }

  /** It was ready or degraded at least once since it started: a release that never was must not be installed. */
  get hasEverServed(): boolean {
    this.updateState();
    return this.wasServing;
  }

  /**
   * New sockets may come. Not the same as `isServing`: no state makes the service refuse a position that it can store,
   * and one whose schema became too new under its hands still can.
   */
  get canAcceptSockets(): boolean {
    return (
      this.drainService.drain === null &&
      this.databaseConnection.hasStarted &&
      !this.readiness.has('not_ready')
    );
  }

  /** Why the state is not `ready`; codes, no details. */
  get reasons(): readonly string[] {
    const { state } = this.updateState();
    const own = state === 'draining' || state === 'starting' || state === 'migrating' ? [state] : [];
    return [...own, ...this.readiness.reasons()];
  }

  private updateState(): { readonly state: InstanceState; readonly since: Date } {
    const state = this.computeState();
    if (SERVING.includes(state)) this.wasServing = true;
    if (this.last?.state === state) return this.last;
    const from = this.last?.state;
    this.last = { state, since: new Date() };
    if (from !== undefined)
      this.logger.log(
        { from, to: state, reasons: this.readiness.reasons() },
        'the instance has changed its state',
      );
    return this.last;
  }

  private computeState(): InstanceState {
    if (this.drainService.drain) return 'draining';
    if (this.readiness.has('blocked') || this.databaseConnection.phase === 'blocked') return 'blocked';
    if (this.databaseConnection.phase === 'migrating') return 'migrating';
    if (!this.databaseConnection.hasStarted || !this.readiness.isComplete) return 'starting';
    if (this.readiness.has('not_ready')) return 'not_ready';
    return this.readiness.has('degraded') ? 'degraded' : 'ready';
  }
}
