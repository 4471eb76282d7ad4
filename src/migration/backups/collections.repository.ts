import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, mongo } from 'mongoose';
import { databaseOf, insertRaw, SchemaStateRepository } from '../../database/index.js';

const { EJSON } = mongo.BSON;

/** Documents of one read and of one insert. */
const BATCH_DOCUMENTS = 1_000;
const MARKER = 'samserver_restore';
const NO_SUCH_COLLECTION = 26;

/** What the old server owns: in a backup only when it is named. */
const OLD_COLLECTION = /^(?:ambulance|aoc_)/;
/** Of running instances: a restore must not bring them back. Leases end by themselves, and their epochs are needed. */
const OF_INSTANCES = new Set(['instances', MARKER]);
/** A restore writes them last: without them no service takes the database for its own. */
const LAST = ['schema_state', 'deployment'];

export interface FoundCollection {
  readonly name: string;
  readonly isClustered: boolean;
  readonly indexes: readonly Readonly<Record<string, unknown>>[];
}

interface RawBatch {
  readonly firstBatch: Buffer[];
  readonly id: mongo.Long;
}

/** The collections of one database, without models: their documents stay bytes. */
export class CollectionsRepository {
  constructor(readonly database: mongo.Db) {}

  /**
   * Those of a backup, in the order in which a restore writes them.
   * @param old names of collections of the old server that belong to it
   */
  async list(old: readonly string[]): Promise<FoundCollection[]> {
    const found = (await this.database.listCollections().toArray()) as mongo.CollectionInfo[];
    const wanted = found.filter(
      ({ name, type = 'collection' }) =>
        type === 'collection' &&
        !name.startsWith('system.') &&
        !OF_INSTANCES.has(name) &&
        (!OLD_COLLECTION.test(name) || old.includes(name)),
    );
    const rank = (name: string): number => LAST.indexOf(name);
    wanted.sort((one, other) => rank(one.name) - rank(other.name) || (one.name < other.name ? -1 : 1));
    return Promise.all(
      wanted.map(async ({ name, options }) => ({
        name,
        isClustered: options !== undefined && 'clusteredIndex' in options,
        indexes: await this.indexesOf(name),
      })),
    );
  }

  /** Names with at least one document. */
  async used(): Promise<string[]> {
    const found = await this.database.listCollections().toArray();
    const names: string[] = [];
    for (const { name } of found)
      if (name !== MARKER && (await this.database.collection(name).findOne({})) !== null) names.push(name);
    return names;
  }

  /**
   * All documents in the order of `_id`, in batches.
   * @param after begins behind this `_id`; only for a collection whose `_id`s have one type
   */
  async *read(name: string, after?: unknown): AsyncGenerator<Buffer[]> {
    if (!(await this.hasOneIdType(name))) {
      yield* this.readByCursor(name);
      return;
    }
    for (let last: unknown = after; ;) {
      const documents = await this.readBatch(name, last);
      const newest = documents.at(-1);
      if (newest === undefined) return;
      yield documents;
      last = idOf(newest);
    }
  }

  /** `$gt` finds values of the same type only. The lowest and the highest `_id` have the same type when all have it. */
  async hasOneIdType(name: string): Promise<boolean> {
    const end = async (order: 1 | -1): Promise<unknown> => {
      const found = this.database.collection(name).find({}, { raw: true, projection: { _id: 1 } });
      const [raw] = (await found.sort({ _id: order }).limit(1).toArray()) as unknown as (
        Buffer | undefined
      )[];
      // An element begins with its type, behind the length of the document.
      return raw?.[4];
    };
    return (await end(1)) === (await end(-1));
  }

  async create({ name, isClustered, indexes }: FoundCollection): Promise<void> {
    const options = isClustered ? { clusteredIndex: { key: { _id: 1 }, unique: true } } : {};
    await this.database.command({ create: name, ...options });
    if (indexes.length === 0) return;
    const specs = indexes.map(({ v: _version, ns: _namespace, ...spec }) => spec);
    await this.database.command({ createIndexes: name, indexes: specs });
  }

