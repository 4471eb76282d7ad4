import { describe, expect, it } from '@jest/globals';
import type { Image } from '../../images/index.js';
import {
  imagesOf,
  isBefore,
  isSamePost,
  namesIn,
  snapshotsOf,
  unionOf,
  wallTimeMs,
} from './legacy-snapshot.js';

const name = (minute: number, number = 1): string =>
  `uploads/ambulance_images/291/2026/3/9/14_${minute}/${minute}_5_471${number}.jpg`;
const image = (path: string, createdAtMs: number, more: Partial<Image> = {}): Image => ({
  id: 'b'.repeat(24),
  vehicleId: 'a'.repeat(24),
  path,
  filename: 'a.jpg',
  contentType: 'image/jpeg',
  sizeBytes: 1,
  sha256: 'c'.repeat(64),
  width: 1,
  height: 1,
  origin: 'upload',
  createdAt: new Date(createdAtMs),
  ...more,
});

describe('a snapshot', () => {
  it('is stored as `image0`, `image1`, … and read in that order', () => {
    const images = imagesOf([name(7), name(8)]);
    expect(images).toEqual({ image0: name(7), image1: name(8) });
    expect(namesIn(images)).toEqual([name(7), name(8)]);
    expect([namesIn(undefined), namesIn(null), namesIn({ image0: 7 })]).toEqual([[], [], []]);
  });

  it('gets its time from its unpadded names', () => {
    expect(wallTimeMs([name(7)])).toBe(Date.UTC(2026, 2, 9, 14, 7, 5));
    expect(wallTimeMs(['uploads/ambulance_images/x/../y.jpg'])).toBe(0);
  });

  it('is the same request when the times are the same, or without a time the seconds in the names', () => {
    const post = (names: string[], atMs?: number) => ({
      at: atMs === undefined ? null : new Date(atMs),
      names,
    });
    expect(isSamePost(post([name(9, 1)]), post([name(9, 2)]))).toBe(true);
    expect(isSamePost(post([name(9)]), post([name(10)]))).toBe(false);
    expect(isSamePost(post(['of no time']), post(['of no time']))).toBe(false);
    // Two requests within a second.
    expect(isSamePost(post([name(9, 1)], 1_000), post([name(9, 2)], 1_700))).toBe(false);
    expect(isBefore(post([name(9, 1)], 1_000), post([name(9, 2)], 1_700))).toBe(true);
    expect(isSamePost(post([name(9, 1)], 1_000), post([name(9, 2)], 1_000))).toBe(true);
    expect(unionOf([name(9, 2), name(9, 1)], [name(9, 1), name(9, 3)])).toEqual([
      name(9, 2),
      name(9, 1),
      name(9, 3),
    ]);
  });

  it('contains the pictures of one request in their places', () => {
    const nameOf = (path: string): string => `old/${path}`;
    const snapshots = snapshotsOf(
      [
        image('291/2026/3/9/14_7/7_5_1002.jpg', 5_100, { place: 1 }),
        image('291/2026/3/9/14_7/7_5_1003.jpg', 5_800, { place: 1 }),
        image('291/2026/3/9/14_7/7_5_1001.jpg', 5_100, { place: 0 }),
      ],
      nameOf,
    );
    expect(snapshots.map(({ at, names }) => [at?.getTime(), names])).toEqual([
      [5_100, ['old/291/2026/3/9/14_7/7_5_1001.jpg', 'old/291/2026/3/9/14_7/7_5_1002.jpg']],
      // The first picture of the second request could not be stored.
      [5_800, ['old/291/2026/3/9/14_7/7_5_0000.jpg', 'old/291/2026/3/9/14_7/7_5_1003.jpg']],
    ]);
  });

  it('contains the pictures of one request that have an old name', () => {
    const nameOf = (path: string): string | null => (path.startsWith('samserver/') ? null : `old/${path}`);
    const snapshots = snapshotsOf(
      [
        image('291/2026/3/9/14_7/7_5_1002.jpg', 1_000),
        image('291/2026/3/9/14_7/7_5_1001.jpg', 1_900),
        image('291/2026/3/9/14_7/7_6_1003.jpg', 2_000),
        image('291/timeless', 2_000),
        image('samserver/d', 3_000),
        image('291/e', 4_000, { origin: 'adopted' }),
        image('292/f', 5_000, { vehicleId: null }),
      ],
      nameOf,
    );
    expect(snapshots.map(({ names }) => names)).toEqual([
      ['old/291/2026/3/9/14_7/7_5_1001.jpg', 'old/291/2026/3/9/14_7/7_5_1002.jpg'],
      ['old/291/2026/3/9/14_7/7_6_1003.jpg'],
      ['old/291/timeless'],
    ]);
  });
});
