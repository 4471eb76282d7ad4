import type { Connection, mongo } from 'mongoose';
import { collectionOf, openConnection } from '../../../database/index.js';

const TIMEOUT_MS = 5_000;
const OPERATION_TIMEOUT_MS = 10_000;
/** Codes of the server (`error_codes.yml`). */
const NAMESPACE_NOT_FOUND = 26;
const PROBE_COLLECTION = 'samserver_preflight';

export interface Privilege {
  /** The empty text stands for every database; null: a resource that is no collection. */
  readonly database: string | null;
  readonly collection: string | null;
  readonly isAny: boolean;
  readonly actions: readonly string[];
}

export type Access =
  /** The database asks for no login. */
  | { readonly kind: 'open' }
  | { readonly kind: 'privileges'; readonly privileges: readonly Privilege[] }
  | { readonly kind: 'unknown'; readonly reason: string };

export interface CollectionFacts {
  readonly name: string;
  readonly exists: boolean;
  /** From the collection's own count, without reading documents; null: refused. */
  readonly documents: number | null;
  /** The fields of each index in their order; null: refused. */
  readonly indexes: readonly (readonly string[])[] | null;
  /** Null: one document could be read by its `_id`. */
  readonly readFault: string | null;
}

export interface DatabaseFacts {
  readonly name: string;
  /** `hello.maxWireVersion`: 17 is MongoDB 6.0. */
  readonly wireVersion: number;
  readonly members: readonly string[];
  readonly isPrimary: boolean;
  /** The database's clock minus this machine's, milliseconds, and half of the round trip, which is its uncertainty. */
  readonly clockOffsetMs: number;
  readonly clockErrorMs: number;
  readonly access: Access;
  readonly collections: readonly CollectionFacts[];
  readonly disk: { readonly totalBytes: number; readonly usedBytes: number } | null;
  /** Result of the writing probe; null: not asked for. */
  readonly probe: { readonly fault: string | null } | null;
}

/**
 * Looks at a database without scanning a collection: commands on metadata, and one document by `_id` of each collection.
 * @param isProbing also creates, fills and drops the collection `samserver_preflight`
 * @throws errors of the driver when the database is not reachable
 */
export async function readDatabaseFacts(
  url: string,
  collections: readonly string[],
  isProbing: boolean,
): Promise<DatabaseFacts> {
  const connection = await openConnection(url, {
    appName: 'samserver preflight',
    serverSelectionTimeoutMS: TIMEOUT_MS,
    connectTimeoutMS: TIMEOUT_MS,
    socketTimeoutMS: OPERATION_TIMEOUT_MS,
    // As the service does: an address with another preference would show a secondary.
    readPreference: 'primary',
    maxPoolSize: 2,
    autoIndex: false,
    autoCreate: false,
  });
  try {
    return await new DatabaseReader(connection).read(collections, isProbing);
  } finally {
    await connection.close(true);
  }
}

class DatabaseReader {
  constructor(private readonly connection: Connection) {}

  async read(collections: readonly string[], isProbing: boolean): Promise<DatabaseFacts> {
    const hello = await this.hello();
    const looked: CollectionFacts[] = [];
    for (const name of collections) looked.push(await this.collection(name));
    return {
      name: this.connection.name,
      ...hello,
      access: await this.access(),
      collections: looked,
      disk: await this.disk(),
      probe: isProbing ? { fault: await this.probe() } : null,
    };
  }

  private async hello(): Promise<
    Pick<DatabaseFacts, 'wireVersion' | 'members' | 'isPrimary' | 'clockOffsetMs' | 'clockErrorMs'>
  > {
    // The first exchange opens a connection and would count as round trip.
    await this.command({ ping: 1 });
    const sentMs = Date.now();
    const reply = await this.command({ hello: 1 });
    const roundTripMs = Date.now() - sentMs;
    const databaseMs = reply['localTime'] instanceof Date ? reply['localTime'].getTime() : NaN;
    return {
      wireVersion: Number(reply['maxWireVersion'] ?? 0),
      members: Array.isArray(reply['hosts']) ? reply['hosts'].map(String) : [],
      isPrimary: reply['isWritablePrimary'] === true,
      clockOffsetMs: databaseMs - (sentMs + roundTripMs / 2),
      clockErrorMs: roundTripMs / 2,
    };
  }