  async insert(name: string, documents: readonly Uint8Array[]): Promise<void> {
    for (let start = 0; start < documents.length; start += BATCH_DOCUMENTS) {
      const duplicates = await insertRaw(
        this.database,
        name,
        documents.slice(start, start + BATCH_DOCUMENTS),
      );
      if (duplicates.size > 0) throw new Error(`${name} has ${duplicates.size} of the documents already`);
    }
  }

  async drop(): Promise<void> {
    await this.database.dropDatabase();
  }

  /** The set whose restore has begun and not ended; null: none. */
  async unfinishedRestore(): Promise<string | null> {
    const found = await this.marker.findOne({});
    return found?.set ?? null;
  }

  async beginRestore(set: string): Promise<void> {
    await this.marker.insertOne({ _id: 'restore', set });
  }

  async endRestore(): Promise<void> {
    await this.marker.deleteOne({ _id: 'restore' });
  }

  private get marker(): mongo.Collection<{ readonly _id: string; readonly set: string }> {
    return this.database.collection(MARKER);
  }

  private async indexesOf(name: string): Promise<FoundCollection['indexes']> {
    const listed = this.database.collection(name).listIndexes().toArray();
    const indexes = (await listed.catch((error: mongo.MongoServerError) => {
      if (error.code !== NO_SUCH_COLLECTION) throw error;
      return [];
    })) as FoundCollection['indexes'];
    return indexes.filter(({ key }) => Object.keys(key as object).join() !== '_id');
  }

  private async readBatch(name: string, after: unknown): Promise<Buffer[]> {
    const command = {
      find: name,
      filter: after === undefined ? {} : { _id: { $gt: after } },
      sort: { _id: 1 },
      limit: BATCH_DOCUMENTS,
      // One more, so that the server closes the cursor with the last document.
      batchSize: BATCH_DOCUMENTS + 1,
    };
    // The driver parses no document.
    const reply = await this.database.command(command, {
      fieldsAsRaw: { firstBatch: true },
      promoteLongs: false,
    });
    const { firstBatch, id } = (reply as { cursor: RawBatch }).cursor;
    // Large documents fill a batch earlier: the next read begins behind the last one.
    if (!id.isZero()) await this.database.command({ killCursors: name, cursors: [id] });
    return firstBatch;
  }

  private async *readByCursor(name: string): AsyncGenerator<Buffer[]> {
    const cursor = this.database.collection(name).find({}, { raw: true, batchSize: BATCH_DOCUMENTS });
    let batch: Buffer[] = [];
    for await (const document of cursor.sort({ _id: 1 }) as unknown as AsyncIterable<Buffer>) {
      batch.push(document);
      if (batch.length < BATCH_DOCUMENTS) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }
}

/** The database of `MONGODB_URL`, and a scratch database on the same server. @throws storage/unavailable without a connection */
@Injectable()
export class BackupDatabases {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  get name(): string {
    return this.connection.name;
  }

  get own(): CollectionsRepository {
    return new CollectionsRepository(databaseOf(this.connection));
  }

  get scratch(): CollectionsRepository {
    const name = `${this.connection.name}_rehearsal`;
    return new CollectionsRepository(databaseOf(this.connection.useDb(name, { useCache: false })));
  }

  async schemaVersion(): Promise<number> {
    return (await new SchemaStateRepository(this.connection).find()).version;
  }
}

/** As text that keeps the type. */
export const textOfId = (id: unknown): string => EJSON.stringify(id, { relaxed: false });
export const idOfText = (text: string): unknown => EJSON.parse(text, { relaxed: false }) as unknown;

/** With the types of BSON: a number that was 64 bits long stays so. */
export function idOf(document: Uint8Array): unknown {
  const { _id } = mongo.BSON.deserialize(document, { promoteValues: false, promoteBuffers: false });
  return _id as unknown;
}
