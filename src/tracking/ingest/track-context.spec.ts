import { describe, expect, it } from '@jest/globals';
import type { PositionsRepository } from '../positions.repository.js';
import type { QuarantineRepository } from '../quarantine/quarantine.repository.js';
import { TimeLine, TrackContextLoader } from './track-context.js';

const at = (timeMs: number, name = '') => ({ timeMs, name });

describe('TimeLine', () => {
  it('finds the items beside a time, whatever the order of adding', () => {
    const line = new TimeLine<{ timeMs: number }>();
    for (const timeMs of [5, 1, 9, 3, 7]) line.add(at(timeMs));
    expect([line.at(5)?.timeMs, line.at(4), line.before(5)?.timeMs, line.after(5)?.timeMs]).toEqual([
      5,
      null,
      3,
      7,
    ]);
    expect([line.before(1), line.after(9)]).toEqual([null, null]);
    expect(line.between(1, 9).map(({ timeMs }) => timeMs)).toEqual([3, 5, 7]);
    line.remove(3);
    expect(line.before(5)?.timeMs).toBe(1);
  });

  it('keeps the last item of each time', () => {
    const line = new TimeLine<{ timeMs: number; name: string }>();
    line.add(at(1, 'first'));
    line.add(at(1, 'second'));
    expect(line.between(0, 2)).toEqual([at(1, 'second')]);
  });
});

describe('the ends of the tracks of a group', () => {
  it('are read at the same time, with two reads for each vehicle that is not known', async () => {
    const READS = 6;
    let begun = 0;
    let allBegun: () => void = () => undefined;
    const all = new Promise<void>((resolve) => (allBegun = resolve));
    const read = async <T>(value: T): Promise<T> => {
      begun += 1;
      if (begun === READS) allBegun();
      await all;
      return value;
    };
    const positions = { findNewest: () => read(null) } as unknown as PositionsRepository;
    const quarantine = { listNewestTimes: () => read([]) } as unknown as QuarantineRepository;
    const group = ['a', 'b', 'c', 'known'].map((vehicleId, n) => ({
      ...at(n),
      vehicleId,
      lat: 0,
      lon: 0,
      receivedAtMs: n,
    }));
    const known = { newest: null, heldTimesMs: [] };
    const loader = new TrackContextLoader(positions, quarantine);
    const tracks = await loader.load(group, (id) => (id === 'known' ? known : null));
    expect([tracks.length, begun]).toEqual([4, READS]);
  });
});
