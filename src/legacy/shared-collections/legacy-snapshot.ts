import type { Image } from '../../images/index.js';

/** The pictures of one post. */
export interface Snapshot {
  /** 24 hexadecimal digits. */
  readonly vehicleId: string;
  /** As the old server calls them, in the order of the post: `uploads/ambulance_images/…`. */
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

/** `images` of a document: `{image0: …, image1: …}`. */
export type LegacyImages = Readonly<Record<string, string>>;

export function imagesOf(names: readonly string[]): LegacyImages {
  return Object.fromEntries(names.map((name, index) => [`image${index}`, name]));
}

/** In their order; empty for what is no such object. */
export function namesIn(images: unknown): readonly string[] {
  if (typeof images !== 'object' || images === null) return [];
  return Object.values(images).filter((name) => typeof name === 'string');
}

/** `…/<Y>/<M>/<D>/<H>_<m>/<m>_<s>_<4 digits>.<extension>`, none of them padded, by the clock on the server's wall. */
const NAME = /\/(\d{4})\/(\d{1,2})\/(\d{1,2})\/(\d{1,2})_(\d{1,2})\/\d{1,2}_(\d{1,2})_[^/]*$/;

/**
 * When they were taken in, to be compared with others only: the time on the wall, taken for UTC. 0 for what does not say.
 */
export function wallTimeMs(names: readonly string[]): number {
  const times = names.map((name) => {
    const [year = 0, month = 0, day, hour, minute, second] = (NAME.exec(name) ?? []).slice(1).map(Number);
    return year === 0 ? 0 : Date.UTC(year, month - 1, day, hour, minute, second);
  });
  return Math.max(0, ...times);
}

/** The same post, as far as its names tell: no box posts twice within a second. */
export function isSamePost(one: readonly string[], other: readonly string[]): boolean {
  return wallTimeMs(one) !== 0 && wallTimeMs(one) === wallTimeMs(other);
}

/** Each once: those that stand there in their order, then the others. */
export function unionOf(names: readonly string[], more: readonly string[]): readonly string[] {
  return [...new Set([...names, ...more])];
}

/** One for each post: storage knows pictures, and tells which came together by the second in their names. */
export function snapshotsOf(
  images: readonly Image[],
  nameOf: (path: string) => string | null,
): readonly Snapshot[] {
  const posts = new Map<string, { vehicleId: string; names: string[] }>();
  for (const { vehicleId, path, origin } of images) {
    const name = nameOf(path);
    // An adopted one was the old server's: it has written its documents itself.
    if (vehicleId === null || name === null || origin === 'adopted') continue;
    const key = `${vehicleId}:${wallTimeMs([name]) || name}`;
    const post = posts.get(key) ?? { vehicleId, names: [] };
    post.names.push(name);
    posts.set(key, post);
  }
  return [...posts.values()].map(({ vehicleId, names }) => ({ vehicleId, names: names.sort() }));
}
