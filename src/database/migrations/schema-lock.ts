import { type LockHolder, DatabaseLock } from '../database-lock.js';
import { SchemaLockLostError } from './schema-errors.js';
import type { SchemaState } from './schema-state.js';
import type { SchemaStateRepository } from './schema-state.repository.js';

/** The lock on the schema, held. */
export class SchemaLock extends DatabaseLock {
  private constructor(
    private readonly repository: SchemaStateRepository,
    holder: LockHolder,
    lockMs: number,
    goodUntilMs: number,
  ) {
    super(repository, holder, lockMs, goodUntilMs, (reason) => new SchemaLockLostError(reason));
  }

  /** Null while another holds the lock, or was faster. */
  static async acquire(
    repository: SchemaStateRepository,
    owner: string,
    lockMs: number,
  ): Promise<{ lease: SchemaLock; state: SchemaState } | null> {
    const goodUntilMs = performance.now() + lockMs;
    const state = await repository.acquire(owner, lockMs);
    if (!state) return null;
    const holder = { owner, epoch: state.epoch };
    return { lease: new SchemaLock(repository, holder, lockMs, goodUntilMs), state };
  }

  /**
   * Writes into the state, if the lock is still held at that moment.
   * @param change made for the database's time
   * @throws SchemaLockLostError nothing was written
   */
  async record(change: (now: Date) => Partial<SchemaState>): Promise<void> {
    this.assertHeld();
    if (!(await this.repository.change(this.holder, change))) this.lose('another has taken over');
    this.signal.throwIfAborted();
  }
}
