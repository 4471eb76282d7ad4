import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { type LegacyRole, SETTINGS, type Settings } from '../../config/index.js';
import { BackgroundJobs, Clock, DomainError, EventBus, type JsonOf, RecordEpoch } from '../../core/index.js';
import { DatabaseConnection, StartupTasks } from '../../database/index.js';
import { changedRole, type RoleChange, type RoleRecord, roleUnder, SETTING_EPOCH } from './legacy-role.js';
import { LegacyMoveRepository } from './legacy-move.repository.js';

/** Every instance has a change within a second, also without Redis. */
const POLL_INTERVAL_MS = 900;

declare module '../../core/events/event-bus.js' {
  interface EventMap {
    /** The role was changed in storage. Shared with every instance. */
    'legacy-roles.changed': RoleRecord;
    /** This instance has another role than before. */
    'legacy-roles.adopted': null;
  }
}

/** Something that was stored with the epoch under which it arrived. */
export interface WithRoleEpoch {
  readonly roleEpoch?: number;
}

/**
 * Who writes the shared collections and notifies the panel while two servers get the same requests: the old server or this
 * service (docs/adr/0027). LEGACY_ROLES applies until the first change; from then on the record in storage does. During a
 * database outage the last known role stays.
 */
@Injectable()
export class LegacyRoles implements OnModuleInit, OnApplicationBootstrap {
  private readonly logger = new Logger(LegacyRoles.name);
  private known: RoleRecord | null = null;
  private wasRead = false;

  constructor(
    private readonly storage: LegacyMoveRepository,
    private readonly recordEpoch: RecordEpoch,
    private readonly events: EventBus,
    private readonly startupTasks: StartupTasks,
    private readonly database: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
    private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'legacy'>,
  ) {
    recordEpoch.current = this.epoch;
    events.share('legacy-roles.changed', { fromJson: recordOfJson });
    events.subscribe('legacy-roles.changed', (record) => {
      this.adopt(record);
    });
  }

  onModuleInit(): void {
    this.startupTasks.add('legacy roles', () => this.read());
  }

  onApplicationBootstrap(): void {
    this.jobs.start({
      name: 'legacy-roles',
      intervalMs: POLL_INTERVAL_MS,
      jitter: 0,
      startsAfter: () => this.database.whenStarted(),
      run: () => this.read(),
    });
  }

  get role(): LegacyRole {
    return this.known?.role ?? this.settings.legacy.role;
  }

  /** This service writes the shared collections and notifies the panel. */
  get isWriter(): boolean {
    return this.role === 'samserver';
  }

  /** The epoch that records carry which arrive now; undefined without a move. */
  get epoch(): number | undefined {
    return this.known?.epoch ?? (this.isWriter ? undefined : SETTING_EPOCH);
  }

  /** `epoch`; null: storage was not read yet, so the role is not certain. */
  get arrivalEpoch(): number | undefined | null {
    return this.wasRead ? this.epoch : null;
  }

  /** null: the role was never changed, and LEGACY_ROLES applies. */
  get record(): RoleRecord | null {
    return this.known;
  }

  /**
   * Those that arrived while this service had the role: nothing else may be written to the shared collections.
   * @throws storage's errors, when another instance has a later role than this one
   */
  async ours<T extends WithRoleEpoch>(items: readonly T[]): Promise<readonly T[]> {
    const knownEpoch = this.known?.epoch ?? SETTING_EPOCH;
    if (items.some(({ roleEpoch = SETTING_EPOCH }) => roleEpoch > knownEpoch)) await this.read();
    return items.filter(({ roleEpoch }) => roleUnder(this.known, roleEpoch) === 'samserver');
  }

  /**
   * Gives the role away or takes it. To set the present role again changes nothing once there is a record.
   * @param seenEpoch epoch that the caller has seen; undefined: any
   * @throws ops/legacy-roles-changed when another epoch is in storage; storage/unavailable
   */
  async change(change: Pick<RoleChange, 'role' | 'by' | 'why'>, seenEpoch?: number): Promise<RoleRecord> {
    const before = await this.storage.findRole();
    if (seenEpoch !== undefined && seenEpoch !== (before?.epoch ?? SETTING_EPOCH)) throw hasChanged();
    if (before?.role === change.role) return before;
    const record = changedRole(before, change, new Date(this.clock.nowMs()));
    if (!(await this.storage.replaceRole(before?.epoch ?? null, record))) throw hasChanged();
    await this.events.publishAndWait('legacy-roles.changed', record);
    return record;
  }

  private async read(): Promise<void> {
    this.adopt(await this.storage.findRole());
    this.wasRead = true;
  }

  /** A read can return an earlier record than an event that arrived during it. */
  private adopt(record: RoleRecord | null): void {
    if (!record || record.epoch <= (this.known?.epoch ?? SETTING_EPOCH)) return;
    this.known = record;
    this.recordEpoch.current = record.epoch;
    this.logger.log({ role: record.role, epoch: record.epoch }, 'role beside the old server');
    this.events.publish('legacy-roles.adopted', null);
  }
}

function recordOfJson({ history, ...record }: JsonOf<RoleRecord>): RoleRecord {
  return { ...record, history: history.map((change) => ({ ...change, at: new Date(change.at) })) };
}

function hasChanged(): DomainError {
  return new DomainError(
    'ops/legacy-roles-changed',
    'The role has been changed since the epoch that this request names; read it again.',
  );
}
