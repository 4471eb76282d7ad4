import { Inject, Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, mongo } from 'mongoose';
import { SETTINGS, type Settings } from '../../config/index.js';
import { collectionOf } from '../../database/index.js';
import {
  type FindExisting,
  type Image,
  ImageReferences,
  oldAddressOf,
  type ReferenceSource,
} from '../../images/index.js';
import { namesIn, wallTimeMs } from './legacy-snapshot.js';

interface PicturesDocument {
  readonly _id: mongo.ObjectId;
  readonly images?: unknown;
}

const ADDRESS = 'uploads/ambulance_images/';
/** A document is written within this time after its pictures. */
const WRITTEN_WITHIN_MS = 2_000;
/** Longer ranges are read in parts: the collection holds tens of millions of documents. */
const RANGE_MS = 10_000;

/**
 * The pictures that documents of the old server name. Those of `ambulance_images` stay. Documents of
 * `ambulance_image_histories` whose pictures are all deleted are deleted too, with LEGACY_COLLECTIONS=write. They are found
 * by the time in their `_id`, because no index has their names.
 */
@Injectable()
export class PictureReferencesRepository implements ReferenceSource {
  constructor(
    @InjectConnection() private readonly connection: Connection,
    @Inject(SETTINGS) private readonly settings: Settings,
    references: ImageReferences,
  ) {
    references.add(this);
  }

  async shownPaths(): Promise<ReadonlySet<string>> {
    const shown = new Set<string>();
    for await (const { images } of this.collection('ambulance_images').find(
      {},
      { projection: { images: 1 } },
    ))
      for (const name of namesIn(images)) shown.add(pathOf(name));
    return shown;
  }

  async removeOf(images: readonly Image[], existing: FindExisting): Promise<number> {
    if (!this.settings.sharedCollections.isEnabled) return 0;
    const names = new Set(images.flatMap(({ path }) => oldAddressOf(path) ?? []));
    let count = 0;
    for (const [fromMs, toMs] of rangesOf([...names], images)) {
      const found = await this.histories
        .find({ _id: { $gte: firstId(fromMs), $lt: firstId(toMs) } }, { projection: { images: 1 } })
        .toArray();
      const touched = found
        .map(({ _id, images: named }) => ({ _id, names: namesIn(named) }))
        .filter((each) => each.names.some((name) => names.has(name)));
      const others = touched.flatMap((each) => each.names.filter((name) => !names.has(name)).map(pathOf));
      const left = others.length > 0 ? await existing(others) : new Set<string>();
      const ids = touched
        .filter((each) => each.names.every((name) => names.has(name) || !left.has(pathOf(name))))
        .map(({ _id }) => _id);
      if (ids.length > 0) count += (await this.histories.deleteMany({ _id: { $in: ids } })).deletedCount;
    }
    return count;
  }

  private get histories(): mongo.Collection<PicturesDocument> {
    return this.collection('ambulance_image_histories');
  }

  private collection(name: string): mongo.Collection<PicturesDocument> {
    return collectionOf<PicturesDocument>(this.connection, name);
  }
}

/**
 * The times in the ids of the documents, epoch milliseconds: those of the pictures, and the local times in their names, which
 * earlier releases used.
 */
function rangesOf(
  names: readonly string[],
  images: readonly Image[],
): readonly (readonly [number, number])[] {
  const times = [
    ...images.map(({ createdAt }) => createdAt.getTime()),
    ...names.map((name) => wallTimeMs([name])).filter((ms) => ms > 0),
  ].sort((one, other) => one - other);
  const ranges: [number, number][] = [];
  for (const ms of times) {
    const last = ranges.at(-1);
    const endMs = ms + WRITTEN_WITHIN_MS;
    if (last && ms - 1_000 <= last[1] && endMs - last[0] <= RANGE_MS) last[1] = endMs;
    else ranges.push([ms - 1_000, endMs]);
  }
  return ranges;
}

function firstId(ms: number): mongo.ObjectId {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  return new mongo.ObjectId(seconds.toString(16).padStart(8, '0') + '0'.repeat(16));
}

/** Below the volume. Some writers put a slash before the name. */
const pathOf = (name: string): string => name.replace(/^\/+/, '').replace(ADDRESS, '');
