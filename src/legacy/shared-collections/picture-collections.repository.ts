import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, mongo } from 'mongoose';
import { collectionOf } from '../../database/index.js';
import { mergedNames } from '../picture-names.js';
import { deterministicId } from './deterministic-id.js';
import { timeMsOf } from './document-time.js';
import {
  imagesOf,
  isBefore,
  isSamePost,
  namesIn,
  type Snapshot,
  unionOf,
  wallTimeMs,
} from './legacy-snapshot.js';
import type { NamedPost } from './old-time-zone.js';

type Post = Pick<Snapshot, 'at' | 'names'>;

interface PicturesDocument {
  readonly _id: mongo.ObjectId;
  readonly ambulance_id: unknown;
  readonly images?: unknown;
  /** The history that was made of the request before. */
  readonly ambulance_image_histories_id?: mongo.ObjectId;
  readonly createdAt?: unknown;
  /** Time of the request, as old server and Samserver set it: by receipt, in spite of the names. */
  readonly updatedAt?: unknown;
  readonly __v?: number;
}

/** An attempt fails when another writer has written the document meanwhile. */
const MAX_ATTEMPTS = 5;
/** Of documents that are compared with the time zone; there is one for each vehicle. */
const MAX_POSTS = 1_000;

/**
 * `ambulance_images` (newest request of each vehicle) and `ambulance_image_histories` (earlier requests). A request may be
 * given repeatedly, in parts and in any order: the newest ends up in the first collection, every other one in the second,
 * under an id made of its time. A request of an earlier release has only the second in its names as its time.
 */
