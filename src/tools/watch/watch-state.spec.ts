import { describe, expect, it } from '@jest/globals';
import { UsageError, type StreamedItem } from '../client/index.js';
import { LiveVehicles } from './live-vehicles.js';
import { VehicleDirectory } from './vehicle-directory.js';
import { ConnectionStatus } from './connection-status.js';
import { parseOptions } from './options.js';
import { Screen } from './screen.js';
import { lineOf, screenOf, summaryLineOf } from './view.js';

const at = (second: number): string => new Date(Date.UTC(2026, 10, 1, 10, 0, second)).toISOString();
const item = (vehicleId: string, second: number, more: Partial<StreamedItem> = {}): StreamedItem => ({
  vehicleId,
  position: { lat: second / 100, lon: 11, time: at(second), receivedAt: at(second) },
  late: false,
  ...more,
});

describe('parseOptions', () => {
  it('reads every option', () => {
    const argv =
      '--vehicle RTW --vehicle NEF\u00a01 --bbox -1,50,1,52 --rows 5 --seconds 2.5 --email a --password b';
    expect(parseOptions([...argv.split(' '), '--url', 'https://x:1/'])).toMatchObject({
      prefixes: ['rtw', 'nef\u00a01'],
      bbox: [-1, 50, 1, 52],
      rows: 5,
      seconds: 2.5,
      url: 'https://x:1',
      socketUrl: 'http://127.0.0.1:5050',
    });
    expect(parseOptions([])).toMatchObject({ prefixes: [], bbox: undefined, seconds: undefined });
    expect(parseOptions(['-h'])).toBe('help');
  });

  it.each([
    ['--bbox 1,2,3'],
    ['--bbox 1,2,3,x'],
    ['--bbox 1,60,3,50'],
    ['--bbox'],
    ['--rows 0'],
    ['--seconds -1'],
    ['--url ftp://x'],
    ['--nonsense'],
    ['extra'],
  ])('%s is wrong use', (argv) => expect(() => parseOptions(argv.split(' '))).toThrow(UsageError));
});

describe('Board', () => {
  it('counts every fix and moves the marker only forward', () => {
    const liveVehicles = new LiveVehicles();
    liveVehicles.begin([item('a', 5)]);
    liveVehicles.add(item('a', 6));
    liveVehicles.add(item('a', 2, { late: true }));
    expect(liveVehicles.all()).toMatchObject([{ position: { lat: 0.06 }, fixes: 2, isLate: true }]);
    expect(liveVehicles.totals).toEqual({ vehicles: 1, fixes: 2, late: 1 });
  });

  it('does not let a clock that runs ahead freeze a vehicle', () => {
    const liveVehicles = new LiveVehicles();
    liveVehicles.add(item('a', 1, { position: { lat: 1, lon: 1, time: at(59), receivedAt: at(1) } }));
    liveVehicles.add(item('a', 2));
    expect(liveVehicles.all()).toMatchObject([{ position: { lat: 0.02 } }]);
  });

  it('follows who is there; a new snapshot has the last word', () => {
    const liveVehicles = new LiveVehicles();
    liveVehicles.begin([item('a', 1), item('b', 1), item('c', 1)]);
    liveVehicles.add(item('a', 2));
    liveVehicles.remove('b');
    liveVehicles.begin([item('a', 2)]);
    expect(liveVehicles.all()).toMatchObject([{ vehicleId: 'a', fixes: 1 }]);
  });
});

describe('Directory', () => {
  it('asks for a stranger once, and again only after a while', async () => {
    let nowMs = 0;
    const known = [{ id: 'a', callSign: 'RTW 1', status: 'available', registration: '', type: 'als' }];
    const api = {
      vehicles: async function* () {
        yield* known;
      },
    };
    const directory = new VehicleDirectory(api, () => nowMs);
    expect(directory.needsLookup('a')).toBe(true);
    await directory.refresh();
    directory.asked(['a', 'x']);
    expect(['a', 'x'].map((id) => directory.needsLookup(id))).toEqual([false, false]);
    expect(directory.get('x').callSign).toBe('x');
    nowMs = 31_000;
    expect(['a', 'x'].map((id) => directory.needsLookup(id))).toEqual([false, true]);
    directory.put({ id: 'x', callSign: 'NEF 1', status: 'on_scene' });
    expect(directory.get('x')).toMatchObject({ callSign: 'NEF 1', status: 'on_scene' });
  });
});

describe('LinkStatus', () => {
  it('tells of a cut, of what was missed, and then lets it be', () => {
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

describe('what is said', () => {
  const directory = new VehicleDirectory({ vehicles: async function* () {} });
  directory.put({ id: 'a', callSign: 'RTW\t1', status: 'on_scene' });

  it('fits the terminal, whatever its size', () => {
    const liveVehicles = new LiveVehicles();
    liveVehicles.begin([item('a', 1), item('b', 1)]);
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

  it('is one line a fix for programs', () => {
    expect(lineOf(item('a', 1), directory)).toBe('2026-11-01T10:00:01.000Z\tRTW?1\t0.010000\t11.000000\t-\n');
  });

  it('sums up in one line', () => {
    const liveVehicles = new LiveVehicles();
    liveVehicles.add(item('a', 1, { late: true }));
    expect(summaryLineOf(liveVehicles, new ConnectionStatus(), 3.4)).toBe(
      '1 fix of 1 vehicle in 3 s, 1 late\n',
    );
  });
});

describe('Screen', () => {
  it('takes the second screen and gives the cursor back; writes nothing when nothing has changed', () => {
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
