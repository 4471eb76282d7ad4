import type { Image } from '../../images/index.js';

/** The pictures of one request of an old tracking box. */
export interface Snapshot {
  /** 24 hexadecimal digits. */
  readonly vehicleId: string;
  /** The old server's names `uploads/ambulance_images/…`, in the order of the request. */
  readonly names: readonly string[];
}

declare module '../../core/events/event-bus.js' {
  interface EventMap {
    /** The pictures of an old box's request are durable. */
    'legacy-snapshot.stored': Snapshot & {
      /** The other fields of the request as the box sent them. */
      readonly originalFields: Readonly<Record<string, unknown>>;
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

/** Whether the names belong to one request: a box sends at most one request a second. */
export function isSamePost(one: readonly string[], other: readonly string[]): boolean {
  return wallTimeMs(one) !== 0 && wallTimeMs(one) === wallTimeMs(other);
}

/** Each name once: first `names` in their order, then the new ones of `more`. */
export function unionOf(names: readonly string[], more: readonly string[]): readonly string[] {
  return [...new Set([...names, ...more])];
}

/** Groups stored pictures into requests: pictures of one request have the same second in their names. */
export function snapshotsOf(
  images: readonly Image[],
  nameOf: (path: string) => string | null,
): readonly Snapshot[] {
  const posts = new Map<string, { vehicleId: string; names: string[] }>();
  for (const { vehicleId, path, origin } of images) {
    const name = nameOf(path);
    // The old server has written the documents of an adopted picture itself.
    if (vehicleId === null || name === null || origin === 'adopted') continue;
    const key = `${vehicleId}:${wallTimeMs([name]) || name}`;
    const post = posts.get(key) ?? { vehicleId, names: [] };
    post.names.push(name);
    posts.set(key, post);
  }
  return [...posts.values()].map(({ vehicleId, names }) => ({ vehicleId, names: names.sort() }));
}