@Injectable()
export class PictureCollectionsRepository {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  /** @returns the number of documents written */
  async upsert(ambulanceId: string, post: Post): Promise<number> {
    let count = 0;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const current = await this.currentOf(ambulanceId);
      const shown = postIn(current);
      if (isKnown(post, shown)) return count;
      const isPart = isSamePost(post, shown);
      if (!isPart && isBefore(post, shown))
        return count + (await this.upsertHistory(ambulanceId, post)).count;
      // Writes the history first: after a kill between the writes the request is in both, and the next write repairs
      // that.
      const former =
        isPart || shown.names.length === 0
          ? null
          : await this.upsertHistory(ambulanceId, { ...shown, at: shown.at ?? post.at });
      count += former?.count ?? 0;
      const names = isPart ? combined(shown, post) : post.names;
      const change = {
        images: imagesOf(names),
        ...(former && { ambulance_image_histories_id: former.id }),
        ...(post.at && { updatedAt: post.at }),
      };
      if (await this.replace(ambulanceId, current, change)) return count + 1;
    }
    return count;
  }

  /** Those of the requests that `upsert` has to look at: not the newest one, and not in the history under their own id. */
  async missingOf<T extends { readonly ambulanceId: string; readonly item: Post }>(
    entries: readonly T[],
  ): Promise<readonly T[]> {
    const owners = [...new Set(entries.map(({ ambulanceId }) => ambulanceId))];
    const currents = await this.pictures.find({ ambulance_id: { $in: owners.flatMap(bothIdsOf) } }).toArray();
    const shown = new Map(currents.map((each) => [String(each.ambulance_id), postIn(each)]));
    const ids = entries.map(({ ambulanceId, item }) => historyIdOf(ambulanceId, item));
    const histories = await this.histories
      .find({ _id: { $in: ids } }, { projection: { images: 1 } })
      .toArray();
    const former = new Map(histories.map(({ _id, images }) => [_id.toHexString(), namesIn(images)]));
    return entries.filter(({ ambulanceId, item }, n) => {
      const newest = shown.get(ambulanceId);
      if (newest && isKnown(item, newest)) return false;
      // A newer request than the newest one is shown, even when it is in the history.
      if (!newest || !isBefore(item, newest)) return true;
      const names = former.get(ids[n]?.toHexString() ?? '') ?? [];
      return !item.names.every((name, place) => names[place] === name);
    });
  }

  /** Whether the request is in its place: the newest one, or a history of this service or of the old server after it. */
  async has(ambulanceId: string, post: Post): Promise<boolean> {
    const current = await this.currentOf(ambulanceId);
    if (isKnown(post, postIn(current))) return true;
    const byOldServer = current?.ambulance_image_histories_id;
    const ids = [historyIdOf(ambulanceId, post), ...(byOldServer ? [byOldServer] : [])];
    const histories = await this.histories.find({ _id: { $in: ids } }).toArray();
    return histories.some(({ images }) => post.names.every((name) => namesIn(images).includes(name)));
  }

  /** The newest request of each vehicle whose document has the time of its arrival. */
  async listPosts(): Promise<NamedPost[]> {
    const projection = { images: 1, updatedAt: 1 };
    const found = await this.pictures.find({}, { projection }).limit(MAX_POSTS).toArray();
    return found.flatMap((document): NamedPost[] => {
      const { at, names } = postIn(document);
      return at ? [{ wallMs: wallTimeMs(names), atMs: at.getTime() }] : [];
    });
  }

  /** @returns false when another writer has written the document since it was read */
  private async replace(
    ambulanceId: string,
    current: PicturesDocument | null,
    change: Pick<PicturesDocument, 'images' | 'ambulance_image_histories_id' | 'updatedAt'>,
  ): Promise<boolean> {
    if (current) {
      // An absent field equals null.
      const asRead = { _id: current._id, updatedAt: current.updatedAt ?? null };
      return (await this.pictures.updateOne(asRead, { $set: change })).matchedCount === 1;
    }
    // Uses the ambulance's id as `_id`: two instances that insert at once create one document.
    const _id = new mongo.ObjectId(ambulanceId);
    const $setOnInsert = { ambulance_id: _id, ...change, createdAt: change.updatedAt ?? new Date(), __v: 0 };
    return (await this.pictures.updateOne({ _id }, { $setOnInsert }, { upsert: true })).upsertedCount === 1;
  }

  private async upsertHistory(
    ambulanceId: string,
    { at, names }: Post,
  ): Promise<{ readonly id: mongo.ObjectId; readonly count: number }> {
    const id = historyIdOf(ambulanceId, { at, names });
    const known = { at, names: namesIn((await this.histories.findOne({ _id: id }))?.images) };
    const all = combined(known, { at, names });
    if (isEqual(all, known.names)) return { id, count: 0 };
    const images = imagesOf(all);
    const times = at && { createdAt: at, updatedAt: at };
    const former = { ambulance_id: new mongo.ObjectId(ambulanceId), images, ...times, __v: 0 };
    await this.histories.updateOne({ _id: id }, { $set: former }, { upsert: true });
    return { id, count: 1 };
  }

  private currentOf(ambulanceId: string): Promise<PicturesDocument | null> {
    return this.pictures.findOne({ ambulance_id: { $in: bothIdsOf(ambulanceId) } });
  }

  private get pictures(): mongo.Collection<PicturesDocument> {
    return collectionOf<PicturesDocument>(this.connection, 'ambulance_images');
  }

  private get histories(): mongo.Collection<PicturesDocument> {
    return collectionOf<PicturesDocument>(this.connection, 'ambulance_image_histories');
  }
}

/** As an ObjectId and as text: it is not known which of them other programs write. */
const bothIdsOf = (ambulanceId: string): unknown[] => [new mongo.ObjectId(ambulanceId), ambulanceId];

function historyIdOf(ambulanceId: string, { at, names }: Post): mongo.ObjectId {
  const atMs = at?.getTime() ?? wallTimeMs(names);
  // Names without a time identify the request themselves.
  const mark = atMs === 0 ? [...names].sort().join('\n') : '';
  return new mongo.ObjectId(deterministicId('pictures', atMs, ambulanceId, mark));
}

function postIn(document: PicturesDocument | null): Post {
  const atMs = timeMsOf(document?.updatedAt);
  return { at: atMs === null ? null : new Date(atMs), names: namesIn(document?.images) };
}

/** A later request can have the same names: equal pictures of one vehicle are stored once. */
function isKnown(post: Post, shown: Post): boolean {
  if (post.at && shown.at && post.at > shown.at) return false;
  return isSamePost(post, shown)
    ? isEqual(combined(shown, post), shown.names)
    : post.names.every((name) => shown.names.includes(name));
}

/** The names of one request, of which two parts are known. */
function combined(known: Post, more: Post): readonly string[] {
  return known.at && more.at ? mergedNames(known.names, more.names) : unionOf(known.names, more.names);
}

function isEqual(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, place) => name === other[place]);
}
