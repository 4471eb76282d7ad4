import { describe, expect, it } from '@jest/globals';
import { diskCheck, memoryCheck } from './machine.checks.js';
import { checkPictureRights, checkTimeZone, hasRights } from './pictures.checks.js';
import type { DatedFolder, FolderRights, PictureVolume } from './pictures.js';

const folder = (path: string, uid: number, mode: number, gid = uid): FolderRights => ({
  path,
  uid,
  gid,
  mode,
});
const SAM = { uid: 1_000, gid: 1_000 };

describe('hasRights', () => {
  it.each<[number, number, number, number, boolean]>([
    [1_000, 1_000, 0o700, 7, true],
    [1_001, 1_001, 0o700, 7, false],
    [1_001, 1_000, 0o070, 7, true],
    // The owner's bits count for the owner, also when others have more.
    [1_000, 1_000, 0o077, 7, false],
    [1_001, 1_001, 0o707, 7, true],
    [1_001, 1_001, 0o701, 1, true],
    [1_001, 1_001, 0o750, 1, false],
  ])('owner %i:%i, mode %o, bits %i → %s', (uid, gid, mode, bits, expected) =>
    expect(hasRights(folder('/x', uid, mode, gid), SAM, bits)).toBe(expected),
  );
});

describe('checkPictureRights', () => {
  const volume = (way: FolderRights[], boxes: FolderRights[] = []): PictureVolume => ({
    directory: way.at(-1)?.path ?? '',
    owner: { uid: 1_000, gid: 1_000 },
    way,
    boxes,
    isUsable: true,
    bytesADay: null,
    dated: [],
  });
  const root = folder('/', 0, 0o755);
  const pictures = folder('/home/sam/pictures', 1_000, 0o700);
  const status = (way: FolderRights[], boxes?: FolderRights[], user = SAM): string => {
    const { status: found, seen } = checkPictureRights(volume(way, boxes), user);
    return `${found}: ${seen}`;
  };

  it('accepts the owner, and refuses another user of a folder with 0700', () => {
    expect(status([root, pictures])).toMatch(/^ok: /);
    expect(status([root, pictures], [], { uid: 4_321, gid: 4_321 })).toMatch(
      /^failed: .*cannot read and write 1 of 1/,
    );
  });

  it('looks at every directory on the way and at the folders of the boxes', () => {
    const home = folder('/home/sam', 1_001, 0o700);
    expect(status([root, home, pictures])).toMatch(
      /^failed: .*\/home\/sam \(owner 1001:1001, mode 0700\) is closed/,
    );
    const box = folder('/home/sam/pictures/291', 0, 0o755);
    expect(status([root, pictures], [box])).toMatch(
      /^failed: .*1 of 2 folders, the first is .*291 \(owner 0/,
    );
    expect(status([root, pictures], [{ ...box, mode: 0o777 }])).toMatch(
      /^warning: .*1 folders have another owner/,
    );
  });
});

describe('checkTimeZone', () => {
  const dated = (named: DatedFolder['named'], written: string): DatedFolder => ({
    path: `/p/${named.join('/')}`,
    named,
    writtenMs: Date.parse(written),
  });
  const BANGKOK = dated([2026, 12, 1, 5, 24], '2026-11-30T22:24:40Z');
  const status = (folders: DatedFolder[], zone: string): string => {
    const { status: found, seen } = checkTimeZone(folders, zone, 'test');
    return `${found}: ${seen}`;
  };

  it.each<[DatedFolder[], string, RegExp]>([
    [[BANGKOK, BANGKOK], 'Asia/Bangkok', /^ok: .*2 boxes fit/],
    [[BANGKOK], 'UTC', /^failed: .*named 7 h later/],
    [[dated([2026, 11, 30, 22, 24], '2026-11-30T22:24:40Z')], 'Asia/Kathmandu', /^failed: .*5\.75 h earlier/],
    // In summer Berlin is two hours ahead of UTC.
    [[dated([2026, 7, 1, 0, 10], '2026-06-30T22:10:59Z')], 'Europe/Berlin', /^ok: /],
    [[BANGKOK, dated([2026, 12, 1, 5, 24], '2026-11-30T19:00:00Z')], 'Asia/Bangkok', /^warning: .*1 of 2/],
    // A copy has the time of the copy.
    [[dated([2024, 1, 1, 5, 24], '2026-11-30T22:24:40Z')], 'Asia/Bangkok', /^not checked: /],
    [[], 'Asia/Bangkok', /^not checked: /],
  ])('%j in %s', (folders, zone, expected) => expect(status(folders, zone)).toMatch(expected));
});

describe('the size of the machine', () => {
  it.each<[number, number, number | null, string]>([
    [300e9, 1000e9, 13e9, 'ok'],
    [118e9, 500e9, 13e9, 'failed'],
    // The pictures and the reserve fit, the spool and the tee of 1 GB each do not.
    [120.9e9, 500e9, 13e9, 'failed'],
    [150e9, 500e9, 13e9, 'warning'],
    [100e9, 500e9, null, 'warning'],
    [1e9, 500e9, null, 'failed'],
    [3.9e9, 500e9, null, 'failed'],
  ])('disk: %d free of %d, %d a day → %s', (freeBytes, totalBytes, bytesADay, expected) =>
    expect(diskCheck({ freeBytes, totalBytes, bytesADay }).status).toBe(expected),
  );

  it('says how much of the disk the spool and the tee need', () => {
    const { todo } = diskCheck({ freeBytes: 1e9, totalBytes: 500e9, bytesADay: 13e9 });
    expect(todo).toContain('2000 MB are for the spool and the tee (LEGACY_SPOOL_MAX_BYTES for each');
  });

  it.each<[number, string]>([
    [2e9, 'ok'],
    [1e9, 'warning'],
    [0.5e9, 'failed'],
  ])('memory: %d available → %s', (available, expected) =>
    expect(memoryCheck(available).status).toBe(expected),
  );
});
