import { describe, expect, it } from '@jest/globals';
import type { VehicleChange } from './vehicle-changes.js';
import { pageItemOf, pageJson, revisePage, type VehiclePage, vehiclePageBytes } from './vehicle-page.js';
import type { VehicleView } from './vehicle.js';

const at = new Date('2026-11-01T10:00:00Z');
const idOf = (n: number): string => n.toString(16).padStart(24, '0');
const viewOf = (n: number, callSign = `RTW "${n}" ä`): VehicleView => ({
  id: idOf(n),
  callSign,
  registration: `M-${n}`,
  type: 'als',
  boxCode: null,
  createdAt: at,
  updatedAt: at,
  status: 'available',
  statusAt: at,
  lastPosition: null,
});
const changeOf = (n: number, version: number, isArchived = false): VehicleChange => ({
  vehicle: viewOf(n, 'changed'),
  version,
  isArchived,
  clockBehindSince: null,
});

/** The vehicles 3, 5 and 7, each of version 2, after 2. */
const pageOf = (options: Partial<VehiclePage> = {}): VehiclePage => ({
  afterId: idOf(2),
  isFiltered: false,
  items: [3, 5, 7].map((n) => pageItemOf(viewOf(n), 2)),
  nextCursor: 'more',
  ...options,
});
const isShown = ({ items }: VehiclePage): boolean => items.some(({ json }) => json.includes('"changed"'));

describe('a page of vehicles', () => {
  it('is the JSON of its views', () => {
    const position = { lat: 1, lon: 2, time: 'then', receivedAt: 'now' };
    const jsonOf = (id: string): string => (id === idOf(5) ? JSON.stringify(position) : 'null');
    const items = [3, 5, 7].map((n) => ({ ...viewOf(n), lastPosition: n === 5 ? position : null }));
    expect(pageJson(pageOf(), { jsonOf })).toBe(JSON.stringify({ items, nextCursor: 'more' }));
    const empty = pageOf({ items: [], nextCursor: null });
    expect(pageJson(empty, { jsonOf })).toBe('{"items":[],"nextCursor":null}');
  });

  it.each<[string, VehiclePage, VehicleChange, isKept: boolean, shows: boolean]>([
    ['shows a change of one of its vehicles', pageOf(), changeOf(5, 3), true, true],
    ['ignores a version that it has', pageOf(), changeOf(5, 2), true, false],
    [
      'ignores a version that it has when it is filtered',
      pageOf({ isFiltered: true }),
      changeOf(5, 2),
      true,
      false,
    ],
    ['is read again when one of its vehicles is archived', pageOf(), changeOf(5, 3, true), false, false],
    ['is read again for a vehicle in between', pageOf(), changeOf(4, 1), false, false],
    ['is kept for a vehicle before it', pageOf(), changeOf(2, 3), true, false],
    ['is kept for a vehicle behind it', pageOf(), changeOf(8, 1), true, false],
    [
      'is read again for a vehicle behind the last page',
      pageOf({ nextCursor: null }),
      changeOf(8, 1),
      false,
      false,
    ],
    ['is read again for a vehicle before all', pageOf({ afterId: null }), changeOf(1, 1), false, false],
    ['is read again when it is empty', pageOf({ items: [], nextCursor: null }), changeOf(9, 1), false, false],
    [
      'is read again for each change when it is filtered',
      pageOf({ isFiltered: true }),
      changeOf(5, 3),
      false,
      false,
    ],
  ])('%s', (_what, page, change, isKept, shows) => {
    expect([revisePage(page, change), isShown(page)]).toEqual([isKept, shows]);
  });

  it('has the size of its texts and a fixed part for each vehicle', () => {
    const one = vehiclePageBytes(pageOf({ items: [pageItemOf(viewOf(3), 1)] }));
    const three = vehiclePageBytes(pageOf());
    expect(one).toBeGreaterThan(2 * JSON.stringify(viewOf(3)).length);
    expect(three).toBeGreaterThan(2.5 * (one - 1_000));
  });
});
