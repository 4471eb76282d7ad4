import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { BackgroundJobs, EventBus } from '../../core/index.js';
import { DatabaseConnection, StartupTasks } from '../../database/index.js';
import { LegacyMoveRepository, type MirrorState } from '../roles/legacy-move.repository.js';

const POLL_INTERVAL_MS = 900;

declare module '../../core/events/event-bus.js' {
  interface EventMap {
    /** Mirrored posts are taken, or not any more. Shared with every instance. */
    'legacy-mirror.changed': MirrorState;
  }
}

/** Whether mirrored posts are taken. LEGACY_MIRROR applies until the first change. */
@Injectable()
export class MirrorSwitch implements OnModuleInit, OnApplicationBootstrap {
  private readonly logger = new Logger(MirrorSwitch.name);
  private readonly canBeMirrored: boolean;
  private state: MirrorState;

  constructor(
    private readonly storage: LegacyMoveRepository,
    private readonly events: EventBus,
    private readonly startupTasks: StartupTasks,
    private readonly database: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
    @Inject(SETTINGS) { legacy }: Pick<Settings, 'legacy'>,
  ) {
    this.canBeMirrored = legacy.mirror.secret !== null;
    this.state = { isOn: legacy.mirror.isOn, revision: 0 };
    events.share('legacy-mirror.changed');
    events.subscribe('legacy-mirror.changed', (state) => this.adopt(state));
  }

  onModuleInit(): void {
    this.startupTasks.add('legacy mirror', () => this.read());
  }

  onApplicationBootstrap(): void {
    if (!this.canBeMirrored) return;
    this.jobs.start({
      name: 'legacy-mirror',
      intervalMs: POLL_INTERVAL_MS,
      jitter: 0,
      startsAfter: () => this.database.whenStarted(),
      run: () => this.read(),
    });
  }

  get isOn(): boolean {
    return this.state.isOn;
  }

  /**
   * Changes it on this instance and on those that Redis reaches at once, also while storage does not answer.
   * @throws storage/unavailable: the others, and the next start, keep the former state
   */
  async change(isOn: boolean): Promise<void> {
    const state = { isOn, revision: this.state.revision + 1 };
    await this.events.publishAndWait('legacy-mirror.changed', state);
    await this.storage.saveMirror(state);
  }

  private async read(): Promise<void> {
    const found = await this.storage.findMirror();
    // Of two changes at once, storage decides.
    if (found && found.revision >= this.state.revision) this.set(found);
  }

  private adopt(state: MirrorState): void {
    if (state.revision > this.state.revision) this.set(state);
  }

  private set(state: MirrorState): void {
    if (state.isOn !== this.state.isOn) this.logger.log(state, 'taking of mirrored posts changed');
    this.state = state;
  }
}
