import { beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { LegacyRole, Settings } from '../../config/index.js';
import { type BackgroundJobs, Clock, EventBus, RecordEpoch } from '../../core/index.js';
import type { DatabaseConnection, StartupTasks } from '../../database/index.js';
import type { RoleRecord } from './legacy-role.js';
import { LegacyRoles } from './legacy-roles.js';
import type { LegacyMoveRepository } from './legacy-move.repository.js';

Logger.overrideLogger(false);

let stored: RoleRecord | null;
let isDown: boolean;
let bus: EventBus;
let recordEpoch: RecordEpoch;
beforeEach(() => {
  stored = null;
  isDown = false;
  bus = new EventBus();
  recordEpoch = new RecordEpoch();
});

const storage = {
  findRole: async () => {
    if (isDown) throw new Error('down');
    return stored;
  },
  replaceRole: async (seenEpoch: number | null, record: RoleRecord) => {
    if ((stored?.epoch ?? null) !== seenEpoch) return false;
    stored = record;
    return true;
  },
} as unknown as LegacyMoveRepository;

function rolesWith(role: LegacyRole, events = bus): LegacyRoles {
  return new LegacyRoles(
    storage,
    recordEpoch,
    events,
    {} as StartupTasks,
    {} as DatabaseConnection,
    {} as BackgroundJobs,
    new Clock(),
    { legacy: { role } } as Settings,
  );
}
const take = { role: 'samserver', by: 'test', why: '' } as const;
const give = { role: 'old', by: 'test', why: '' } as const;
const arrived = (roleEpoch?: number): { roleEpoch?: number } =>
  roleEpoch === undefined ? {} : { roleEpoch };

describe('LegacyRoles', () => {
  it('has the role of the setting, and records carry an epoch only beside the old server', () => {
    const alone = rolesWith('samserver');
    expect([alone.isWriter, alone.epoch, recordEpoch.current]).toEqual([true, undefined, undefined]);
    const beside = rolesWith('old');
    expect([beside.isWriter, beside.epoch, recordEpoch.current]).toEqual([false, 0, 0]);
  });

  it('the record in storage wins over the setting', async () => {
    const roles = rolesWith('old');
    await roles.change(take);
    expect([roles.isWriter, roles.epoch, recordEpoch.current]).toEqual([true, 1, 1]);
    await roles.change(give);
    expect([roles.isWriter, roles.epoch, recordEpoch.current]).toEqual([false, 2, 2]);
    expect(stored?.history.map(({ epoch, role }) => [epoch, role])).toEqual([
      [1, 'samserver'],
      [2, 'old'],
    ]);
  });

  it('to set the present role again changes nothing', async () => {
    const roles = rolesWith('old');
    await roles.change(give);
    await roles.change(give);
    expect(stored?.epoch).toBe(1);
  });

  it('of two changes that are based on one epoch, the second is refused', async () => {
    const [one, other] = [rolesWith('old'), rolesWith('old', new EventBus())];
    await one.change(take, 0);
    await expect(other.change(take, 0)).rejects.toMatchObject({ code: 'ops/legacy-roles-changed' });
  });

  it('gives what arrived while this service had the role, also under an epoch that it does not know yet', async () => {
    const [one, other] = [rolesWith('old'), rolesWith('old', new EventBus())];
    const items = [arrived(), arrived(0), arrived(1), arrived(2), arrived(3)];
    await one.change(take);
    await one.change(give);
    await one.change(take);
    expect(other.epoch).toBe(0);
    expect(await other.ours(items)).toEqual([arrived(), arrived(1), arrived(3)]);
    expect([other.epoch, other.isWriter]).toEqual([3, true]);
  });

  it('does not decide about an epoch that it cannot read, and decides about the others', async () => {
    const [one, other] = [rolesWith('old'), rolesWith('old', new EventBus())];
    await one.change(take);
    isDown = true;
    await expect(other.ours([arrived(1)])).rejects.toThrow('down');
    expect(await other.ours([arrived(), arrived(0)])).toEqual([arrived()]);
    expect(other.isWriter).toBe(false);
  });

  it('an event that arrives after a later one changes nothing', async () => {
    const roles = rolesWith('old');
    const first = await roles.change(take);
    await roles.change(give);
    bus.publish('legacy-roles.changed', first);
    expect([roles.role, roles.epoch]).toEqual(['old', 2]);
  });
});
