import { beforeEach, describe, expect, it } from '@jest/globals';
import { Cache } from '../cache/index.js';
import type { EventStream, Redis } from '../cluster/index.js';
import { type BackgroundJobs, EventBus, Metrics } from '../core/index.js';
import { CachedVehicles } from './cached-vehicles.js';
import { vehicleNotFound } from './vehicle.errors.js';
import type { Vehicle } from './vehicle.js';
import type { VehiclesRepository } from './vehicles.repository.js';

const IN_SERVICE = 'a'.repeat(24);
const ARCHIVED = 'b'.repeat(24);
const UNKNOWN = 'c'.repeat(24);
const stored = [
  { id: IN_SERVICE, archivedAt: null },
  { id: ARCHIVED, archivedAt: new Date() },
] as Vehicle[];

let reads: number;
let vehicles: CachedVehicles;
beforeEach(() => {
  reads = 0;
  const find = async (ids: readonly string[]): Promise<Vehicle[]> => {
    reads += 1;
    return stored.filter(({ id }) => ids.includes(id));
  };
  const repository = {
    getIncludingArchived: async (id: string) => {
      const [found] = await find([id]);
      if (!found) throw vehicleNotFound();
      return found;
    },
    findMany: async (ids: readonly string[]) =>
      (await find(ids)).filter(({ archivedAt }) => archivedAt === null),
    findManyIncludingArchived: find,
  } as unknown as VehiclesRepository;
  const cache = new Cache(
    { isConfigured: false } as Redis,
    { receivesFromAll: true } as EventStream,
    {} as BackgroundJobs,
    new EventBus(),
    new Metrics(),
  );
  vehicles = new CachedVehicles(repository, cache);
});

describe('reads of vehicles at the same time', () => {
  it.each([IN_SERVICE, ARCHIVED])('give %s also when a list is being read', async (id) => {
    const list = vehicles.findMany([id]);
    await new Promise(setImmediate);
    const [, found] = await Promise.all([list, vehicles.getIncludingArchived(id)]);
    expect(found).toBe(stored.find((each) => each.id === id));
  });

  it.each(['list', 'one'])(
    'tell an unknown vehicle apart, when the read of %s comes first',
    async (first) => {
      const calls = {
        list: () => vehicles.findMany([UNKNOWN, IN_SERVICE]),
        one: () => vehicles.getIncludingArchived(UNKNOWN),
      };
      const one = first === 'one' ? calls.one() : null;
      const list = calls.list();
      await Promise.resolve();
      const results = await Promise.allSettled([list, one ?? calls.one()]);
      expect(results[0]).toMatchObject({ value: [{ id: IN_SERVICE }] });
      expect(results[1]).toMatchObject({ reason: { code: 'vehicles/not-found' } });
    },
  );

  it('list only vehicles in service, with one read', async () => {
    expect(await vehicles.findMany([IN_SERVICE, ARCHIVED, UNKNOWN])).toEqual([stored[0]]);
    expect(reads).toBe(1);
  });
});