  private async access(): Promise<Access> {
    try {
      const reply = await this.command({ connectionStatus: 1, showPrivileges: true });
      const info = reply['authInfo'] as mongo.Document | undefined;
      const users: unknown = info?.['authenticatedUsers'];
      const privileges: unknown = info?.['authenticatedUserPrivileges'];
      if (!Array.isArray(users) || !Array.isArray(privileges))
        return { kind: 'unknown', reason: 'connectionStatus shows no privileges' };
      if (users.length === 0) return { kind: 'open' };
      return { kind: 'privileges', privileges: (privileges as mongo.Document[]).map(privilegeOf) };
    } catch (error) {
      return { kind: 'unknown', reason: reasonOf(error) };
    }
  }

  private async collection(name: string): Promise<CollectionFacts> {
    const collection = collectionOf(this.connection, name);
    let exists = true;
    const refused = (error: unknown): null => {
      if ((error as { code?: unknown }).code === NAMESPACE_NOT_FOUND) exists = false;
      return null;
    };
    const keys = await collection.indexes().catch(refused);
    const documents = await collection.estimatedDocumentCount().catch(refused);
    const readFault = await collection
      .find({}, { projection: { _id: 1 }, limit: 1 })
      .sort({ _id: 1 })
      .toArray()
      .then(() => null, reasonOf);
    return {
      name,
      // A server can answer with an empty list for a collection that does not exist.
      exists: exists && !(documents === 0 && (keys === null || keys.length === 0)),
      documents,
      indexes: keys?.map(({ key }) => Object.keys(key)) ?? null,
      readFault,
    };
  }

  private async disk(): Promise<DatabaseFacts['disk']> {
    const reply = await this.command({ dbStats: 1 }).catch(() => null);
    const totalBytes = Number(reply?.['fsTotalSize']);
    const usedBytes = Number(reply?.['fsUsedSize']);
    return totalBytes > 0 && usedBytes >= 0 ? { totalBytes, usedBytes } : null;
  }

  /** Every kind of write that the service makes, in a collection of its own. @returns why one failed */
  private async probe(): Promise<string | null> {
    const collection = collectionOf<{ _id: string; at: number }>(this.connection, PROBE_COLLECTION);
    const writeConcern = { w: 'majority' as const, j: true, wtimeoutMS: TIMEOUT_MS };
    try {
      await collection.insertOne({ _id: `${process.pid} ${Date.now()}`, at: 0 }, { writeConcern });
      await collection.createIndex({ at: 1 });
      await collection.updateOne({ at: 0 }, { $set: { at: 1 } }, { writeConcern });
      await collection.deleteMany({ at: 1 }, { writeConcern });
      return null;
    } catch (error) {
      return reasonOf(error);
    } finally {
      // An empty collection that cannot be dropped is harmless.
      await collection.drop().catch(() => undefined);
    }
  }

  private command(command: mongo.Document): Promise<mongo.Document> {
    if (!this.connection.db) throw new Error('the connection is closed');
    return this.connection.db.command(command);
  }
}

function privilegeOf({ resource, actions }: mongo.Document): Privilege {
  const { db, collection, anyResource } = (resource ?? {}) as Record<string, unknown>;
  return {
    database: typeof db === 'string' ? db : null,
    collection: typeof collection === 'string' ? collection : null,
    isAny: anyResource === true,
    actions: Array.isArray(actions) ? actions.map(String) : [],
  };
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 300);
}
