import { describe, expect, it } from '@jest/globals';
import {
  kindOfRoom,
  panelAddress,
  type PanelSocket,
  printableUserAgent,
  roomNameOf,
} from './panel-socket.js';

const ID = '66f0c0ffee0123456789abcd';

describe('a room name', () => {
  it.each([
    ['tracking', 'tracking'],
    ['"tracking"', 'tracking'],
    ["'tracking'", 'tracking'],
    [['tracking', 'more'], 'tracking'],
    ['x'.repeat(65), null],
    [7, null],
    [{}, null],
    [[], null],
    [null, null],
    [undefined, null],
  ])('%j is %j', (given, name) => {
    expect(roomNameOf(given)).toBe(name);
  });
});

describe('a room', () => {
  it.each([
    ['tracking', 'tracking'],
    ['snap', 'snap'],
    ['crash', 'crash'],
    [ID, 'vehicle'],
    [`CRASH_NOTIFY_${ID}`, 'crash_notify'],
    [ID.toUpperCase(), null],
    [`${ID}0`, null],
    ['CRASH_NOTIFY_', null],
    ['Tracking', null],
    ['Qx3vK9aZ0123456789AB', null],
    ['', null],
    ['__proto__', null],
  ])('%j is of kind %j', (name, kind) => {
    expect(kindOfRoom(name)).toBe(kind);
  });
});

describe('the address of a panel', () => {
  const socket = (remoteAddress: string, forwarded?: string): PanelSocket =>
    ({
      conn: { remoteAddress },
      handshake: { headers: { 'x-forwarded-for': forwarded } },
    }) as unknown as PanelSocket;

  it('is taken from the header of a trusted proxy only', () => {
    expect(panelAddress(socket('::ffff:10.0.0.1', '6.6.6.6, 203.0.113.7'), ['10.0.0.1'])).toBe('203.0.113.7');
    expect(panelAddress(socket('10.0.0.2', '203.0.113.7'), ['10.0.0.1'])).toBe('10.0.0.2');
    expect(panelAddress(socket('10.0.0.1', 'nonsense'), ['10.0.0.1'])).toBe('10.0.0.1');
    expect(panelAddress(socket('10.0.0.1'), ['10.0.0.1'])).toBe('10.0.0.1');
  });

  it('is recorded with a User-Agent in printable characters', () => {
    expect(printableUserAgent(`Mozilla\u0007${'x'.repeat(500)}`)).toBe(`Mozilla?${'x'.repeat(112)}`);
    expect(printableUserAgent(undefined)).toBe('(none)');
  });
});
