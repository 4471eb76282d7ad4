import { Injectable, Logger } from '@nestjs/common';
import { EventBus } from '../core/index.js';
import { DatabaseConnection, type DatabasePhase } from '../database/index.js';

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

/** The effect of a health issue on the instance, worst first. */
const EFFECTS = ['blocked', 'not_ready', 'degraded'] as const;
export type Effect = (typeof EFFECTS)[number];

/** One problem found by a health check. `reason` is a code such as `mongo.down`, the same in `/ready`, logs and metrics. */
export interface HealthIssue {
  readonly effect: Effect;
  readonly reason: string;
}

/** Everything that decides the state of an instance. */
export interface LifecycleInputs {
  /** Progress of the start: connection, schema, startup tasks. */
  readonly startupPhase: DatabasePhase;
  /** Every health check has completed a run that began after the start. */
  readonly isChecked: boolean;
  /** The confirmed issues of all health checks. */
  readonly issues: readonly HealthIssue[];
  readonly isDraining: boolean;
}

export interface InstanceStateChange {
  readonly from: InstanceState;
  readonly to: InstanceState;
  /** Reasons of the health issues at this moment, worst first. */
  readonly reasons: readonly string[];
}

declare module '../core/events/event-bus.js' {
  interface EventMap {
    'instance.state-changed': InstanceStateChange;
  }
}

/** The state of an instance as a function of its inputs. The order of the lines is the order of precedence. */
export function instanceState({
  startupPhase,
  isChecked,
  issues,
  isDraining,
}: LifecycleInputs): InstanceState {
  const has = (effect: Effect): boolean => issues.some((issue) => issue.effect === effect);
  if (isDraining) return 'draining';
  if (has('blocked') || startupPhase === 'blocked') return 'blocked';
  if (startupPhase === 'migrating') return 'migrating';
  if (startupPhase !== 'started' || !isChecked) return 'starting';
  if (has('not_ready')) return 'not_ready';
  return has('degraded') ? 'degraded' : 'ready';
}

/**
 * The lifecycle state machine of this instance. Health checks, the database start and the drain write their inputs;
 * probes, metrics and the socket handshake read the state. A read never triggers a transition.
 *
 * A handover is not a state: the instance stays ready.
 */
@Injectable()
export class InstanceLifecycle {
  private readonly logger = new Logger(InstanceLifecycle.name);
  private readonly issuesByCheck = new Map<string, readonly HealthIssue[]>();
  private resolveFirstChecked: () => void = () => undefined;
  private readonly firstChecked = new Promise<void>((resolve) => (this.resolveFirstChecked = resolve));
  private inputs: LifecycleInputs;
  private current: { readonly state: InstanceState; readonly since: Date };
  private wasServing = false;

  constructor(
    database: DatabaseConnection,
    private readonly events: EventBus,
  ) {
    this.inputs = { startupPhase: database.phase, isChecked: false, issues: [], isDraining: false };
    this.current = { state: instanceState(this.inputs), since: new Date() };
    events.subscribe('database.phase-changed', ({ phase }) => this.setStartupPhase(phase));
  }

  get state(): InstanceState {
    return this.current.state;
  }

  /** Time of the last transition. */
  get since(): Date {
    return this.current.since;
  }

  /** The instance is ready for traffic. */
  get isServing(): boolean {
    return isServingState(this.current.state);
  }

  /** The instance was ready or degraded at least once. A rolling update must not install a release that never was. */
  get hasEverServed(): boolean {
    return this.wasServing;
  }

  /**
   * New sockets are accepted. This differs from `isServing`: no state makes the service refuse a position that it can
   * store, and a blocked instance can still store positions.
   */
  get canAcceptSockets(): boolean {
    const { isDraining, startupPhase, issues } = this.inputs;
    return !isDraining && startupPhase === 'started' && !issues.some(({ effect }) => effect === 'not_ready');
  }

  /** Why the state is not `ready`: codes without details, worst first. */
  get reasons(): readonly string[] {
    const { state } = this.current;
    const own = state === 'draining' || state === 'starting' || state === 'migrating' ? [state] : [];
    return [...own, ...this.issueReasons()];
  }

  setStartupPhase(startupPhase: DatabasePhase): void {
    this.update({ startupPhase });
  }

  /** Replaces the issues of one check; an empty list means that the check passes. */
  reportIssues(check: string, issues: readonly HealthIssue[]): void {
    this.issuesByCheck.set(check, issues);
    this.update({ issues: [...this.issuesByCheck.values()].flat() });
  }

  /** Ends `starting`: every check has completed a run that began after the start. */
  completeFirstChecks(): void {
    this.update({ isChecked: true });
    this.resolveFirstChecked();
  }

  /** Resolves after `completeFirstChecks`; never when the service stops during its start. */
  whenFirstChecked(): Promise<void> {
    return this.firstChecked;
  }

  /** Final: no other state follows. */
  startDraining(): void {
    this.update({ isDraining: true });
  }

  private update(changed: Partial<LifecycleInputs>): void {
    this.inputs = { ...this.inputs, ...changed };
    const from = this.current.state;
    const to = instanceState(this.inputs);
    if (from === to) return;
    this.current = { state: to, since: new Date() };
    this.wasServing ||= isServingState(to);
    const reasons = this.issueReasons();
    this.logger.log({ from, to, reasons }, 'instance state changed');
    this.events.publish('instance.state-changed', { from, to, reasons });
  }

  /** Worst first, each once. */
  private issueReasons(): string[] {
    const ordered = EFFECTS.flatMap((effect) =>
      this.inputs.issues.filter((issue) => issue.effect === effect),
    );
    return [...new Set(ordered.map(({ reason }) => reason))];
  }
}

function isServingState(state: InstanceState): boolean {
  return state === 'ready' || state === 'degraded';
}
