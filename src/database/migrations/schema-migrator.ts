import { type FactoryProvider, Logger } from '@nestjs/common';
import { getConnectionToken } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import { SETTINGS, type Settings } from '../../config/index.js';
import { retry } from '../../core/index.js';
import { createLockOwner, DatabaseLock } from '../database-lock.js';
import { DatabaseServer } from '../database-server.js';
import { MIGRATIONS } from './index.js';
import { openStepConnection, runStep, type StepConnection } from './run-step.js';
import { SchemaLockBusyError, SchemaLockLostError, SchemaStepFailedError } from './schema-errors.js';
import { type ContractPlan, planContract, planUp, type UpPlan } from './schema-plan.js';
import type { SchemaState } from './schema-state.js';
import { type SchemaStateDocument, SchemaStateRepository } from './schema-state.repository.js';
import type { SchemaStep } from './schema-step.js';

/** After this time another process may take over the lock of a crashed one. */
const LOCK_MS = 30_000;
const RETRY_MS = 500;

/** The held lock on the schema. */
type SchemaLock = DatabaseLock<SchemaStateDocument>;

interface SchemaMigratorOptions {
  readonly repository: SchemaStateRepository;
  readonly steps: readonly SchemaStep[];
  /** Unique among all processes that ever hold the lock. */
  readonly owner: string;
  readonly openConnection: () => Promise<StepConnection>;
  /** Lease of the lock, milliseconds; default 30,000. The lock is renewed while a step runs. */
  readonly lockMs?: number;
  /** Receives one line at the start and the end of each step. */
  readonly onProgress?: (message: string) => void;
}

export interface RunOptions {
  /** Ends the run before the next command. The interrupted step stays pending. */
  readonly signal: AbortSignal;
  /** Limit of the wait for the lock, milliseconds; default: none. */
  readonly waitMs?: number;
}

interface ContractOutcome {
  readonly step: SchemaStep;
  /** Why the step was refused; empty when it was run. */
  readonly reasons: readonly string[];
}

/** Runs the schema steps in the order of their versions. One lock ensures that each step is recorded once. */
export class SchemaMigrator {
  constructor(private readonly options: SchemaMigratorOptions) {}

  async planUp(): Promise<UpPlan> {
    return planUp(await this.options.repository.find(), this.options.steps);
  }

  async planContract(): Promise<ContractPlan> {
    return planContract(await this.options.repository.find(), this.options.steps);
  }

  /**
   * Runs the pending expand steps, or waits while another process runs them.
   * @param options.retryFailed repeats a failed step: an operator has fixed its cause
   * @returns the steps that this process ran
   * @throws SchemaStepFailedError, SchemaLockBusyError, SchemaLockLostError, the signal's reason, errors of an outage
   */
  async up(options: RunOptions & { readonly retryFailed: boolean }): Promise<readonly SchemaStep[]> {
    const isNeeded = (state: SchemaState): boolean => {
      const { run, failed } = planUp(state, this.options.steps);
      if (failed && !options.retryFailed) throw new SchemaStepFailedError(failed);
      return run.length > 0;
    };
    const ran = await this.underLock(options, isNeeded, async (lock, state) => {
      const { run } = planUp(state, this.options.steps);
      for (const step of run) {
        options.signal.throwIfAborted();
        state = await this.run(lock, state, step, options.signal);
      }
      return run;
    });
    return ran ?? [];
  }

  /**
   * Announces the next contract step in the database and runs it unless there is a refusal.
   * @param options.refusals gives the reasons against the step. It is called after the announcement, so that an instance
   * that starts at the same time either finds the announcement or is found by `refusals`.
   * @returns null when no contract step is next
   * @throws as `up` does
   */
  async contract(
    options: RunOptions & { readonly refusals: (step: SchemaStep) => Promise<readonly string[]> },
  ): Promise<ContractOutcome | null> {
    const next = (state: SchemaState): SchemaStep | null => {
      const { step, first } = planContract(state, this.options.steps);
      return first.length > 0 ? null : step;
    };
    return this.underLock(
      options,
      (state) => next(state) !== null,
      async (lock, state) => {
        const step = next(state);
        if (!step) return null;
        await lock.update(() => ({ contractingTo: step.version }));
        const reasons = await options.refusals(step);
        if (reasons.length > 0) {
          // Not null: an earlier attempt that has begun stays announced.
          await lock.update(() => ({ contractingTo: state.contractingTo }));
          return { step, reasons };
        }
        await this.run(lock, { ...state, contractingTo: step.version }, step, options.signal);
        return { step, reasons };
      },
    );
  }

  /**
   * Waits for the lock and runs `work` under it.
   * @returns null when `isNeeded` is or becomes false
   */
  private async underLock<T>(
    { signal, waitMs = Infinity }: RunOptions,
    isNeeded: (state: SchemaState) => boolean,
    work: (lock: SchemaLock, state: SchemaState) => Promise<T>,
  ): Promise<T | null> {
    const { repository, owner, lockMs = LOCK_MS, onProgress } = this.options;
    const endMs = performance.now() + waitMs;
    let isWaiting = false;
    const acquired = await retry(
      async () => {
        const seen = await repository.find();
        if (!isNeeded(seen)) return null;
        const found = await repository.acquire(owner, lockMs);
        if (found) return found;
        const holder = seen.owner ?? 'another process';
        if (performance.now() >= endMs) throw new SchemaLockBusyError(holder);
        if (!isWaiting) onProgress?.(`waiting: ${holder} holds the lock on the schema`);
        isWaiting = true;
        return undefined;
      },
      { signal, pauseMs: RETRY_MS, jitter: 0.5 },
    );
    if (acquired === undefined) throw signal.reason as Error;
    if (acquired === null) return null;
    const lostError = (reason: string): Error => new SchemaLockLostError(reason);
    const lock = new DatabaseLock(repository, acquired, owner, lockMs, lostError);
    try {
      return await work(lock, acquired.document);
    } finally {
      await lock.release();
    }
  }

  private async run(
    lock: SchemaLock,
    state: SchemaState,
    step: SchemaStep,
    signal: AbortSignal,
  ): Promise<SchemaState> {
    const { openConnection, onProgress = () => undefined } = this.options;
    return runStep({ lock, state, step, signal, openConnection, onProgress });
  }
}

/** The application's own steps on the database of the settings. */
export function createSchemaMigrator(
  connection: Connection,
  settings: Settings,
  server: DatabaseServer,
  onProgress: (message: string) => void,
): SchemaMigrator {
  return new SchemaMigrator({
    repository: new SchemaStateRepository(connection),
    steps: MIGRATIONS,
    owner: createLockOwner(),
    openConnection: async () => openStepConnection(await server.start(), settings),
    onProgress,
  });
}

export const schemaMigratorProvider: FactoryProvider<SchemaMigrator> = {
  provide: SchemaMigrator,
  inject: [getConnectionToken(), SETTINGS, DatabaseServer],
  useFactory: (connection: Connection, settings: Settings, server: DatabaseServer) => {
    const logger = new Logger(SchemaMigrator.name);
    return createSchemaMigrator(connection, settings, server, (message) => logger.log(message));
  },
};
