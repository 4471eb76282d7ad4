import { type Connection, mongo } from 'mongoose';
import { UnavailableError } from '../../core/commands/index.js';
import { collectionOf, openConnection } from '../../database/index.js';

/** Documents of one query. A query of a busy database must end soon. */
const PAGE_SIZE = 1_000;
const TIME_LIMIT_MS = 10_000;

/** Times are epoch milliseconds; ids are 24 hexadecimal digits. */
interface OldDocument {
  readonly id: string;
  readonly ambulanceId: string;
  /** By the clock of the machine that made the id, to the second. */
  readonly atMs: number;
}

export interface OldHistory extends OldDocument {
  /** Kilometres an hour, not rounded; null when it is no number. */
  readonly speedKmh: number | null;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface OldPicturePost extends OldDocument {
  /** Paths as the documents have them, in the order of `image0`, `image1`. */
  readonly paths: readonly string[];
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface OldCrash extends OldDocument {
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface OldTracking extends OldDocument {
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * The collections of the old server. The large ones are read by ranges of `_id`, which begins with the time, and only so:
 * every MongoDB has that index, and production has 56 million picture histories.
 */
export class OldStoreRepository {
  private constructor(private readonly connection: Connection) {}

  /** @param url with the name of the database @throws UnavailableError that does not contain the address */
  static async open(url: string): Promise<OldStoreRepository> {
    const options = {
      serverSelectionTimeoutMS: TIME_LIMIT_MS,
      connectTimeoutMS: TIME_LIMIT_MS,
      socketTimeoutMS: TIME_LIMIT_MS,
      maxPoolSize: 2,
      autoIndex: false,
      autoCreate: false,
    };
    try {
      return new OldStoreRepository(await openConnection(url, options));
    } catch (error) {
      throw new UnavailableError('the database of the old server is not reachable', { cause: error });
    }
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  /** The ambulances with these box codes: code → id. */
  async ambulanceIds(codes: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = await this.collection('ambulances')
      .find({ ambulance_box_code: { $in: [...codes] } })
      .limit(2 * codes.length + 1)
      .toArray();
    return new Map(found.map(({ _id, ambulance_box_code: code }) => [String(code), String(_id)]));
  }

  /** The ambulances with a box code that are not deleted, of the first `limit` ones: code → id. */
  async allAmbulanceIds(limit: number): Promise<ReadonlyMap<string, string>> {
    const found = await this.collection('ambulances').find().sort({ _id: 1 }).limit(limit).toArray();
    return new Map(
      found
        .filter(({ isdeleted }) => isdeleted !== true)
        .flatMap(({ _id, ambulance_box_code: code }) =>
          typeof code === 'string' || typeof code === 'number' ? [[String(code), String(_id)] as const] : [],
        ),
    );
  }

  /** Positions but the first one of each vehicle. @param fromMs, toMs from ≤ time < to, whole seconds count */
  async *histories(fromMs: number, toMs: number): AsyncGenerator<OldHistory> {
    for await (const document of this.range('ambulance_tracking_histories', fromMs, toMs))
      yield { ...headOf(document), speedKmh: numberOr(document['speed']), fields: document };
  }

  /** Picture posts that a later one has replaced; the time is that of the later one. */
  async *pictureHistories(fromMs: number, toMs: number): AsyncGenerator<OldPicturePost> {
    for await (const document of this.range('ambulance_image_histories', fromMs, toMs))
      yield { ...headOf(document), paths: pathsIn(document['images']), fields: document };
  }

  async *crashes(fromMs: number, toMs: number): AsyncGenerator<OldCrash> {
    for await (const document of this.range('ambulance_crashes', fromMs, toMs))
      yield { ...headOf(document), fields: document };
  }

  /** The newest picture post of each vehicle: one document a vehicle. */
  async newestPictures(ambulanceIds: readonly string[]): Promise<OldPicturePost[]> {
    const found = await this.ofAmbulances('ambulance_images', ambulanceIds);
    return found.map((document) => ({
      ...headOf(document),
      paths: pathsIn(document['images']),
      fields: document,
    }));
  }

  /** One document a vehicle. */
  async trackings(ambulanceIds: readonly string[]): Promise<OldTracking[]> {
    const found = await this.ofAmbulances('ambulance_trackings', ambulanceIds);
    return found.map((document) => ({ ...headOf(document), fields: document }));
  }

  private async *range(name: string, fromMs: number, toMs: number): AsyncGenerator<mongo.Document> {
    const [from, to] = [Math.floor(fromMs / 1_000), Math.ceil(toMs / 1_000)];
    let bound: mongo.Filter<mongo.Document> = { $gte: idAt(from) };
    for (;;) {
      const page = await this.collection(name)
        .find({ _id: { ...bound, $lt: idAt(to) } })
        .sort({ _id: 1 })
        .limit(PAGE_SIZE)
        .toArray();
      yield* page;
      const last = page.at(-1);
      if (!last || page.length < PAGE_SIZE) return;
      bound = { $gt: last['_id'] };
    }
  }

  private ofAmbulances(name: string, ambulanceIds: readonly string[]): Promise<mongo.Document[]> {
    const ids = ambulanceIds.map((id) => new mongo.ObjectId(id));
    return this.collection(name)
      .find({ ambulance_id: { $in: ids } })
      .limit(2 * ids.length + 1)
      .toArray();
  }

  private collection(name: string): mongo.Collection {
    return collectionOf(this.connection, name);
  }
}

function idAt(seconds: number): mongo.ObjectId {
  const hex = Math.min(Math.max(seconds, 0), 0xffff_ffff).toString(16).padStart(8, '0');
  return new mongo.ObjectId(`${hex}0000000000000000`);
}

function headOf(document: mongo.Document): OldDocument {
  const { _id, ambulance_id: ambulance } = document as { _id: unknown; ambulance_id?: unknown };
  return {
    id: String(_id),
    ambulanceId: String(ambulance),
    atMs: _id instanceof mongo.ObjectId ? _id.getTimestamp().getTime() : 0,
  };
}

function numberOr(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function pathsIn(images: unknown): string[] {
  if (typeof images !== 'object' || images === null) return [];
  return Object.entries(images)
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .flatMap(([, path]) => (typeof path === 'string' ? [path] : []));
}
