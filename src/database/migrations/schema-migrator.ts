import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseLock } from '../database-lock.js';
import { SchemaLockBusyError, SchemaLockLostError, SchemaStepFailedError } from './schema-errors.js';
import { type ContractPlan, planContract, planUp, type UpPlan } from './schema-plan.js';
import type { SchemaState } from './schema-state.js';
import type { SchemaStateDocument, SchemaStateRepository } from './schema-state.repository.js';
import { runStep } from './run-step.js';
import type { SchemaStep } from './schema-step.js';
import type { StepConnection } from './step-connection.js';

/** A crashed owner's lock is taken over after so long. */
const LOCK_MS = 30_000;
const RETRY_MS = 500;

/** The held lock on the schema. */
type SchemaLock = DatabaseLock<SchemaStateDocument>;

export interface SchemaMigratorOptions {
  readonly repository: SchemaStateRepository;
  readonly steps: readonly SchemaStep[];
  /** Unique among all processes that ever hold the lock. */
  readonly owner: string;
  readonly openConnection: () => Promise<StepConnection>;
  /** How long the lock is good for without being renewed; default 30,000. */
  readonly lockMs?: number;
  /** Told of each step, for a log or a terminal. */
  readonly onProgress?: (message: string) => void;
}

export interface RunOptions {
  /** Ends the run before the next command; what was begun stays pending. */
  readonly signal: AbortSignal;
  /** How long to wait while another holds the lock; default: for as long as it takes. */
  readonly waitMs?: number;
}

/** Takes the schema from version to version: under one lock, each step recorded once, whoever else tries. */
export class SchemaMigrator {
  constructor(private readonly options: SchemaMigratorOptions) {}

  async planUp(): Promise<UpPlan> {
    return planUp(await this.options.repository.find(), this.options.steps);
  }

  async planContract(): Promise<ContractPlan> {
    return planContract(await this.options.repository.find(), this.options.steps);
  }

  /**
   * Runs the pending expand steps, or waits until somebody else has.
   * @param options.retryFailed a person says that the cause of a recorded failure is mended
   * @returns the steps that were run here
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
   * Runs the contract step that is next, once everybody could see it coming.
   * @param refusals asked after the announcement is in the database: an instance that starts now either is seen by it,
   * or sees the announcement
   * @returns null when there is nothing to contract
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
          // Back to what the lock was taken with: an attempt that had begun goes on binding.
          await lock.update(() => ({ contractingTo: state.contractingTo }));
          return { step, reasons };
        }
        await this.run(lock, { ...state, contractingTo: step.version }, step, options.signal);
        return { step, reasons };
      },
    );
  }

  /** @returns null when it is not needed, at first or any more */
  private async underLock<T>(
    { signal, waitMs = Infinity }: RunOptions,
    isNeeded: (state: SchemaState) => boolean,
    work: (lock: SchemaLock, state: SchemaState) => Promise<T>,
  ): Promise<T | null> {
    const { repository, owner, lockMs = LOCK_MS, onProgress } = this.options;
    const endMs = performance.now() + waitMs;
    for (let tries = 0; ; tries += 1) {
      signal.throwIfAborted();
      const seen = await repository.find();
      if (!isNeeded(seen)) return null;
      const acquired = await repository.acquire(owner, lockMs);
      if (acquired) {
        const lock = new DatabaseLock(
          repository,
          acquired,
          owner,
          lockMs,
          (why) => new SchemaLockLostError(why),
        );
        try {
          return await work(lock, acquired.document);
        } finally {
          await lock.release();
        }
      }
      if (performance.now() >= endMs) throw new SchemaLockBusyError(seen.owner ?? 'somebody else');
      if (tries === 0) onProgress?.(`waiting: ${seen.owner ?? 'somebody else'} holds the lock on the schema`);
      // Not all at the same moment, when ten instances start at once.
      await sleep(RETRY_MS * (0.5 + Math.random()), undefined, { signal });
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

export interface ContractOutcome {
  readonly step: SchemaStep;
  /** Empty: it was run. */
  readonly reasons: readonly string[];
}
