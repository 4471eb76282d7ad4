import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Crash, CrashesService } from '../../crashes/index.js';
import type { LegacyRoles } from '../roles/legacy-roles.js';
import type { AmbulanceDirectory } from './ambulance-directory.js';
import type { CrashCollectionRepository } from './crash-collection.repository.js';
import { CrashSource } from './mirror-sources.js';

const crash = (id: string, roleEpoch?: number) =>
  ({ id, vehicleId: 'v', ...(roleEpoch !== undefined && { roleEpoch }) }) as Crash;
const OURS = crash('ours', 2);
const THEIRS = crash('theirs', 1);

let isWriter: boolean;
let written: string[];
let source: CrashSource;
beforeEach(() => {
  isWriter = true;
  written = [];
  const directory = { resolve: async () => new Map([['v', 'ambulance']]) } as unknown as AmbulanceDirectory;
  const roles = {
    get isWriter() {
      return isWriter;
    },
    ours: async (items: readonly Crash[]) => items.filter(({ roleEpoch }) => roleEpoch !== 1),
  } as unknown as LegacyRoles;
  const collection = {
    upsert: async (entries: readonly { crash: Crash }[]) =>
      written.push(...entries.map((each) => each.crash.id)),
    isAnyMissing: async (crashes: readonly Crash[]) => crashes.some(({ id }) => !written.includes(id)),
  } as unknown as CrashCollectionRepository;
  source = new CrashSource(directory, roles, {} as CrashesService, collection);
});

describe('a source of the shared collections', () => {
  it('writes what arrived while this service had the role, and what is owed', async () => {
    await source.write([OURS, THEIRS]);
    expect(written).toEqual(['ours']);
    await source.writeOwed([THEIRS]);
    expect(written).toEqual(['ours', 'theirs']);
  });

  it('writes nothing while the old server has the role, and holds what is its own and not written', async () => {
    isWriter = false;
    await source.write([OURS, THEIRS]);
    expect(written).toEqual([]);
    expect(await source.hasUnwritten([THEIRS])).toBe(false);
    expect(await source.hasUnwritten([OURS, THEIRS])).toBe(true);
    written.push('ours');
    expect(await source.hasUnwritten([OURS, THEIRS])).toBe(false);
  });
});
