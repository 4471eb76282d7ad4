import { Inject, Injectable, Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { SETTINGS, type Settings } from '../../config/index.js';
import { adviceFor } from './schema-advice.js';
import { SchemaStepFailedError } from './schema-errors.js';
import { SchemaMigrator } from './schema-migrator.js';
import { SchemaStatus } from './schema-status.service.js';

const RETRY_MS = 1_000;

export type GatePhase = 'migrating' | 'blocked';

/** Where a starting instance waits until the schema is one that it works with. */
@Injectable()
export class SchemaGate {
  private readonly logger = new Logger(SchemaGate.name);
  private lastLogged: string | null = null;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly status: SchemaStatus,
    private readonly migrations: SchemaMigrator,
  ) {}

  /** Resolves when the schema fits, or at the signal; never rejects: an outage and a failed step are waited out. */
  async waitUntilFits(signal: AbortSignal, onPhase: (phase: GatePhase) => void): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.settings.schema.onStart === 'up') await this.migrate(signal, onPhase);
        const view = await this.status.read();
        if (view.fit === 'fits') return;
        onPhase('blocked');
        this.logOnce(adviceFor(view));
      } catch (error) {
        if (!signal.aborted)
          this.logger.error(
            { err: error as Error, retryMs: RETRY_MS },
            'the schema could not be looked at, trying again',
          );
      }
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /**
   * A recorded failure is left alone, also by a process that is started anew: restart policies and rollouts start
   * processes, and only a person knows that the cause is mended. That is what `schema up` says.
   */
  private async migrate(signal: AbortSignal, onPhase: (phase: GatePhase) => void): Promise<void> {
    const { run, failed } = await this.migrations.planUp();
    if (failed || run.length === 0) return;
    onPhase('migrating');
    try {
      await this.migrations.up({ signal, retryFailed: false });
    } catch (error) {
      if (!(error instanceof SchemaStepFailedError)) throw error;
      // The read that follows says what to do; the log keeps what the record has no room for.
      this.logger.error({ err: error.cause ?? error }, 'a step of the schema failed');
    }
  }

  /** Once, not with every read. */
  private logOnce(advice: string): void {
    if (advice !== this.lastLogged) this.logger.error(`blocked: ${advice}`);
    this.lastLogged = advice;
  }
}
