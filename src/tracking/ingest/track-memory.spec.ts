import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Position } from '../../core/index.js';
import { TrackMemory, type TrackEnd } from './track-memory.js';
import type { TrackOwnership } from './track-ownership.js';

const position = (vehicleId: string, timeMs: number): Position => ({
  vehicleId,
  timeMs,
  receivedAtMs: timeMs,
  lat: 48,
  lon: 11,
});
const endOf = (vehicleId: string, timeMs = 1): TrackEnd => ({
  vehicleId,
  newest: position(vehicleId, timeMs),
  heldTimesMs: [],
});

let claimed: readonly string[] | null;
let confirmed: readonly string[] | null;
let memory: TrackMemory;
beforeEach(() => {
  claimed = [];
  confirmed = [];
  memory = new TrackMemory({
    claim: () => Promise.resolve(claimed),
    confirm: () => Promise.resolve(confirmed),
  } as unknown as TrackOwnership);
});

/** One group of one position for each vehicle. */
async function group(...vehicleIds: string[]): Promise<void> {
  const use = await memory.begin(vehicleIds);
  await memory.confirm(use);
  memory.keep(
    use,
    vehicleIds.map((id) => endOf(id)),
  );
  memory.end(use);
}
const known = (...vehicleIds: string[]): string[] => vehicleIds.filter((id) => memory.find(id) !== null);

describe('the end of a track', () => {
  it('is kept after a group', async () => {
    await group('a');
    expect(memory.find('a')).toEqual({ newest: position('a', 1), heldTimesMs: [] });
  });

  it('is kept without what validation does not need', async () => {
    const use = await memory.begin(['a']);
    const newest: Position = {
      ...position('a', 1),
      accuracyM: 5,
      speedMps: 3,
      attributes: { x: 1 },
      originalFields: { x: 1 },
    };
    memory.keep(use, [{ ...endOf('a'), newest }]);
    expect(memory.find('a')?.newest).toEqual({ ...position('a', 1), accuracyM: 5 });
  });

  it('is not kept with too many quarantined positions after it', async () => {
    const use = await memory.begin(['a']);
    memory.keep(use, [{ ...endOf('a'), heldTimesMs: null }]);
    expect(known('a')).toEqual([]);
  });

  it('is forgotten when too many quarantined positions follow it later', async () => {
    await group('a', 'b');
    const others = Array.from({ length: 25_000 }, (_, n) => `${n}`);
    await group(...others);
    const use = await memory.begin(['a', '0']);
    memory.keep(use, [
      { ...endOf('a'), heldTimesMs: null },
      { ...endOf('0'), heldTimesMs: null },
    ]);
    expect(known('a', 'b', '0', '1')).toEqual(['b', '1']);
  });

  it('is forgotten when another instance had claimed the vehicle, before or during the group', async () => {
    await group('a', 'b');
    claimed = ['a'];
    await memory.begin(['a', 'b']);
    expect(known('a', 'b')).toEqual(['b']);
    claimed = [];
    confirmed = ['b'];
    await group('b', 'c');
    expect(known('b', 'c')).toEqual(['c']);
  });

  it('is forgotten before a group uses it that began while the claim of another one was pending', async () => {
    await group('a');
    const claims: ((outdated: readonly string[] | null) => void)[] = [];
    const slow = new TrackMemory({
      claim: () => new Promise((resolve) => claims.push(resolve)),
      confirm: () => Promise.resolve([]),
    } as unknown as TrackOwnership);
    const [one, two] = [slow.begin(['a']), slow.begin(['b'])];
    const turn = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve));
    await turn();
    expect(claims).toHaveLength(1);
    claims[0]?.(null);
    await one;
    await turn();
    claims[1]?.([]);
    expect((await two).forgotten).toEqual(new Set());
  });

  it('is kept when the group has read it after its claim', async () => {
    claimed = ['a'];
    await group('a');
    expect(known('a')).toEqual(['a']);
  });

  it('is forgotten for all vehicles, and not kept, when the other instances are not known', async () => {
    await group('a');
    claimed = null;
    await group('b');
    expect(known('a', 'b')).toEqual([]);
    claimed = [];
    await group('a');
    confirmed = null;
    await group('b');
    expect(known('a', 'b')).toEqual([]);
  });

  it('is not kept by a group during which the track was changed otherwise', async () => {
    const use = await memory.begin(['a', 'b']);
    await memory.noteChange(['a']);
    await memory.confirm(use);
    memory.keep(use, [endOf('a'), endOf('b')]);
    expect(known('a', 'b')).toEqual(['b']);
  });

  it('is not kept while a write of the vehicle is in doubt', async () => {
    const nowMs = performance.now();
    const now = jest.spyOn(performance, 'now').mockReturnValue(nowMs);
    await group('a', 'b');
    memory.forgetWhileInDoubt(['a'], 1_000);
    await group('a', 'b');
    expect(known('a', 'b')).toEqual(['b']);
    now.mockReturnValue(nowMs + 1_000);
    await group('a', 'b');
    expect(known('a', 'b')).toEqual(['a', 'b']);
    now.mockRestore();
  });

  it('is forgotten when over 25,000 other vehicles have reported since', async () => {
    await group('a', 'b');
    const others = (from: number) => Array.from({ length: 25_000 }, (_, n) => `${from + n}`);
    await group(...others(0));
    await group('b');
    await group(...others(25_000));
    expect(known('a', 'b')).toEqual(['b']);
  });
});
