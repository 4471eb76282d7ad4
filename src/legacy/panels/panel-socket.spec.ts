import { describe, expect, it } from '@jest/globals';
import { kindOfRoom, printableUserAgent, roomNameOf } from './panel-socket.js';

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

describe('the User-Agent of a panel', () => {
  it('is recorded in printable characters', () => {
    expect(printableUserAgent(`Mozilla\u0007${'x'.repeat(500)}`)).toBe(`Mozilla?${'x'.repeat(112)}`);
    expect(printableUserAgent(undefined)).toBe('(none)');
  });
});
