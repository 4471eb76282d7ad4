import { describe, expect, it } from '@jest/globals';
import type { StreamedItem } from '../client/index.js';
import { LiveVehicles } from './live-vehicles.js';
import { VehicleDirectory } from './vehicle-directory.js';
import { ConnectionStatus } from './connection-status.js';
import { Screen } from './screen.js';
import { lineOf, screenOf, summaryLineOf } from './view.js';

const at = (second: number): string => new Date(Date.UTC(2026, 10, 1, 10, 0, second)).toISOString();
const item = (vehicleId: string, second: number, more: Partial<StreamedItem> = {}): StreamedItem => ({
  vehicleId,
  position: { lat: second / 100, lon: 11, time: at(second), receivedAt: at(second) },
  late: false,
  ...more,
});

describe('LiveVehicles', () => {
  it('counts every fix and moves the marker only forward in time', () => {
    const liveVehicles = new LiveVehicles();
    liveVehicles.applySnapshot([item('a', 5)]);
    liveVehicles.add(item('a', 6));
    liveVehicles.add(item('a', 2, { late: true }));
    expect(liveVehicles.all()).toMatchObject([{ position: { lat: 0.06 }, fixes: 2, isLate: true }]);
    expect(liveVehicles.totals).toEqual({ vehicles: 1, fixes: 2, late: 1 });
  });

  it('moves a vehicle whose clock runs ahead', () => {
    const liveVehicles = new LiveVehicles();
    liveVehicles.add(item('a', 1, { position: { lat: 1, lon: 1, time: at(59), receivedAt: at(1) } }));
    liveVehicles.add(item('a', 2));
    expect(liveVehicles.all()).toMatchObject([{ position: { lat: 0.02 } }]);
  });

  it('removes vehicles that left or are not in a new snapshot', () => {
    const liveVehicles = new LiveVehicles();
    liveVehicles.applySnapshot([item('a', 1), item('b', 1), item('c', 1)]);
    liveVehicles.add(item('a', 2));
    liveVehicles.remove('b');
    liveVehicles.applySnapshot([item('a', 2)]);
    expect(liveVehicles.all()).toMatchObject([{ vehicleId: 'a', fixes: 1 }]);
  });
});

describe('VehicleDirectory', () => {
  it('looks an unknown vehicle up once, and again only after a pause', async () => {
    let nowMs = 0;
    const vehicle = { id: 'a', callSign: 'RTW 1', registration: '', type: 'als' };
    const known = [{ ...vehicle, status: 'available', lastPosition: null }];
    const api = {
      vehicles: async function* () {
        yield* known;
      },
    };
    const directory = new VehicleDirectory(api, () => nowMs);
    expect(directory.needsLookup('a')).toBe(true);
    await directory.refresh();
    directory.markLookedUp(['a', 'x']);
    expect(['a', 'x'].map((id) => directory.needsLookup(id))).toEqual([false, false]);
    expect(directory.get('x').callSign).toBe('x');
    nowMs = 31_000;
    expect(['a', 'x'].map((id) => directory.needsLookup(id))).toEqual([false, true]);
    directory.set({ id: 'x', callSign: 'NEF 1', status: 'on_scene' });
    expect(directory.get('x')).toMatchObject({ callSign: 'NEF 1', status: 'on_scene' });
  });
});

describe('ConnectionStatus', () => {
  it('shows a cut and the missed items, and stops after a while', () => {
    let nowMs = 0;
    const connection = new ConnectionStatus(() => nowMs);
    expect(connection.text).toBe('connecting…');
    connection.onConnectionState('connected');
    connection.onSnapshot([at(1)]);
    connection.onItem(at(1));
    expect(connection.text).toBe('connected');
    connection.onConnectionState('draining');
    expect(connection.text).toContain('hands over');
    connection.onConnectionState('reconnecting');
    expect(connection.text).toBe('reconnecting…');
    connection.onConnectionState('connected');
    connection.onSnapshot([at(4), at(5)]);
    for (const second of [3, 4, 5, 6]) connection.onItem(at(second));
    expect(connection.text).toBe('connected, caught up after 3 missed');
    nowMs = 10_001;
    expect(connection.text).toBe('connected');
    connection.onResync('slow');
    connection.onSnapshot([]);
    expect(connection.text).toContain('begin anew: slow');
    expect([connection.reconnects, connection.resyncs]).toEqual([1, 1]);
  });
});

describe('the output', () => {
  const directory = new VehicleDirectory({ vehicles: async function* () {} });
  directory.set({ id: 'a', callSign: 'RTW\t1', status: 'on_scene' });

  it('fits every size of the terminal', () => {
    const liveVehicles = new LiveVehicles();
    liveVehicles.applySnapshot([item('a', 1), item('b', 1)]);
    for (const columns of [1, 20, 80])
      for (const lines of [1, 2, 3, 4, 24]) {
        const screen = screenOf('http://x  connected', liveVehicles.all(), directory, Date.now(), {
          columns,
          lines,
        });
        expect(screen.length).toBeLessThanOrEqual(lines);
        for (const line of screen) expect([...line].length).toBeLessThanOrEqual(columns);
      }
  });

  it('prints one line for each fix', () => {
    expect(lineOf(item('a', 1), directory)).toBe('2026-11-01T10:00:01.000Z\tRTW?1\t0.010000\t11.000000\t-\n');
  });

  it('prints a summary line', () => {
    const liveVehicles = new LiveVehicles();
    liveVehicles.add(item('a', 1, { late: true }));
    expect(summaryLineOf(liveVehicles, new ConnectionStatus(), 3.4)).toBe(
      '1 fix of 1 vehicle in 3 s, 1 late\n',
    );
  });
});

describe('Screen', () => {
  it('opens and closes the alternate screen and draws only changes', () => {
    const written: string[] = [];
    const screen = new Screen({ write: (text) => written.push(text), columns: 80, rows: 2 });
    screen.open();
    screen.draw(['a', 'b', 'c']);
    screen.draw(['a', 'b', 'c']);
    screen.close();
    expect(written).toEqual([
      '\u001b[?1049h\u001b[?25l\u001b[?7l',
      '\u001b[Ha\u001b[K\r\nb\u001b[K\u001b[J',
      '\u001b[?7h\u001b[?25h\u001b[?1049l',
    ]);
  });
});
