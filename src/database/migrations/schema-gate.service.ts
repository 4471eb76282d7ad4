import { Inject, Injectable, Logger } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { failureFields, retry } from '../../core/index.js';
import { translateStorageError } from '../storage-errors.js';
import { SchemaStepFailedError } from './schema-errors.js';
import { SchemaMigrator } from './schema-migrator.js';
import { SchemaStatus } from './schema-status.service.js';
import { adviceFor } from './schema-view.js';

const RETRY_MS = 1_000;

type GatePhase = 'migrating' | 'blocked';

/** Holds back the start of an instance until this release supports the schema. */
@Injectable()
export class SchemaGate {
  private readonly logger = new Logger(SchemaGate.name);
  private lastLogged: string | null = null;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly status: SchemaStatus,
    private readonly migrations: SchemaMigrator,
  ) {}

  /** Resolves when the schema fits or at the signal. Never rejects: outages and failed steps only prolong the wait. */
  async waitUntilFits(signal: AbortSignal, onPhase: (phase: GatePhase) => void): Promise<void> {
    const attempt = async (): Promise<true | undefined> => {
      if (this.settings.schema.onStart === 'up') await this.migrate(signal, onPhase);
      const view = await this.status.read();
      if (view.fit === 'fits') return true;
      onPhase('blocked');
      this.logOnce(adviceFor(view));
      return undefined;
    };
    await retry(attempt, {
      signal,
      pauseMs: RETRY_MS,
      onError: (error) =>
        this.logger.error(
          { ...failureFields(translateStorageError(error) ?? error), retryMs: RETRY_MS },
          'schema check failed; it will be repeated',
        ),
    });
  }

  /**
   * Does not repeat a failed step, not even in a new process: restart policies and rollouts start processes although
   * the cause may not be fixed. An operator repeats it with `schema up`.
   */
  private async migrate(signal: AbortSignal, onPhase: (phase: GatePhase) => void): Promise<void> {
    const { run, failed } = await this.migrations.planUp();
    if (failed || run.length === 0) return;
    onPhase('migrating');
    try {
      await this.migrations.up({ signal, retryFailed: false });
    } catch (error) {
      if (!(error instanceof SchemaStepFailedError)) throw error;
      // The advice after the next read contains the instruction; only this line contains the whole error.
      this.logger.error({ err: error.cause ?? error }, 'schema step failed');
    }
  }

  private logOnce(advice: string): void {
    if (advice !== this.lastLogged) this.logger.error(`blocked: ${advice}`);
    this.lastLogged = advice;
  }
}
