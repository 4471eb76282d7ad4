import { describe, expect, it } from '@jest/globals';
import { TokenBucket } from './token-bucket.js';
import { kindOfRoom, roomNameOf } from './panel-rooms.js';
import { panelAddress, type PanelSocket, printableUserAgent } from './panel-socket.js';

const ID = '66f0c0ffee0123456789abcd';

describe('the name of a room', () => {
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
  ])('%j is for %j', (name, kind) => {
    expect(kindOfRoom(name)).toBe(kind);
  });
});

describe('an allowance', () => {
  it('gives so many at once, and more with time, never over the first number', () => {
    const allowance = new TokenBucket(3, 2, 0);
    const take = (nowMs: number): boolean => allowance.take(nowMs);
    expect([take(0), take(0), take(0), take(0)]).toEqual([true, true, true, false]);
    expect([take(500), take(500)]).toEqual([true, false]);
    expect([1, 2, 3, 4].map(() => take(1e9))).toEqual([true, true, true, false]);
  });

  it('is not refilled by a clock that is set back', () => {
    const allowance = new TokenBucket(1, 1, 10_000);
    expect([allowance.take(10_000), allowance.take(0), allowance.take(500)]).toEqual([true, false, false]);
  });
});

describe('where a panel comes from', () => {
  const socket = (remoteAddress: string, forwarded?: string): PanelSocket =>
    ({
      conn: { remoteAddress },
      handshake: { headers: { 'x-forwarded-for': forwarded } },
    }) as unknown as PanelSocket;

  it('is what a proxy says that is believed, and no other', () => {
    expect(panelAddress(socket('::ffff:10.0.0.1', '6.6.6.6, 203.0.113.7'), ['10.0.0.1'])).toBe('203.0.113.7');
    expect(panelAddress(socket('10.0.0.2', '203.0.113.7'), ['10.0.0.1'])).toBe('10.0.0.2');
    expect(panelAddress(socket('10.0.0.1', 'nonsense'), ['10.0.0.1'])).toBe('10.0.0.1');
    expect(panelAddress(socket('10.0.0.1'), ['10.0.0.1'])).toBe('10.0.0.1');
  });

  it('has a program whose name is harmless', () => {
    expect(printableUserAgent(`Mozilla\u0007${'x'.repeat(500)}`)).toBe(`Mozilla?${'x'.repeat(112)}`);
    expect(printableUserAgent(undefined)).toBe('(none)');
  });
});
