import type { Connection } from 'mongoose';
import { type AcquiredDocument, LockRepository } from '../lock.repository.js';
import { EMPTY_SCHEMA_STATE, type SchemaState, startedContraction } from './schema-state.js';

const ID = 'schema';

export type SchemaStateDocument = SchemaState & { readonly _id: string };

/** `schema_state`: the record of the steps and the lock on them, in one document. */
export class SchemaStateRepository extends LockRepository<SchemaStateDocument> {
  constructor(connection: Connection) {
    const initial = { _id: ID, ...EMPTY_SCHEMA_STATE };
    super(connection, { collection: 'schema_state', initial, freedAt: '1970' });
  }

  /** An announced contract step that the last holder did not begin is withdrawn: it must not block other releases. */
  override acquire(owner: string, leaseMs: number): Promise<AcquiredDocument<SchemaStateDocument> | null> {
    return super.acquire(owner, leaseMs, (seen) => ({ contractingTo: startedContraction(seen) }));
  }
}
