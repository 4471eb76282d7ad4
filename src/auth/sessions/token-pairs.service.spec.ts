import { describe, expect, it } from '@jest/globals';
import { isGenuine, makeRefreshToken, parseRefreshToken } from './token-pairs.service.js';

const session = '66f0c0ffee0123456789abcd';

describe('refresh token', () => {
  it('is genuine with its own secret, salt and generation only', () => {
    const token = parseRefreshToken(makeRefreshToken(session, 7, 'salt', 'secret'));
    expect(token).toMatchObject({ sessionId: session, generation: 7 });
    if (!token) throw new Error('unreadable');
    expect(isGenuine(token, 'salt', 'secret')).toBe(true);
    expect(isGenuine(token, 'salt', 'other')).toBe(false);
    expect(isGenuine(token, 'other', 'secret')).toBe(false);
    expect(isGenuine({ ...token, generation: 8 }, 'salt', 'secret')).toBe(false);
  });

  it.each([
    '',
    'a.b.c',
    `${session}.1.short`,
    `${session}.-1.${'x'.repeat(43)}`,
    `${session.toUpperCase()}.1.${'x'.repeat(43)}`,
  ])('does not read %j', (text) => expect(parseRefreshToken(text)).toBeNull());
});
