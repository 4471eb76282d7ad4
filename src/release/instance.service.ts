import { Injectable, Logger } from '@nestjs/common';
import { DatabaseLink } from '../database/index.js';
import { LettingGo } from './letting-go.service.js';
import { ReadinessBoard } from './readiness-board.js';

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
export class InstanceService {
  private readonly logger = new Logger(InstanceService.name);
  private last: { readonly state: InstanceState; readonly since: Date } | null = null;
  private wasServing = false;

  constructor(
    private readonly link: DatabaseLink,
    private readonly board: ReadinessBoard,
    private readonly lettingGo: LettingGo,
  ) {
    board.subscribe(() => this.settle());
    lettingGo.subscribe(() => this.settle());
  }

  get state(): InstanceState {
    return this.settle().state;
  }

  /** When it came into this state. */
  get since(): Date {
    return this.settle().since;
  }

  /** Traffic may be sent here. */
  get isServing(): boolean {
    return SERVING.includes(this.state);
  }

  /** It was ready or degraded at least once since it started: a release that never was must not be installed. */
  get hasEverServed(): boolean {
    this.settle();
    return this.wasServing;
  }

  /**
   * New sockets may come. Not the same as `isServing`: no state makes the service refuse a position that it can store,
   * and one whose schema became too new under its hands still can.
   */
  get canTakeIn(): boolean {
    return this.lettingGo.drain === null && this.link.hasStarted && !this.board.has('not_ready');
  }

  /** Why the state is not `ready`; codes, no details. */
  get reasons(): readonly string[] {
    const { state } = this.settle();
    const own = state === 'draining' || state === 'starting' || state === 'migrating' ? [state] : [];
    return [...own, ...this.board.reasons()];
  }

  private settle(): { readonly state: InstanceState; readonly since: Date } {
    const state = this.derive();
    if (SERVING.includes(state)) this.wasServing = true;
    if (this.last?.state === state) return this.last;
    const from = this.last?.state;
    this.last = { state, since: new Date() };
    if (from !== undefined)
      this.logger.log(
        { from, to: state, reasons: this.board.reasons() },
        'the instance has changed its state',
      );
    return this.last;
  }

  private derive(): InstanceState {
    if (this.lettingGo.drain) return 'draining';
    if (this.board.has('blocked') || this.link.phase === 'blocked') return 'blocked';
    if (this.link.phase === 'migrating') return 'migrating';
    if (!this.link.hasStarted || !this.board.isComplete) return 'starting';
    if (this.board.has('not_ready')) return 'not_ready';
    return this.board.has('degraded') ? 'degraded' : 'ready';
  }
}
