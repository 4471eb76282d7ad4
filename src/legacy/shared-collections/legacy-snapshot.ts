import type { Image } from '../../images/index.js';
import { namesInPlaces } from '../picture-names.js';

/** The pictures of one request of an old tracking box. */
export interface Snapshot {
  /** 24 hexadecimal digits. */
  readonly vehicleId: string;
  /** Time of the request; no other request of the vehicle has the same. null: of a release that did not store it. */
  readonly at: Date | null;
  /** The old server's names `uploads/ambulance_images/…`, in their places. */
  readonly names: readonly string[];
  /** Absent: pictures that the old server has got too are not in the volume. */
  readonly roleEpoch?: undefined;
}

declare module '../../core/events/event-bus.js' {
  interface EventMap {
    /** The pictures of an old box's request are durable. */
    'legacy-snapshot.stored': Snapshot & {
      /** The other fields of the request as the box sent them. */
      readonly originalFields: Readonly<Record<string, unknown>>;
      /** They are in LEGACY_SHADOW_DIR: the old server has got them too and writes them. */
      readonly isShadow?: true;
    };
  }
}

/** Field `images` of a document: `{image0: …, image1: …}`. */
type LegacyImages = Readonly<Record<string, string>>;

export function imagesOf(names: readonly string[]): LegacyImages {
  return Object.fromEntries(names.map((name, index) => [`image${index}`, name]));
}

/** The names in their order; empty for a value that is no such object. */
export function namesIn(images: unknown): readonly string[] {
  if (typeof images !== 'object' || images === null) return [];
  return Object.values(images).filter((name) => typeof name === 'string');
}

/** `…/<Y>/<M>/<D>/<H>_<m>/<m>_<s>_<4 digits>.<extension>`, without padding, in the old server's local time. */
const NAME = /\/(\d{4})\/(\d{1,2})\/(\d{1,2})\/(\d{1,2})_(\d{1,2})\/\d{1,2}_(\d{1,2})_[^/]*$/;

/**
 * The local time in the names, read as UTC: epoch milliseconds for comparisons with other names only. 0 without a time.
 */
export function wallTimeMs(names: readonly string[]): number {
  const times = names.map((name) => {
    const [year = 0, month = 0, day, hour, minute, second] = (NAME.exec(name) ?? []).slice(1).map(Number);
    return year === 0 ? 0 : Date.UTC(year, month - 1, day, hour, minute, second);
  });
  return Math.max(0, ...times);
}

type Post = Pick<Snapshot, 'at' | 'names'>;

/** Whether these are parts of one request. A box sends up to two requests a second, so the second in the names is not enough. */
export function isSamePost(one: Post, other: Post): boolean {
  if (one.at && other.at) return one.at.getTime() === other.at.getTime();
  return wallTimeMs(one.names) !== 0 && wallTimeMs(one.names) === wallTimeMs(other.names);
}

export function isBefore(one: Post, other: Post): boolean {
  if (one.at && other.at) return one.at < other.at;
  return wallTimeMs(one.names) < wallTimeMs(other.names);
}

/** Each name once: first `names` in their order, then the new ones of `more`. */
export function unionOf(names: readonly string[], more: readonly string[]): readonly string[] {
  return [...new Set([...names, ...more])];
}

/**
 * Groups stored pictures into requests: pictures of one request have the same time. Pictures of earlier releases have no
 * place; those of one request have the same second in their names.
 */
export function snapshotsOf(
  images: readonly Image[],
  nameOf: (path: string) => string | null,
): readonly Snapshot[] {
  const posts = new Map<string, { vehicleId: string; at: Date | null; names: (string | null)[] }>();
  for (const { vehicleId, path, origin, place, createdAt } of images) {
    const name = nameOf(path);
    // The old server has written the documents of an adopted picture itself.
    if (vehicleId === null || name === null || origin === 'adopted') continue;
    const at = place === undefined ? null : createdAt;
    const key = `${vehicleId}:${at ? `at ${at.getTime()}` : wallTimeMs([name]) || name}`;
    const post = posts.get(key) ?? { vehicleId, at, names: [] };
    if (place === undefined) post.names.push(name);
    else post.names[place] = name;
    posts.set(key, post);
  }
  return [...posts.values()].map(({ vehicleId, at, names }) => ({
    vehicleId,
    at,
    names: at ? namesInPlaces(Array.from(names, (name) => name ?? null)) : (names.sort() as string[]),
  }));
}
